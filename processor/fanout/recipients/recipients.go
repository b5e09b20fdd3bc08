// Package recipients is what the fanout knows of a list: who has come before, and who has an outcome.
package recipients

import (
	"math"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"altavoz/schemas"
)

// maxUserIDs is how many business-scoped user ids a task remembers to find repeats: 130 bytes each, 17 MB.
const maxUserIDs = 1 << 17

// Seen finds repeats within a task, however they are written.
type Seen struct {
	numbers *roaring64.Bitmap
	ids     map[schemas.Phone]struct{}
}

// NewSeen returns what has seen nobody.
func NewSeen() *Seen { return &Seen{numbers: roaring64.New(), ids: make(map[schemas.Phone]struct{})} }

// Judge reads a recipient and remembers it. The mark is pending for one who is to be sent to.
func (n *Seen) Judge(text, region string) (schemas.Phone, schemas.Mark) {
	phone, err := schemas.ParsePhone(text, region)
	if err != nil {
		return "", schemas.Failed(schemas.CodeInvalidPhone)
	}
	if number, err := strconv.ParseUint(phone.Person().Digits(), 10, 64); err == nil && number < math.MaxInt64 {
		if !n.numbers.CheckedAdd(number) {
			return "", schemas.MarkDuplicate
		}
		return phone, schemas.MarkPending
	}
	if _, ok := n.ids[phone]; ok {
		return "", schemas.MarkDuplicate
	}
	if len(n.ids) < maxUserIDs {
		n.ids[phone] = struct{}{}
	}
	return phone, schemas.MarkPending
}

// Mask says which recipients of a run have an outcome. Every record says so of its time, and none takes it back.
type Mask struct {
	from    uint32
	decided []bool
}

// NewMask returns the mask of a run of which nothing is known.
func NewMask(from, n uint32) *Mask { return &Mask{from: from, decided: make([]bool, n)} }

// Covers reports whether a part has recipients of the run.
func (m *Mask) Covers(part uint32) bool {
	last := m.from + uint32(len(m.decided)) - 1
	return part >= m.from/schemas.PartRecipients && part <= last/schemas.PartRecipients
}

// Fold takes in the marks of a part.
func (m *Mask) Fold(part uint32, marks []byte) {
	for i := range m.decided {
		index := m.from + uint32(i)
		if at := index % schemas.PartRecipients; index/schemas.PartRecipients == part && at < uint32(len(marks)) {
			m.decided[i] = m.decided[i] || schemas.Mark(marks[at]).Decided()
		}
	}
}

// Pending returns the recipients of a run, which may have moved on meanwhile, that have no outcome.
func (m *Mask) Pending(from, n uint32) []bool {
	out := make([]bool, n)
	for i := range out {
		at := from + uint32(i) - m.from
		out[i] = at >= uint32(len(m.decided)) || !m.decided[at]
	}
	return out
}

// Decided reports whether the recipient, counted from the run's first, has an outcome.
func (m *Mask) Decided(at uint32) bool { return m.decided[at] }
