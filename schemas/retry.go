package schemas

import (
	"crypto/sha256"
	"strconv"

	"altavoz/stream"
)

// MarkBytes is the length of Retry.marks.
const MarkBytes = 256 / 8

// placesVersion is the version of a slice that has places: older programs, which would find no phones in it, leave it to newer ones.
const placesVersion = "2"

// Digest is the request_sha256 of a retry. It is that of the task's n-th retry, whoever is chosen: of two requests for it one is carried out.
func (r *Retry) Digest() []byte {
	h := sha256.New()
	HashText(h, "altavoz retry 1")
	HashText(h, string(r.GetOf()))
	HashText(h, strconv.FormatUint(uint64(r.GetNumber()), 10))
	return h.Sum(nil)
}

// EncodePlaces makes the record of a slice with places; key is that of the list.
func EncodePlaces(key string, picked []uint32) stream.Record {
	rec := EncodeSlice(key, &Slice{Picked: picked})
	rec.Headers = []stream.Header{{Key: VersionHeader, Value: []byte(placesVersion)}}
	return rec
}

// DecodeSlice reads a slice of phones or of places. Its errors are those of Decode.
func DecodeSlice(r *stream.Record, s *Slice) error {
	if r.Header(VersionHeader) == placesVersion {
		return unmarshal(r, s)
	}
	return Decode(r, s)
}
