package ledger

import "altavoz/stream"

// Disagreement is why a ledger and its log do not fit together.
type Disagreement string

// The disagreements.
const (
	OffsetsForeign Disagreement = "the group's offset is gone or was set by somebody else"
	LogCut         Disagreement = "the log ends below what was committed, or holds other records"
)

// TakeOver reads the ledger that the last owner committed and compares it with the log; read returns the sum of the record at an
// offset, and whether there is one. If the log is not the one of which the ledger speaks, why is not empty and at says where they
// differ. What may have been called becomes unknown then, and what cannot have been is sent:
//
//   - The offsets are gone, or somebody set them: every record in the log may have been called.
//   - The log ends below what was committed, or holds other records there. From the first other record on none was ever called,
//     whatever the ledger says of their offsets. Between the last record that is the same and the first that is not nobody knows.
func TakeOver[S any](pos stream.Position, read func(offset int64) (sum uint32, ok bool, err error)) (l *Ledger[S], at Cut, why Disagreement, err error) {
	if pos.Begun && pos.Metadata == "" { //mutant:foreign-offsets-are-not-believed
		if l, err = New[S](pos.Begin, nil); err != nil || pos.Begin >= pos.End {
			return l, at, "", err
		}
		at = Cut{From: pos.Begin, To: pos.End}
		l.applyCut(at)
		return l, at, OffsetsForeign, nil
	}
	id, runs, err := Decode(pos.Metadata, pos.Offset) //mutant:takeover-reads-the-ledger
	if err != nil {
		return nil, at, "", err
	}
	if l, err = New[S](pos.Offset, runs); err != nil || pos.Offset < 0 {
		return l, at, "", err
	}
	l.inherit(&id) //mutant:takeover-sends-what-was-not-started
	at, cut, err := Find(id.Marks, pos.Begin, pos.End, l.next, read)
	if err != nil || !cut {
		return l, at, "", err
	}
	l.applyCut(at) //mutant:what-the-log-lost-is-not-done
	return l, at, LogCut, nil
}
