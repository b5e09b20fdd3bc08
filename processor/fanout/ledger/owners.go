package ledger

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Who owned the partition stands behind the text of the ledger, in a form that every version skips which does not know it:
// line breaks, of which base64 takes no notice. So processes of two versions can hand partitions to each other both ways.
// An owner is ownerBits of them, the highest first, "\r" for one and "\n" for zero.
const (
	ownerBits = 48
	// MaxOwners is how many owners a ledger names, the newest first: its own and two before it. One that a third takeover
	// makes older is known only by what senders remember.
	MaxOwners  = 3
	ownerChars = MaxOwners * ownerBits
	// MostOwner is the highest number that an owner may have; the lowest is 1.
	MostOwner = 1<<ownerBits - 1
)

// NewOwner puts a new owner before those that the ledger names. Its number is none of theirs, and drawn: one of 2^48, against
// the thousand at most that somebody holds for replaced.
func (l *Ledger) NewOwner() []int64 {
	for {
		if o := 1 + rand.Int64N(MostOwner); !slices.Contains(l.Owners, o) {
			return append([]int64{o}, l.Owners...)
		}
	}
}

// appendOwners puts the owners behind the text, as many as there is room for.
func appendOwners(text string, owners []int64, room int) string {
	var b strings.Builder
	b.WriteString(text)
	for _, o := range owners[:min(len(owners), MaxOwners, max(0, room-len(text))/ownerBits)] {
		for at := ownerBits - 1; at >= 0; at-- {
			b.WriteByte("\n\r"[o>>at&1])
		}
	}
	return b.String()
}

// cutOwners reads what appendOwners wrote.
func cutOwners(text string) (rest string, owners []int64, err error) {
	rest = strings.TrimRight(text, "\r\n")
	marks := text[len(rest):]
	if len(marks)%ownerBits != 0 || len(marks) > ownerChars {
		return text, nil, ErrLedger
	}
	for len(marks) > 0 {
		var o int64
		for i := range ownerBits {
			o <<= 1
			if marks[i] == '\r' {
				o |= 1
			}
		}
		if o == 0 {
			return text, nil, ErrLedger
		}
		owners, marks = append(owners, o), marks[ownerBits:]
	}
	return rest, owners, nil
}
