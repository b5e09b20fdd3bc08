package operator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/rejects"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/schemas/shown"
	"altavoz/stream"
)

// Rejected is a record that could not be processed, with the reason.
type Rejected struct {
	ID        string `json:"id"` // where it lies in rejects: partition/offset
	At        string `json:"at"`
	Stage     string `json:"stage"`
	Code      string `json:"code"`
	Reason    string `json:"reason"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Replayed  bool   `json:"replayed,omitempty"`
	Key       string `json:"key,omitempty"`
	Value     string `json:"value,omitempty"`        // where it is text
	Base64    string `json:"value_base64,omitempty"` // where it is not
}

// String is a line for people.
func (r Rejected) String() string {
	replayed := ""
	if r.Replayed {
		replayed = "replayed: "
	}
	return fmt.Sprintf("%-7s %s  %s  %s  %s/%d at %d  %s%s", r.ID, shown.Line(r.At), shown.Line(r.Stage), shown.Line(r.Code), shown.Line(r.Topic),
		r.Partition, r.Offset, replayed, shown.Line(r.Reason))
}

// number is what may be a phone: the digits of one, as people and systems write it, alone or within other text.
var number = regexp.MustCompile(`\+?\d(?:[ .()-]{0,2}\d){7,14}`)

// Masked returns the reject without phones. A value that is not text may hold them anywhere, and is left out.
func (r Rejected) Masked() Rejected {
	mask := func(text string) string {
		return number.ReplaceAllStringFunc(text, func(found string) string {
			digits := strings.Map(func(c rune) rune {
				if c < '0' || c > '9' {
					return -1
				}
				return c
			}, found)
			return schemas.Phone(digits).String()
		})
	}
	r.Key, r.Value, r.Reason, r.Base64 = mask(r.Key), mask(r.Value), mask(r.Reason), ""
	return r
}

// Replay says where a rejected record was written to again.
type Replay struct {
	ID, Topic string
	Partition int32
	Offset    int64
}

// ErrReplayed is the error of a record that was played again before: twice could be two broadcasts.
var ErrReplayed = errors.New("was replayed before")

// Rejects hands over every rejected record that is still kept, partition by partition.
func Rejects(ctx context.Context, cfg kafka.Config, each func(Rejected) error) error {
	b, err := openRejects(cfg)
	if err != nil {
		return err
	}
	defer b.reader.Close()
	return b.each(ctx, func(rec stream.Record, k rejects.Kept, replayed bool) error {
		r := Rejected{
			ID: rejectID(rec), At: k.At, Stage: k.Stage, Code: k.Code, Reason: k.Reason, Replayed: replayed,
			Topic: string(k.Record.Topic), Partition: k.Record.Partition, Offset: k.Record.Offset, Key: string(rec.Key),
		}
		if utf8.Valid(rec.Value) {
			r.Value = string(rec.Value)
		} else {
			r.Base64 = base64.StdEncoding.EncodeToString(rec.Value)
		}
		return each(r)
	})
}

// ReplayRejects writes rejected records again, byte for byte, to the partition where they were read: those with the given
// ids, or all that were not replayed yet where there are none. That one is replayed is written down before it is: should
// this program die in between, it shows as replayed and is not, which again undoes.
func ReplayRejects(ctx context.Context, cfg kafka.Config, ids []string, again bool, done func(Replay)) error {
	layout, err := topics.Check(ctx, cfg)
	if err != nil {
		return hinted(err, "is ALTAVOZ_KAFKA_BROKERS right, and does altavoz run there?")
	}
	b, err := openRejects(cfg)
	if err != nil {
		return err
	}
	defer b.reader.Close()
	pub, err := records.NewPublisher(cfg, layout, 0)
	if err != nil {
		return fmt.Errorf("opening the publisher: %w", err)
	}
	left := slices.Clone(ids)
	err = b.each(ctx, func(rec stream.Record, k rejects.Kept, replayed bool) error {
		id := rejectID(rec)
		i := slices.Index(left, id)
		switch {
		case len(ids) > 0 && i < 0, len(ids) == 0 && replayed && !again:
			return nil
		case replayed && !again:
			return hinted(fmt.Errorf("%s %w", id, ErrReplayed), "--again does it all the same: a broadcast without a task_id would go out twice")
		case layout[k.Record.Topic] <= k.Record.Partition:
			return fmt.Errorf("%s came from %s/%d, which is not there", id, k.Record.Topic, k.Record.Partition)
		}
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
		if _, err := pub.Publish(ctx, rejects.Replayed(rec)); err != nil {
			return fmt.Errorf("noting that %s is replayed: %w", id, err)
		}
		out, err := pub.Publish(ctx, k.Record)
		if err != nil {
			return fmt.Errorf("replaying %s: %w", id, err)
		}
		done(Replay{ID: id, Topic: string(out[0].Topic), Partition: out[0].Partition, Offset: out[0].Offset})
		return nil
	})
	if err == nil && len(left) > 0 {
		err = hinted(fmt.Errorf("no rejected record has the id %s", left[0]), "`altavoz topics rejects` lists them")
	}
	return errors.Join(err, pub.Close(ctx))
}

func rejectID(rec stream.Record) string { return fmt.Sprintf("%d/%d", rec.Partition, rec.Offset) }

// rejectsReader is the topic rejects, as it is read.
type rejectsReader struct{ reader *records.Reader }

func openRejects(cfg kafka.Config) (rejectsReader, error) {
	reader, err := records.NewReader(cfg)
	if err != nil {
		return rejectsReader{}, fmt.Errorf("opening the reader: %w", err)
	}
	return rejectsReader{reader}, nil
}

// each reads every partition twice: notes of what was replayed lie behind the records that they speak of.
func (b rejectsReader) each(ctx context.Context, each func(rec stream.Record, k rejects.Kept, replayed bool) error) error {
	ends, err := b.reader.Ends(ctx, schemas.TopicRejects)
	if err != nil {
		return hinted(fmt.Errorf("looking for rejects: %w", err), "is ALTAVOZ_KAFKA_BROKERS right, and does Kafka run?")
	}
	for p := range int32(len(ends)) {
		slot := stream.TopicPartition{Topic: schemas.TopicRejects, Partition: p}
		replayed := make(map[int64]struct{})
		err := b.reader.Range(ctx, slot, 0, ends[p], func(rec stream.Record) error {
			if at, ok := rejects.ReadReplayed(rec); ok {
				replayed[at] = struct{}{}
			}
			return nil
		})
		if err == nil {
			err = b.reader.Range(ctx, slot, 0, ends[p], func(rec stream.Record) error {
				k, ok := rejects.Open(rec)
				if !ok {
					return nil
				}
				_, before := replayed[rec.Offset]
				return each(rec, k, before)
			})
		}
		if err != nil {
			return fmt.Errorf("reading rejects: %w", err)
		}
	}
	return nil
}
