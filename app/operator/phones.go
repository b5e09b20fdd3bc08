package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

// Cluster is how Kafka is reached.
type Cluster = kafka.Config

// Trace is a record in which a phone stands. What a record of that person alone says is in Event; of one with others it is only said where it is,
// since they are no business of whoever asks.
type Trace struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	At        time.Time       `json:"at"`
	KeptUntil *time.Time      `json:"kept_until,omitempty"` // at the latest, as the topic is set and its segments are closed; none: no time says it
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
	kept, err := topics.HowLong(ctx, cfg)
	if err != nil {
		return hinted(err, "is ALTAVOZ_KAFKA_BROKERS right, does Kafka run, and may this user describe the topics' settings?")
	}
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
				return each(trace(kept[spec.Topic], rec))
			})
			if err != nil {
				return fmt.Errorf("reading %s: %w", spec.Topic, err)
			}
		}
	}
	return nil
}

// statusKept is how long the aggregator keeps the status of a task after its end.
const statusKept = 35 * 24 * time.Hour

func trace(kept topics.Kept, rec stream.Record) Trace {
	t := Trace{Topic: string(rec.Topic), Partition: rec.Partition, Offset: rec.Offset, At: rec.Time.UTC()}
	if until, ok := kept.Until(t.At); ok {
		t.KeptUntil = &until
	}
	if id, err := schemas.ParseTaskID(string(rec.Key)); err == nil {
		t.Task = id.String()
	}
	task := func(id []byte) {
		if parsed, err := schemas.TaskIDFromBytes(id); err == nil {
			t.Task = parsed.String()
		}
	}
	switch rec.Topic {
	case schemas.TopicBroadcasts:
		b := new(schemas.Broadcast)
		if schemas.Decode(&rec, b) == nil {
			task(b.GetTask())
		}
	case schemas.TopicStatuses:
		s := new(schemas.Status)
		if schemas.Decode(&rec, s) != nil {
			break
		}
		ends := time.UnixMilli(s.GetFinishedMs())
		if s.GetFinishedMs() == 0 {
			ends = time.UnixMilli(s.GetPlan().GetAcceptedMs()).Add(schemas.TaskLife)
		}
		until := ends.Add(statusKept).UTC()
		t.KeptUntil = &until
	case schemas.TopicSendsBulk, schemas.TopicSendsExpress:
		send := new(schemas.Send)
		if schemas.Decode(&rec, send) != nil {
			break
		}
		task(send.GetTask())
		if event, err := protojson.Marshal(send); err == nil {
			t.Event = event
		}
	}
	return t
}

const (
	maxDigits  = 15 // of a phone (E.164)
	minDigits  = 7  // of one without its country
	maxBetween = 2  // characters between two digits, as in "+57 (300) 123-4567"
	maxWriting = 31 // bytes of one in a Protobuf message; its length is then no printable character
)

// names reports whether the phone stands in the bytes of a record, in any writing of its digits. In Protobuf the length of a text stands before
// it, and behind it the next field, whose first byte may be a digit.
func names(b []byte, phone schemas.Phone, region string) bool {
	if strings.Contains(phone.Digits(), ".") {
		return namesUser(b, phone.Digits())
	}
	if writes(b, phone, region) {
		return true
	}
	for i, n := range b {
		end := i + 1 + int(n)
		if n < minDigits || n > maxWriting || end > len(b) || strings.IndexByte("+(0123456789", b[i+1]) < 0 {
			continue
		}
		if writes(b[i+1:end], phone, region) {
			return true
		}
	}
	return false
}

// namesUser is names of a business-scoped user id, whose beginning may be in small letters.
func namesUser(b []byte, id string) bool {
	dot := strings.LastIndexByte(id, '.')
	length := protowire.AppendVarint(nil, uint64(len(id)))
	for at := 0; ; at++ {
		next := bytes.Index(b[at:], []byte(id[dot:]))
		if next < 0 {
			return false
		}
		at += next
		from, to := at-dot, at+len(id)-dot
		if from < 0 || !strings.EqualFold(string(b[from:at]), id[:dot]) {
			continue
		}
		if bytes.HasSuffix(b[:from], length) || (from == 0 || !ofUserID(b[from-1])) && (to == len(b) || !ofUserID(b[to])) {
			return true
		}
	}
}

// ofUserID reports whether a user id may have a character.
func ofUserID(c byte) bool {
	return c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// writes is names of text.
func writes(b []byte, phone schemas.Phone, region string) bool {
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
