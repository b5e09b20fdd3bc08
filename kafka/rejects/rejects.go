// Package rejects is the form in which the topic rejects keeps records that can't be processed: byte for byte as they came,
// so that they can be played again, with the reason in headers behind their own.
package rejects

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/shown"
	"altavoz/stream"
)

// Headers that a rejected record carries behind its own, in this order. Whoever wrote the record may have used the same
// names, so only the last ones count.
const (
	headerTopic     = "reject.topic"
	headerPartition = "reject.partition"
	headerOffset    = "reject.offset"
	headerStage     = "reject.stage"
	headerCode      = "reject.code"
	headerReason    = "reject.reason"
	headerAt        = "reject.at"

	// headerReplayed is the only one of a note, which says that the record at that offset of its partition was played again.
	headerReplayed = "reject.replayed"

	maxReason = 1024 // bytes
	// maxKept is the largest record that is kept, in bytes of its key, value and headers: the topic takes MaxBroadcastBytes and 64 KiB, and half
	// of those are for the headers here and for framing. Broadcasts takes as much, and more of what is compressed, up to 32 MiB.
	maxKept = schemas.MaxBroadcastBytes + 32<<10
)

var headers = []string{headerTopic, headerPartition, headerOffset, headerStage, headerCode, headerReason, headerAt}

// Keep makes the record that keeps rec in the topic rejects: key, value and headers as they came, and behind them where it
// lay, which stage refused it and why. Of one that is too large for the topic it says that only: it would be refused for ever, and its
// partition would wait for it. A null value is skipped when it is played again.
func Keep(rec stream.Record, stage, code, reason string) stream.Record {
	if n := size(&rec); n > maxKept {
		reason = fmt.Sprintf("not kept, of %d bytes: %s", n, reason)
		rec.Key, rec.Value, rec.Headers = nil, nil, nil
	}
	values := []string{
		string(rec.Topic), strconv.Itoa(int(rec.Partition)), strconv.FormatInt(rec.Offset, 10),
		stage, code, shown.Line(reason[:min(len(reason), maxReason)]), time.Now().UTC().Format(time.RFC3339),
	}
	all := slices.Clone(rec.Headers)
	for i, name := range headers {
		all = append(all, stream.Header{Key: name, Value: []byte(values[i])})
	}
	return stream.Record{Topic: schemas.TopicRejects, Partition: stream.NoPartition, Key: rec.Key, Value: rec.Value, Headers: all}
}

// size is how many bytes of a record count: each header has some of framing.
func size(rec *stream.Record) int {
	const framing = 10 // bytes: two lengths
	n := len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value) + framing
	}
	return n
}

// Kept is what a record of the topic rejects keeps.
type Kept struct {
	Record                  stream.Record // as it came, and where it lay
	Stage, Code, Reason, At string
}

// Open returns what Keep put away. It is false for a record that Keep did not make.
func Open(rec stream.Record) (Kept, bool) {
	own := len(rec.Headers) - len(headers)
	if own < 0 {
		return Kept{}, false
	}
	values := make(map[string]string, len(headers))
	for i, h := range rec.Headers[own:] {
		if h.Key != headers[i] {
			return Kept{}, false
		}
		values[h.Key] = string(h.Value)
	}
	partition, err := strconv.ParseInt(values[headerPartition], 10, 32)
	if err != nil {
		return Kept{}, false
	}
	offset, err := strconv.ParseInt(values[headerOffset], 10, 64)
	if err != nil {
		return Kept{}, false
	}
	k := Kept{
		Record: stream.Record{
			Topic: stream.Topic(values[headerTopic]), Partition: int32(partition), Offset: offset, Key: rec.Key, Value: rec.Value,
		},
		Stage: values[headerStage], Code: values[headerCode], Reason: values[headerReason], At: values[headerAt],
	}
	if own > 0 {
		k.Record.Headers = slices.Clip(rec.Headers[:own])
	}
	return k, true
}

// Replayed makes the note that a record of rejects was played again.
func Replayed(rec stream.Record) stream.Record {
	return stream.Record{
		Topic: schemas.TopicRejects, Partition: rec.Partition,
		Headers: []stream.Header{{Key: headerReplayed, Value: []byte(strconv.FormatInt(rec.Offset, 10))}},
	}
}

// ReadReplayed returns the offset, in its own partition, that a note speaks of.
func ReadReplayed(rec stream.Record) (int64, bool) {
	if len(rec.Headers) != 1 || rec.Headers[0].Key != headerReplayed {
		return 0, false
	}
	offset, err := strconv.ParseInt(string(rec.Headers[0].Value), 10, 64)
	return offset, err == nil
}
