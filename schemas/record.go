package schemas

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/schemas/version"
)

// Record is one record of a topic, in or out. Partition is NoPartition where the key decides.
type Record struct {
	Topic     Topic
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	Time      time.Time
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// NoPartition in a Record to be produced lets the key decide.
const NoPartition int32 = -1

// TopicPartition is one partition of one topic.
type TopicPartition struct {
	Topic     Topic
	Partition int32
}

func (s TopicPartition) String() string { return fmt.Sprintf("%s/%d", s.Topic, s.Partition) }

// ErrNotWritten is what an error of a log is that took nothing of a record. Of any other a record may come later.
var ErrNotWritten = errors.New("nothing was written")

// Position is what a group commits for a slot: the watermark, and up to MaxMetadata bytes of text beside it.
type Position struct {
	Partition     TopicPartition
	Offset   int64 // every record below it is finished; NoOffset where nothing is committed
	Metadata string

	// What the log held when the slot was assigned, as far as its owner is told; a commit does not carry them. Records
	// from Begin on are in the log, and End is the offset of the next one. A log that ends below Offset has lost its end.
	Begin, End int64
	// Begun says that the group has committed here before, with what this program writes beside an offset. A position without
	// that is not its own then: it is gone, or somebody set it.
	Begun bool
}

const (
	// NoOffset is the position of a group that never committed.
	NoOffset int64 = -1
	// MaxMetadata is the broker's limit on the metadata of a commit (offset.metadata.max.bytes, default of
	// Kafka 4.3). kfake does not enforce it, so we do.
	MaxMetadata = 4096
)

// Version of the encoding, as the header VersionHeader carries it. Who reads a record with a higher one waits for a newer version of
// this program: it neither guesses nor rejects.
const (
	VersionHeader = "altavoz-version"
	Version       = "1"
	versionNumber = 1
)

// ErrDecode is the error of a record that can't be understood. Unless it is ErrNewer it never can; such a record belongs in rejects.
var ErrDecode = errors.New("can't decode")

// ErrNewer is the error of a record that a newer version of this program wrote, which that version can read. It belongs where it is.
var ErrNewer = fmt.Errorf("%w: a newer version of altavoz wrote it", ErrDecode)

// Encode makes a record of an event. It panics on an event that Protobuf can't write (text that is not UTF-8):
// such text is refused before it gets here.
func Encode(topic Topic, key string, event proto.Message) Record {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("schemas: encoding %T: %v", event, err))
	}
	return Record{
		Topic: topic, Partition: NoPartition, Key: []byte(key), Value: value,
		Headers: []Header{{Key: VersionHeader, Value: []byte(Version)}},
	}
}

// EncodeSend, EncodeResult and the like fix topic and key of their event.

// EncodeBroadcast makes the record that commits a request.
func EncodeBroadcast(b *Broadcast) Record { return Encode(TopicBroadcasts, b.GetSender(), b) }

// EncodeSend makes the record of one send on its lane.
func EncodeSend(l Lane, s *Send) Record { return Encode(l.Topic(), s.GetPhone(), s) }

// EncodeResult makes the record of one result.
func EncodeResult(r *Result) Record { return Encode(TopicResults, TaskID(r.GetTask()).String(), r) }

// EncodeStatus makes the record of a task's status; it goes to the partition that its results came from.
func EncodeStatus(partition int32, s *Status) Record {
	r := Encode(TopicStatuses, TaskID(s.GetTask()).String(), s)
	r.Partition = partition
	return r
}

// EncodePage makes the record of a part of a task's marks; it goes to the partition that its results came from.
func EncodePage(partition int32, p *StatePage) Record {
	r := Encode(TopicMarks, PageKey(TaskID(p.GetTask()), p.GetNumber()), p)
	r.Partition = partition
	return r
}

// EncodeSlice makes the record of a slice of recipients; key is that of the list (see package blob).
func EncodeSlice(key string, s *Slice) Record { return Encode(TopicBlobs, key, s) }

// EncodeContent makes the record of a task's content as resolved.
func EncodeContent(t TaskID, c *Content) Record { return Encode(TopicBlobs, t.String(), c) }

// EncodeFilePart makes the record of a part of a file: bare bytes, because Protobuf would only copy them.
func EncodeFilePart(key string, part []byte) Record {
	return Record{
		Topic: TopicBlobs, Partition: NoPartition, Key: []byte(key), Value: part,
		Headers: []Header{{Key: VersionHeader, Value: []byte(Version)}},
	}
}

// Decode reads the event of a record that Encode made. Its errors are ErrDecode.
func Decode(r *Record, event proto.Message) error {
	if err := r.Newer(); err != nil {
		return err
	}
	if v := r.Header(VersionHeader); v != Version {
		return fmt.Errorf("record %s/%d at %d has version %q, this program reads %q: %w", r.Topic, r.Partition, r.Offset, v, Version, ErrDecode)
	}
	if err := proto.Unmarshal(r.Value, event); err != nil {
		return fmt.Errorf("record %s/%d at %d: %w: %w", r.Topic, r.Partition, r.Offset, ErrDecode, err)
	}
	return nil
}

// Header returns the value of the record's header key, or "".
func (r *Record) Header(key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// Newer returns ErrNewer where the record's header says that a newer version wrote it.
func (r *Record) Newer() error {
	if v := r.Header(VersionHeader); v != Version && v != "" && version.Newer(v, versionNumber) {
		return fmt.Errorf("record %s/%d at %d has version %s, this program reads %s: %w", r.Topic, r.Partition, r.Offset, v, Version, ErrNewer)
	}
	return nil
}

// Generation is who a group member was when a ledger was encoded. A commit made under it is refused by the broker
// once the group has moved on.
type Generation struct {
	Member     string
	Number int32
	Session    uint64 // counts the sessions of this process with the group; a fence of an earlier one is void
}
