// Package canary judges a broadcast by its first recipients. What refuses all of them would refuse all, so the others are
// spared it. It decides from the counts of a Status and how far the list was dispatched, and remembers nothing: whoever
// takes over a task comes to the same verdict.
package canary

import (
	"time"

	"altavoz/schemas"
)

const (
	// First is how many recipients go ahead of the others: one smallest quantum.
	First = 50
	// enough is how many refusals that predict all, most of all refusals, and not one success end a task. One may be one
	// recipient's fault, since Meta's codes for bad parameters sometimes mean the phone; five without any success are not.
	enough = 5
	// undeliveredEnough is how many recipients must be undelivered for a verdict; of them, or of the first, 9 of 10.
	undeliveredEnough = 20

	// codeKept is Meta's for a promotion that it kept from a recipient who has had enough of them, or lives where none are
	// allowed. It is a single recipient's, but if nine in ten have it, it is the list's.
	codeKept = 131049

	// What a recipient's own values may make of a template: too long, or a parameter that is none.
	codeFilledLong  = 132005
	codeFilledWrong = 132018

	// OutcomesWithin is how long the others wait for the first to be decided. Longer than five attempts take, and short
	// enough that an outcome that was lost holds nobody up: the window bounds what a number that stands still is given.
	OutcomesWithin = 2 * time.Minute
	// ReceiptsWithin is how long they wait for receipts of the first once these are sent. A refusal comes with the
	// first receipt of a message, mostly within two seconds, and webhooks are late now and then.
	ReceiptsWithin = 10 * time.Second
)

// Task is what the verdict depends on.
type Task struct {
	End      uint32 // recipients below it were given a quantum
	Counts   []*schemas.StateCount
	Predicts func(code int) bool // whether a refusal with the code predicts all; nil: none does
	Personal bool                // recipients have values or messages of their own
	TwoWays  bool                // who wrote lately gets another message than the others
	Receipts bool                // they are to be expected, and worth waiting for
	Resumed  bool                // a person let it go on, and may have seen the receipts of the first
}

// Do is what a verdict asks for.
type Do uint8

// The verdicts.
const (
	Go    Do = iota
	Wait     // the next after the first get no quantum yet
	Stop     // the others would be refused as well
	Pause    // the others would not be delivered either, most probably
)

// Verdict is what to do. Mark is what most of the first came to, with Stop and Pause; Within bounds a Wait.
type Verdict struct {
	Do     Do
	Mark   schemas.RecipientState
	Within time.Duration
}

// Judge returns the verdict on a task.
func Judge(t Task) Verdict {
	c := t.count()
	switch {
	case c.proven == 0 && c.refused >= enough && 2*c.refused >= c.failed && c.decided >= First:
		return Verdict{Do: Stop, Mark: c.refusal}
	case !t.Resumed && c.bad >= undeliveredEnough && 10*c.bad >= 9*c.of(t.End):
		return Verdict{Do: Pause, Mark: c.badMark}
	case t.End != First: // they are not all dispatched, or the others are already
		return Verdict{}
	case c.decided < First && (c.proven+c.undelivered == 0 || t.awaitsReceipts() && c.decided < First*9/10):
		return Verdict{Do: Wait, Within: OutcomesWithin}
	case t.awaitsReceipts() && !c.settled():
		return Verdict{Do: Wait, Within: ReceiptsWithin}
	}
	return Verdict{}
}

// awaitsReceipts reports whether receipts are waited for.
func (t Task) awaitsReceipts() bool { return t.Receipts && !t.Resumed }

// counts are numbers of recipients.
type counts struct {
	decided, succeeded, undelivered uint32
	proven                          uint32 // succeeded by the message for those who did not write, where there are two: most get it, and the other proves nothing of it
	good                            uint32 // with a receipt that says that all is well
	failed                          uint32 // refused by Meta
	refused                         uint32 // of these, with a code that predicts all
	refusal                         schemas.RecipientState
	bad                             uint32 // undelivered, with the one code that predicts all and has the most of them
	badMark                         schemas.RecipientState
}

func (t Task) count() (c counts) {
	most := uint32(0)
	for _, x := range t.Counts {
		m, n := schemas.RecipientState(x.GetMark()), x.GetCount()
		if !m.Decided() {
			continue
		}
		c.decided += n
		if m.Succeeded() {
			c.succeeded += n
		}
		if m.Succeeded() && (!t.TwoWays || m.GotTemplate()) { //mutant:who-wrote-lately-proves-nothing-of-the-template
			c.proven += n
		}
		if m.Succeeded() && m >= schemas.StateConfirmed {
			c.good += n
		}
		code, ok := m.Code()
		if !ok {
			continue
		}
		filled := code == codeFilledLong || code == codeFilledWrong
		predicts := t.Predicts != nil && t.Predicts(code) && (!t.Personal || !filled) //mutant:what-values-make-of-a-template-is-the-recipients
		if m.Outcome() == schemas.OutcomeFailed {
			if code >= 0 {
				c.failed += n
			}
			if predicts {
				c.refused += n
				if n > most || n == most && m < c.refusal {
					most, c.refusal = n, m
				}
			}
			continue
		}
		c.undelivered += n
		if (predicts || code == codeKept) && (n > c.bad || n == c.bad && m < c.badMark) {
			c.bad, c.badMark = n, m
		}
	}
	return c
}

// of is how many the undelivered are measured by: as long as only the first were dispatched, all of them that were sent or
// may yet be; later, those of whom there is a receipt.
func (c counts) of(end uint32) uint32 {
	if end <= First {
		return c.sendable(end)
	}
	return c.undelivered + c.good
}

// sendable is how many of the dispatched were sent or may yet be.
func (c counts) sendable(end uint32) uint32 {
	return end - min(end, c.decided-c.succeeded-c.undelivered)
}

// settled reports whether receipts that are still to come can't change the verdict on the first.
func (c counts) settled() bool {
	others := c.undelivered - c.bad + c.good // nobody of them comes back with the one code
	waiting := First - min(First, c.decided) + c.succeeded - c.good
	return waiting == 0 || 10*others > c.sendable(First)
}
