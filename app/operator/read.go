package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
)

// lookEvery is how often a topic that is followed is asked for new records.
const lookEvery = 500 * time.Millisecond

// Shown is a record of a topic as JSON. The value is null where the record deletes its key.
type Shown struct {
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	At        string          `json:"at"`
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
}

// readable are the topics that Read shows, and how: with phones masked unless asked otherwise.
var readable = map[stream.Topic]func(rec *stream.Record, phones bool) (json.RawMessage, error){
	schemas.TopicEvents:   eventJSON,
	schemas.TopicStatuses: statusJSON,
}

// Readable names the topics that Read shows.
func Readable() string {
	names := make([]string, 0, len(readable))
	for _, t := range slices.Sorted(maps.Keys(readable)) {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// Read hands over the records of a topic, partition by partition, and then, where it is followed, what comes until ctx ends. Of a compacted
// topic those are missing that later ones of their key replaced.
func Read(ctx context.Context, cfg kafka.Config, topic string, follow, phones bool, each func(Shown) error) error {
	show, ok := readable[stream.Topic(topic)]
	if !ok {
		return hinted(fmt.Errorf("the topic %q can't be shown as JSON", topic), "those that can: "+Readable())
	}
	reader, err := records.NewReader(cfg)
	if err != nil {
		return fmt.Errorf("opening the reader: %w", err)
	}
	defer reader.Close()
	next := make(map[int32]int64)
	for {
		ends, err := reader.Ends(ctx, stream.Topic(topic))
		if err != nil && ctx.Err() == nil {
			return hinted(fmt.Errorf("reading a topic: %w", err), "is ALTAVOZ_KAFKA_BROKERS right, and does Kafka run?")
		}
		for _, p := range slices.Sorted(maps.Keys(ends)) {
			err := reader.Range(ctx, stream.TopicPartition{Topic: stream.Topic(topic), Partition: p}, next[p], ends[p], func(rec stream.Record) error {
				value, err := show(&rec, phones)
				if err != nil {
					return err
				}
				return each(Shown{Partition: rec.Partition, Offset: rec.Offset, At: rec.Time.UTC().Format(time.RFC3339Nano), Key: string(rec.Key), Value: value})
			})
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("reading a topic: %w", err)
			}
			next[p] = max(next[p], ends[p])
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// statusJSON shows a status with the names of its fields in events.proto.
func statusJSON(rec *stream.Record, phones bool) (json.RawMessage, error) {
	if len(rec.Value) == 0 {
		return nil, nil
	}
	s := new(schemas.Status)
	if err := schemas.Decode(rec, s); err != nil {
		return json.Marshal(map[string]string{"unreadable": err.Error()})
	}
	if !phones {
		for _, l := range s.GetErrors() {
			l.Phone = schemas.Phone(l.GetPhone()).String()
		}
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing a status: %w", err)
	}
	return text, nil
}

// eventJSON shows an event as it is, but for the phones of recipients.
func eventJSON(rec *stream.Record, phones bool) (json.RawMessage, error) {
	if !json.Valid(rec.Value) {
		return json.Marshal(map[string]string{"unreadable": "it is no JSON"})
	}
	if phones {
		return rec.Value, nil
	}
	return masked(rec.Value)
}

// masked masks the phones of an event about recipients. Meta's id of a message has the phone in it, and is left out.
func masked(event json.RawMessage) (json.RawMessage, error) {
	var all, data map[string]json.RawMessage
	var recipients []map[string]json.RawMessage
	if json.Unmarshal(event, &all) != nil || json.Unmarshal(all["data"], &data) != nil || json.Unmarshal(data["recipients"], &recipients) != nil {
		return event, nil //nolint:nilerr // an event of a task as a whole, which has no phones
	}
	for _, r := range recipients {
		delete(r, "wamid")
		var phone string
		if json.Unmarshal(r["phone"], &phone) == nil {
			r["phone"] = written(schemas.Phone(phone).String())
		}
	}
	data["recipients"] = written(recipients)
	all["data"] = written(data)
	return written(all), nil
}

// written is the JSON of what was read from JSON.
func written(what any) json.RawMessage {
	out, err := json.Marshal(what)
	if err != nil {
		panic(fmt.Sprintf("operator: writing %T: %v", what, err))
	}
	return out
}
