package schemas

import "cmp"

// Why is what a note or a status says of why a task waits or ended: words, or a cause of which they are made where they are
// shown. It can be compared.
type Why struct {
	Words string

	reason         WaitReason
	since          int64
	number, detail string
	code           int32
	every          uint32
}

// WhyOf returns what x says, a *TaskUpdate or a *Status.
func WhyOf(x interface {
	GetWhy() string
	GetCause() *Cause
},
) Why {
	c := x.GetCause()
	return Why{x.GetWhy(), c.GetReason(), c.GetSinceMs(), c.GetNumber(), c.GetDetail(), c.GetCode(), c.GetEverySeconds()}
}

// Cause returns its cause; nil if it has none.
func (y Why) Cause() *Cause {
	if y.reason == WaitReason_WAIT_REASON_NONE {
		return nil
	}
	return &Cause{Reason: y.reason, SinceMs: y.since, Number: y.number, Detail: y.detail, Code: y.code, EverySeconds: y.every}
}

// Compare orders them in some way.
func (y Why) Compare(z Why) int {
	return cmp.Or(cmp.Compare(y.Words, z.Words), cmp.Compare(y.reason, z.reason), cmp.Compare(y.since, z.since), cmp.Compare(y.code, z.code),
		cmp.Compare(y.number, z.number), cmp.Compare(y.detail, z.detail), cmp.Compare(y.every, z.every))
}
