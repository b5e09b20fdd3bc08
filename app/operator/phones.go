package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
)

// Trace is a record in which a phone stands. What a record of that person alone says is in Event; of one with others it is only said where it is,
// since they are no business of whoever asks.
type Trace struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	At        time.Time       `json:"at"`
	KeptUntil *time.Time      `json:"kept_until,omitempty"` // by the topic's retention; none: until its task is forgotten
	Task      string          `json:"task,omitempty"`
	Event     json.RawMessage `json:"event,omitempty"`
}

// Traces hands over every record in which the phone stands, topic by topic, and holds one at a time. Phones that are written without a country
// are of the region.
func Traces(ctx context.Context, cfg kafka.Config, phone schemas.Phone, region string, each func(Trace) error) error {
	reader, err := records.NewReader(cfg)
	if err != nil {
		return fmt.Errorf("opening the reader: %w", err)
	}
	defer reader.Close()
	for _, spec := range cfg.Topics.OrDefault() {
		ends, err := reader.Ends(ctx, spec.Topic)
		if err != nil {
			return hinted(fmt.Errorf("looking for records: %w", err), "is ALTAVOZ_KAFKA_BROKERS right, and does Kafka run?")
		}
		for p, end := range ends {
			err := reader.Range(ctx, stream.TopicPartition{Topic: spec.Topic, Partition: p}, 0, end, func(rec stream.Record) error {
				if !names(rec.Key, phone, region) && !names(rec.Value, phone, region) {
					return nil
				}
				return each(trace(spec, rec))
			})
			if err != nil {
				return fmt.Errorf("reading %s: %w", spec.Topic, err)
			}
		}
	}
	return nil
}

func trace(spec schemas.TopicSpec, rec stream.Record) Trace {
	t := Trace{Topic: string(spec.Topic), Partition: rec.Partition, Offset: rec.Offset, At: rec.Time.UTC()}
	if spec.Retention > 0 {
		until := t.At.Add(spec.Retention)
		t.KeptUntil = &until
	}
	if id, err := schemas.ParseTaskID(string(rec.Key)); err == nil {
		t.Task = id.String()
	}
	send := new(schemas.Send)
	if spec.Topic != schemas.TopicSendsBulk && spec.Topic != schemas.TopicSendsExpress || schemas.Decode(&rec, send) != nil {
		return t
	}
	if len(send.GetTask()) == len(schemas.TaskID{}) {
		t.Task = schemas.TaskID(send.GetTask()).String()
	}
	if event, err := protojson.Marshal(send); err == nil {
		t.Event = event
	}
	return t
}

const (
	maxDigits  = 15 // of a phone (E.164)
	minDigits  = 7  // of one without its country
	maxBetween = 2  // characters between two digits, as in "+57 (300) 123-4567"
)

// names reports whether the phone stands in the bytes of a record, in any writing of its digits.
func names(b []byte, phone schemas.Phone, region string) bool {
	digits, between := make([]byte, 0, maxDigits+1), 0
	is := func() bool {
		found := string(digits)
		digits, between = digits[:0], 0
		if found == phone.Digits() {
			return true
		}
		if len(found) < minDigits || len(found) > maxDigits || !strings.HasSuffix(phone.Digits(), strings.TrimLeft(found, "0")) {
			return false
		}
		p, err := schemas.ParsePhone(found, region)
		return err == nil && p == phone
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if between = 0; len(digits) <= maxDigits {
				digits = append(digits, c)
			}
		case len(digits) > 0 && between < maxBetween && strings.IndexByte(" .()-", c) >= 0:
			between++
		case len(digits) > 0:
			if is() {
				return true
			}
		}
	}
	return len(digits) > 0 && is()
}
