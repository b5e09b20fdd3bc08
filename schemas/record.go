package schemas

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"altavoz/schemas/version"
	"altavoz/stream"
)

// Versions of the encoding, as the header VersionHeader carries them. Who reads a record with a higher one than it knows waits for a newer version
// of this program: it neither guesses nor rejects. So a record has the lowest version whose readers take it for what it is.
const (
	VersionHeader = "altavoz-version"
	Version       = "1"
	// Version2 is that of records with something that readers of the first one would pass over: places of a retry, what recipients have of their
	// own, templates, events about recipients, several outcomes, what recipients tap.
	Version2 = "2"

	newestVersion = 2
)

// ErrDecode is the error of a record that can't be understood. Unless it is ErrNewer it never can; such a record belongs in rejects.
var ErrDecode = errors.New("can't decode")

// ErrNewer is the error of a record that a newer version of this program wrote, which that version can read. It belongs where it is.
var ErrNewer = fmt.Errorf("%w: a newer version of altavoz wrote it", ErrDecode)

// Encode makes a record of an event. It panics on an event that Protobuf can't write (text that is not UTF-8):
// such text is refused before it gets here.
func Encode(topic stream.Topic, key string, event proto.Message) stream.Record {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("schemas: encoding %T: %v", event, err))
	}
	return stream.Record{
		Topic: topic, Partition: stream.NoPartition, Key: []byte(key), Value: value,
		Headers: []stream.Header{{Key: VersionHeader, Value: []byte(Version)}},
	}
}

// encode2 is Encode for a record of Version2.
func encode2(topic stream.Topic, key string, event proto.Message) stream.Record {
	rec := Encode(topic, key, event)
	rec.Headers[0].Value = []byte(Version2)
	return rec
}

// EncodeSend, EncodeResult and the like fix topic and key of their event.

// EncodeBroadcast makes the record that commits a request.
func EncodeBroadcast(b *Broadcast) stream.Record {
	if b.IsPersonal() || b.GetRetry().GetSliceRecipients() != 0 || b.GetEvents() != Events_EVENTS_TASK || b.GetContent().waits() { //mutant:personal-broadcast-waits-for-who-knows-it
		return encode2(TopicBroadcasts, b.GetSender(), b)
	}
	return Encode(TopicBroadcasts, b.GetSender(), b)
}

// EncodeSend makes the record of one send on its lane.
func EncodeSend(l Lane, s *Send) stream.Record {
	if s.GetPersonal() != nil || s.GetContent().waits() { //mutant:unfilled-text-waits-for-who-fills-it
		return encode2(l.Topic(), s.GetPhone(), s)
	}
	return Encode(l.Topic(), s.GetPhone(), s)
}

// EncodeResult makes the record of one result.
func EncodeResult(r *Result) stream.Record {
	if r.GetPlan().GetEvents() != Events_EVENTS_TASK || r.GetTaps() != nil { //mutant:events-wait-for-who-tells-them
		return encode2(TopicResults, TaskID(r.GetTask()).String(), r)
	}
	return Encode(TopicResults, TaskID(r.GetTask()).String(), r)
}

// AllOutcomes returns the outcomes of a result: one, several, or those of receipts; none of what is something else.
func (x *Result) AllOutcomes() []*Outcome {
	switch e := x.GetEvent().(type) {
	case *Result_Outcome:
		return []*Outcome{e.Outcome}
	case *Result_Outcomes:
		return e.Outcomes.GetOutcomes()
	case *Result_Receipts:
		return e.Receipts.GetOutcomes()
	default:
		return nil
	}
}

// MaxOutcomes is how many outcomes one record has at most: 400 bytes each, where they have a reason.
const MaxOutcomes = 512

// EncodeOutcomes makes the record of outcomes of a task, at most MaxOutcomes. Programs of the first version know no record with several.
func EncodeOutcomes(task TaskID, atMs int64, all []*Outcome) stream.Record {
	r := &Result{Task: task.Bytes(), AtMs: atMs}
	if len(all) == 1 {
		r.Event = &Result_Outcome{Outcome: all[0]}
		return EncodeResult(r)
	}
	r.Event = &Result_Outcomes{Outcomes: &OutcomeList{Outcomes: all}}
	return encode2(TopicResults, task.String(), r) //mutant:several-outcomes-are-not-passed-over
}

// EncodeStatus makes the record of a task's status; it goes to the partition that its results came from.
func EncodeStatus(partition int32, s *Status) stream.Record {
	r := Encode(TopicStatuses, TaskID(s.GetTask()).String(), s)
	r.Partition = partition
	return r
}

// EncodePage makes the record of a page of a task's states; it goes to the partition that its results came from.
func EncodePage(partition int32, p *StatePage) stream.Record {
	r := Encode(TopicMarks, PageKey(TaskID(p.GetTask()), p.GetNumber()), p)
	r.Partition = partition
	return r
}

// EncodeSlice makes the record of a slice of recipients; key is that of the list (see package blob).
func EncodeSlice(key string, s *Slice) stream.Record {
	if len(s.GetPersonal()) > 0 {
		return encode2(TopicBlobs, key, s)
	}
	return Encode(TopicBlobs, key, s)
}

// waits reports whether readers of the first version would send something else.
func (x *Content) waits() bool {
	return x.GetTemplate() != nil || x.GetShape() != nil || x.GetRoute() != Route_ROUTE_FIXED
}

// Bytes is how large a shape is in a record.
func (x *Shape) Bytes() int { return proto.Size(x) }

// Bytes is how large the template is, encoded.
func (x *Template) Bytes() int { return proto.Size(x) }

// Answerable reports whether recipients may answer with a tap, of which a webhook tells.
func (x *Content) Answerable() bool { return x.GetShape() != nil || x.GetTemplate() != nil }

// EncodeContent makes the record of a task's content as resolved.
func EncodeContent(t TaskID, c *Content) stream.Record {
	if c.waits() { //mutant:template-waits-for-who-sends-it
		return encode2(TopicBlobs, t.String(), c)
	}
	return Encode(TopicBlobs, t.String(), c)
}

// EncodeFilePart makes the record of a part of a file: bare bytes, because Protobuf would only copy them.
func EncodeFilePart(key string, part []byte) stream.Record {
	return stream.Record{
		Topic: TopicBlobs, Partition: stream.NoPartition, Key: []byte(key), Value: part,
		Headers: []stream.Header{{Key: VersionHeader, Value: []byte(Version)}},
	}
}

// Decode reads the event of a record that Encode made. Its errors are ErrDecode.
func Decode(r *stream.Record, event proto.Message) error {
	if err := CheckVersion(r); err != nil {
		return err
	}
	if v := r.Header(VersionHeader); v != Version && v != Version2 {
		return fmt.Errorf("record %s/%d at %d has version %q, this program reads %s and %s: %w", r.Topic, r.Partition, r.Offset, v, Version, Version2, ErrDecode)
	}
	if err := proto.Unmarshal(r.Value, event); err != nil {
		return fmt.Errorf("record %s/%d at %d: %w: %w", r.Topic, r.Partition, r.Offset, ErrDecode, err)
	}
	return nil
}

// CheckVersion returns ErrNewer where the record's header says that a newer version wrote it.
func CheckVersion(r *stream.Record) error {
	if v := r.Header(VersionHeader); v != Version && v != "" && version.Newer(v, newestVersion) {
		return fmt.Errorf("record %s/%d at %d has version %s, this program reads %d: %w", r.Topic, r.Partition, r.Offset, v, newestVersion, ErrNewer)
	}
	return nil
}
