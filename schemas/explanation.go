package schemas

import (
	"cmp"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/schemas/es"
)

// Explanation is what a TaskUpdate or a Status says of why a task is where it is. It can be compared; the zero one says nothing.
type Explanation struct {
	words string // of versions before causes
	cause string // the Cause, encoded
}

// Explain returns the explanation that is a cause; of none, the zero one.
func Explain(c *Cause) Explanation {
	if c.GetReason() == Reason_REASON_NONE {
		return Explanation{}
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		panic("schemas: a cause is not UTF-8: " + err.Error()) // of code and arguments that sentences made fit
	}
	return Explanation{cause: string(b)}
}

// Because is an explanation that is no more than a reason and its sentence, which may be none.
func Because(r Reason, s es.Sentence) Explanation {
	return Explain(&Cause{Reason: r, Sentence: string(s.Code), Args: s.Args})
}

// Until is an explanation that holds until a moment, which people read by the clock of a zone.
func Until(r Reason, at time.Time, zone string) Explanation {
	if zone == time.UTC.String() {
		zone = "" // one way to say it
	}
	return Explain(&Cause{Reason: r, UntilMs: at.UnixMilli(), Timezone: zone})
}

// ExplanationOf returns what x says, a *TaskUpdate or a *Status. The words of versions before causes stay, and have a cause where they are known.
func ExplanationOf(x interface {
	GetPhase() Phase
	GetWhy() string
	GetCause() *Cause
},
) Explanation {
	c := x.GetCause()
	if c.GetReason() == Reason_REASON_NONE {
		c = earlierCause(x.GetPhase(), x.GetWhy())
	}
	e := Explain(c)
	e.words = x.GetWhy()
	return e
}

// None reports whether it says nothing.
func (e Explanation) None() bool { return e == Explanation{} }

// Known returns the explanation without words where it has a cause: as this version says it.
func (e Explanation) Known() Explanation {
	if e.cause != "" {
		e.words = ""
	}
	return e
}

// Own returns the sentence of its cause; see Cause.Own.
func (e Explanation) Own() es.Sentence { return e.Cause().Own() }

// Words returns the words of a version before causes.
func (e Explanation) Words() string { return e.words }

// Cause returns its cause; nil if it has none.
func (e Explanation) Cause() *Cause {
	if e.cause == "" {
		return nil
	}
	c := &Cause{}
	if err := proto.Unmarshal([]byte(e.cause), c); err != nil {
		panic("schemas: a cause that was encoded is not decoded: " + err.Error())
	}
	return c
}

// Reason returns its reason.
func (e Explanation) Reason() Reason { return e.Cause().GetReason() }

// Compare orders explanations in some way.
func (e Explanation) Compare(other Explanation) int {
	return cmp.Or(cmp.Compare(e.words, other.words), cmp.Compare(e.cause, other.cause))
}

// Own returns the sentence that a cause names; none if it names none, or one of a newer version.
func (x *Cause) Own() es.Sentence {
	s := es.Sentence{Code: es.Code(x.GetSentence()), Args: x.GetArgs()}
	if !s.Known() {
		return es.Sentence{}
	}
	return s
}
