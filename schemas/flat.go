package schemas

import (
	"unicode/utf8"

	"altavoz/stream"

	"google.golang.org/protobuf/encoding/protowire"
)

// FlatOutcome is a Result with an Outcome, or one of a Result's OutcomeList or Receipts, read without making anything: nearly every record
// of the results topic is one of these, and the general decoder spends more on it than the fold does. Texts are views of the record.
type FlatOutcome struct {
	Task   TaskID
	AtMs   int64
	Index  uint32
	Mark   uint32
	Phone  []byte
	Reason []byte
	Wamid  []byte
	Price  uint32
}

// Flat returns an outcome in that form, without its task.
func Flat(o *Outcome, at int64) *FlatOutcome {
	return &FlatOutcome{
		AtMs: at, Index: o.GetIndex(), Mark: o.GetMark(), Phone: []byte(o.GetPhone()), Reason: []byte(o.GetReason()), Wamid: []byte(o.GetWamid()),
		Price: o.GetPrice(),
	}
}

// Fields of Result, Receipts and Outcome, as in events.proto.
const (
	resultTask      protowire.Number = 1
	resultAt        protowire.Number = 2
	resultOutcome   protowire.Number = 5
	resultReceipts  protowire.Number = 8
	resultOutcomes  protowire.Number = 9
	severalOutcomes protowire.Number = 1 // of Receipts and of OutcomeList
	outcomeIndex    protowire.Number = 1
	outcomeMark     protowire.Number = 2
	outcomePhone    protowire.Number = 3
	outcomeReason   protowire.Number = 4
	outcomeWamid    protowire.Number = 5
	outcomePrice    protowire.Number = 6
)

// ReadOutcome reads the record into o and reports whether it was an Outcome in the plain form that Encode writes.
// Anything else, good or bad, is left to Decode.
func ReadOutcome(rec *stream.Record, o *FlatOutcome) bool {
	*o = FlatOutcome{}
	event, ok := o.result(rec, Version, resultOutcome)
	return ok && o.read(event)
}

// ReadReceipts is ReadOutcome for a Result with Receipts: their outcomes are appended to into, each with task and time.
// What is in into already stays, also when the record was none.
func ReadReceipts(rec *stream.Record, into []FlatOutcome) ([]FlatOutcome, bool) {
	return readSeveral(rec, Version, resultReceipts, into)
}

// ReadOutcomes is ReadReceipts for a Result with an OutcomeList.
func ReadOutcomes(rec *stream.Record, into []FlatOutcome) ([]FlatOutcome, bool) {
	return readSeveral(rec, Version2, resultOutcomes, into)
}

func readSeveral(rec *stream.Record, version string, kind protowire.Number, into []FlatOutcome) ([]FlatOutcome, bool) {
	var whole FlatOutcome
	all, ok := whole.result(rec, version, kind)
	if !ok {
		return into, false
	}
	out := into
	for len(all) > 0 {
		num, typ, n := protowire.ConsumeTag(all)
		if n < 0 || num != severalOutcomes || typ != protowire.BytesType {
			return into, false
		}
		v, m := protowire.ConsumeBytes(all[n:])
		if m < 0 {
			return into, false
		}
		all = all[n+m:]
		o := whole
		if !o.read(v) {
			return into, false
		}
		out = append(out, o)
	}
	return out, true
}

// result reads task and time of a Result of a version, and returns its event, which must be the one of the given number.
func (o *FlatOutcome) result(rec *stream.Record, version string, kind protowire.Number) (event []byte, ok bool) {
	if rec.Header(VersionHeader) != version {
		return nil, false
	}
	for b, last := rec.Value, protowire.Number(0); len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num <= last { // Encode writes each field once, in order
			return nil, false
		}
		b, last = b[n:], num
		switch {
		case num == resultTask && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 || len(v) != len(o.Task) {
				return nil, false
			}
			o.Task, b = TaskID(v), b[n:]
		case num == resultAt && typ == protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return nil, false
			}
			o.AtMs, b = int64(v), b[n:]
		case num == kind && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return nil, false
			}
			event, ok, b = v, true, b[n:]
		default:
			return nil, false
		}
	}
	return event, ok && o.Task != TaskID{}
}

func (o *FlatOutcome) read(b []byte) bool {
	for last := protowire.Number(0); len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num <= last {
			return false
		}
		b, last = b[n:], num
		switch {
		case (num == outcomeIndex || num == outcomeMark || num == outcomePrice) && typ == protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return false
			}
			switch num { //nolint:exhaustive // these three, as the case says
			case outcomeIndex:
				o.Index = uint32(v)
			case outcomeMark:
				o.Mark = uint32(v)
			default:
				o.Price = uint32(v)
			}
			b = b[n:]
		case (num == outcomePhone || num == outcomeReason || num == outcomeWamid) && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 || !utf8.Valid(v) {
				return false
			}
			switch num { //nolint:exhaustive // these three, as the case says
			case outcomePhone:
				o.Phone = v
			case outcomeReason:
				o.Reason = v
			default:
				o.Wamid = v
			}
			b = b[n:]
		default:
			return false
		}
	}
	return true
}
