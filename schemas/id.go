package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// TaskID names a task. It is a UUID: version 7 when the ingress made it, version 5 when it was derived
// from something the caller chose or from a record's position.
type TaskID [16]byte

// taskNamespace separates our derived ids from everybody else's UUIDv5s. Changing it would make every
// repeated Idempotency-Key a new broadcast.
var taskNamespace = uuid.MustParse("6f1d2c1e-5f0a-5d3b-9a7e-0c4a17a0a11a")

// ErrTaskID is the error of text or bytes that are no task id.
var ErrTaskID = errors.New("not a task id")

// NewTaskID returns a new id that sorts by time (UUIDv7). It says the time that the clock has now: the library's own
// says a later one after the clock was set back, or in fake time, because it remembers its last.
func NewTaskID() TaskID {
	t := TaskID(uuid.New())
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(time.Now().UnixMilli()))
	copy(t[:6], ms[2:])
	t[6] = t[6]&0x0f | 0x70
	return t
}

// TaskIDFromKey returns the id that the request of a caller with an Idempotency-Key had until ids were made with a secret
// (producer/identity): anybody can work it out. Such tasks are still looked up.
func TaskIDFromKey(caller, key string) TaskID {
	// The length keeps ("ab","c") and ("a","bc") apart.
	return TaskID(uuid.NewSHA1(taskNamespace, []byte("key:"+strconv.Itoa(len(caller))+":"+caller+key)))
}

// TaskIDFromOrigin returns the id of an upstream record that brought none: a redelivery of the same record
// gives the same id.
func TaskIDFromOrigin(topic string, o *Origin) TaskID {
	return TaskID(uuid.NewSHA1(taskNamespace, fmt.Appendf(nil, "origin:%s/%d/%d", topic, o.GetPartition(), o.GetOffset())))
}

// ParseTaskID reads the text form of a task id, in any case UUIDs are written in.
func ParseTaskID(s string) (TaskID, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return TaskID{}, fmt.Errorf("%q: %w", s, ErrTaskID)
	}
	return TaskID(u), nil
}

// TaskIDFromBytes reads the 16 bytes that events carry.
func TaskIDFromBytes(b []byte) (TaskID, error) {
	if len(b) != 16 {
		return TaskID{}, fmt.Errorf("%d bytes: %w", len(b), ErrTaskID)
	}
	return TaskID(b), nil
}

// String returns the canonical text form.
func (t TaskID) String() string {
	var b [maxCallback]byte
	return string(t.appendTo(b[:0]))
}

// appendTo appends what String returns.
func (t TaskID) appendTo(b []byte) []byte {
	b = append(hex.AppendEncode(b, t[:4]), '-')
	b = append(hex.AppendEncode(b, t[4:6]), '-')
	b = append(hex.AppendEncode(b, t[6:8]), '-')
	b = append(hex.AppendEncode(b, t[8:10]), '-')
	return hex.AppendEncode(b, t[10:])
}

// MarshalText is String for whoever writes it as JSON, as logs do.
func (t TaskID) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Bytes returns the 16 bytes that events carry.
func (t TaskID) Bytes() []byte { return t[:] }

// Time returns when the ingress made the id, and false for an id that does not say (a derived one).
func (t TaskID) Time() (time.Time, bool) {
	if t[6]>>4 != 7 {
		return time.Time{}, false
	}
	var ms [8]byte
	copy(ms[2:], t[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))), true
}

// Callback returns what a send carries to Meta and back in its receipts (biz_opaque_callback_data, at most 512
// characters): the task and the recipient's index.
func Callback(t TaskID, index uint32) string {
	return callbackText(t, ":", index)
}

const (
	callback    = "av1:"
	maxCallback = 64 // bytes, at least those of a callback
)

// callbackText makes a callback with one allocation, because each call has one.
func callbackText(t TaskID, colon string, index uint32) string {
	var b [maxCallback]byte
	text := append(t.appendTo(append(b[:0], callback...)), colon...)
	return string(strconv.AppendUint(text, uint64(index), 10))
}

// TemplateCallback is Callback for a recipient who gets the template of a content with both. A zero stands before the index, which versions
// before there were any read all the same.
func TemplateCallback(t TaskID, index uint32) string {
	return callbackText(t, ":0", index)
}

// CallbackOfTemplate reports whether TemplateCallback wrote it, of what ParseCallback reads.
func CallbackOfTemplate(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return len(s) > i+2 && s[i+1] == '0'
}

// ParseCallback reads what Callback and TemplateCallback wrote, and reports false for anybody else's.
func ParseCallback(s string) (TaskID, uint32, bool) {
	rest, ok := strings.CutPrefix(s, callback)
	if !ok {
		return TaskID{}, 0, false
	}
	id, num, ok := strings.Cut(rest, ":")
	if !ok {
		return TaskID{}, 0, false
	}
	t, err := ParseTaskID(id)
	n, other := strconv.ParseUint(num, 10, 32)
	if err != nil || other != nil {
		return TaskID{}, 0, false
	}
	return t, uint32(n), true
}

// MediaKey names a file on a sender number, as the media cache knows it. Meta binds a media id to the number
// that uploaded it, so the number is part of the name.
func MediaKey(sender string, digest [sha256.Size]byte) string {
	return sender + ":" + hex.EncodeToString(digest[:])
}

// clockSkew is how far ahead another ingress's clock may be for its ids to be called fresh.
const clockSkew = 5 * time.Second

// Fresh reports whether another ingress may have just handed out the id, so that its task has not come round yet.
func (t TaskID) Fresh() bool {
	made, ok := t.Time()
	age := time.Since(made)
	return ok && age < FreshTask && age > -clockSkew
}
