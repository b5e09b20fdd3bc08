package kafka

import (
	"strconv"
	"time"

	"altavoz/schemas"
)

// Headers that a rejected record carries besides its own.
const (
	rejectTopic     = "reject.topic"
	rejectPartition = "reject.partition"
	rejectOffset    = "reject.offset"
	rejectStage     = "reject.stage"
	rejectCode      = "reject.code"
	rejectReason    = "reject.reason"
	rejectAt        = "reject.at"

	maxReason = 1024 // bytes
)

// Reject makes the record that keeps rec, byte for byte, in the topic rejects: key, value and headers as they came, and
// beside them where it lay, which stage refused it and why.
func Reject(rec schemas.Record, stage, code, reason string) schemas.Record {
	headers := append([]schemas.Header(nil), rec.Headers...)
	for _, h := range [][2]string{
		{rejectTopic, string(rec.Topic)},
		{rejectPartition, strconv.Itoa(int(rec.Partition))},
		{rejectOffset, strconv.FormatInt(rec.Offset, 10)},
		{rejectStage, stage},
		{rejectCode, code},
		{rejectReason, reason[:min(len(reason), maxReason)]},
		{rejectAt, time.Now().UTC().Format(time.RFC3339)},
	} {
		headers = append(headers, schemas.Header{Key: h[0], Value: []byte(h[1])})
	}
	return schemas.Record{Topic: schemas.TopicRejects, Partition: schemas.NoPartition, Key: rec.Key, Value: rec.Value, Headers: headers}
}
