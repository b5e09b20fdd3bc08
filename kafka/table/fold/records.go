package fold

import (
	"errors"
	"strings"

	"altavoz/schemas"
	"altavoz/stream"
)

// ErrOtherKey is the error of a record whose value speaks of something else than its key.
var ErrOtherKey = errors.New("key and value of the record do not belong together")

// ParseStatus reads a record of the topic statuses; of a tombstone the status is nil.
func ParseStatus(rec *stream.Record) (schemas.TaskID, *schemas.Status, error) {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil || len(rec.Value) == 0 {
		return id, nil, err
	}
	st := new(schemas.Status)
	if err := schemas.Decode(rec, st); err != nil {
		return id, nil, err
	}
	if string(st.GetTask()) != string(id.Bytes()) {
		return id, nil, ErrOtherKey
	}
	return id, st, nil
}

// ParseControl reads a record of the topic controls: the task, the end of the key, and what is wanted. Of a tombstone that is
// nil.
func ParseControl(rec *stream.Record) (id schemas.TaskID, end string, c *schemas.Control, err error) {
	name, end, _ := strings.Cut(string(rec.Key), "/")
	if id, err = schemas.ParseTaskID(name); err != nil || len(rec.Value) == 0 {
		return id, end, nil, err
	}
	c = new(schemas.Control)
	if err := schemas.Decode(rec, c); err != nil {
		return id, end, nil, err
	}
	if string(c.GetTask()) != string(id.Bytes()) || string(schemas.EncodeControl(c).Key) != string(rec.Key) {
		return id, end, nil, ErrOtherKey
	}
	return id, end, c, nil
}
