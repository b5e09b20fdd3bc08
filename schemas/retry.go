package schemas

import (
	"crypto/sha256"
	"strconv"

	"altavoz/stream"
)

// MarkBytes is the length of Retry.marks.
const MarkBytes = 256 / 8

// Digest is the request_sha256 of a retry. It is that of the task's n-th retry, whoever is chosen: of two requests for it one is carried out.
func (r *Retry) Digest() []byte {
	h := sha256.New()
	HashText(h, "altavoz retry 1")
	HashText(h, string(r.GetOf()))
	HashText(h, strconv.FormatUint(uint64(r.GetNumber()), 10))
	return h.Sum(nil)
}

// EncodePlaces makes the record of a slice with places; key is that of the list. Programs of the first version would find no phones in it.
func EncodePlaces(key string, picked []uint32) stream.Record {
	return encode2(TopicBlobs, key, &Slice{Picked: picked})
}
