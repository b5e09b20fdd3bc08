// Package identity makes what only altavoz can make: the ids that follow from an Idempotency-Key, and the proof that a broadcast
// came through an ingress and whose it is. Both are HMACs with a secret that all processes share. An id that anybody could
// work out would be taken by somebody else first, and a record of the topic broadcasts can't prove who wrote it.
//
// A secret is not replaced without the one before: ids that it gave are looked up for as long as a request may be repeated.
package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/taskids"
	"altavoz/stream"
)

// Bounds of the configured secrets.
const (
	minSecret  = 32 // bytes: who owns a task, and that nobody is sent to twice, rests on it, and nobody types it
	maxSecrets = 8  // each costs a look-up of every request with an Idempotency-Key
	// MaxEarlier is the most other ids of a request: with every secret but one, the registry's among them, and with none.
	MaxEarlier = maxSecrets + 1
)

// What an HMAC is of, so that one never stands for the other.
const (
	ofTask  = "altavoz task id 1"
	ofPlace = "altavoz upstream id 1"
	ofMade  = "altavoz made id 1"
	ofOwner = "altavoz owner 1"
	ofMove  = "altavoz move 1"
	ofName  = "altavoz fingerprint 1"
	ofRetry = "altavoz retry id 1"
)

// Ring is the secrets, the newest first.
type Ring struct {
	secrets [][]byte
	// Began is when ids were first made with a secret here; zero: not known. Before it, and while processes are replaced, an ingress
	// signed nothing.
	Began time.Time
}

// NewRing returns the ring of secrets, the newest first; those that are there twice count once.
func NewRing(secrets ...schemas.Secret) *Ring {
	r := new(Ring)
	for _, s := range secrets {
		secret := []byte(s.Reveal())
		if !slices.ContainsFunc(r.secrets, func(b []byte) bool { return hmac.Equal(b, secret) }) {
			r.secrets = append(r.secrets, secret)
		}
	}
	return r
}

// Random is the ring of a process that shares it with no other.
func Random() *Ring { return NewRing(schemas.Secret(rand.Text() + rand.Text())) }

// Parse reads configured secrets, separated by commas or white space, the newest first.
func Parse(text schemas.Secret) ([]schemas.Secret, error) {
	fields := strings.FieldsFunc(text.Reveal(), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' })
	if len(fields) > maxSecrets {
		return nil, fmt.Errorf("there are %d secrets, more than %d", len(fields), maxSecrets)
	}
	out := make([]schemas.Secret, 0, len(fields))
	for i, f := range fields {
		if len(f) < minSecret {
			return nil, fmt.Errorf("secret %d of %d has %d bytes, and needs %d", i+1, len(fields), len(f), minSecret)
		}
		if slices.Contains(out, schemas.Secret(f)) {
			return nil, fmt.Errorf("secret %d of %d is there twice", i+1, len(fields))
		}
		out = append(out, schemas.Secret(f))
	}
	if text != "" && len(out) == 0 {
		return nil, errors.New("it holds no secret")
	}
	return out, nil
}

// Fingerprint names a secret, and says nothing of it.
func Fingerprint(s schemas.Secret) string {
	return hex.EncodeToString(sum([]byte(s.Reveal()), ofName)[:16])
}

// sum is the HMAC of parts, each with its length, so that none can pass into the next.
func sum(secret []byte, of string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, p := range append([][]byte{[]byte(of)}, parts...) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p)))) // a hash takes everything
		_, _ = h.Write(p)
	}
	return h.Sum(nil)
}

// TaskIDs returns the ids of the request that an owner makes with an Idempotency-Key: the one that a new task gets, and those
// that earlier secrets gave, the newest first.
func (r *Ring) TaskIDs(owner, key string) (id schemas.TaskID, earlier []schemas.TaskID) {
	return r.derive(ofTask, []byte(owner), []byte(key))
}

// RecordIDs is TaskIDs of a record in an upstream system's own topic, which brings no id: by its place, and the time that is written there,
// since a topic that is made anew gives places out again.
func (r *Ring) RecordIDs(rec *stream.Record) (id schemas.TaskID, earlier []schemas.TaskID) {
	at := binary.BigEndian.AppendUint64(nil, uint64(rec.Partition))
	at = binary.BigEndian.AppendUint64(at, uint64(rec.Offset))
	at = binary.BigEndian.AppendUint64(at, uint64(rec.Time.UnixMilli()))
	return r.derive(ofPlace, []byte(rec.Topic), at)
}

// RetryIDs is TaskIDs of a task's n-th retry: whoever asks for it first makes it, and nobody else can take its id.
func (r *Ring) RetryIDs(task schemas.TaskID, n uint32) (id schemas.TaskID, earlier []schemas.TaskID) {
	return r.derive(ofRetry, task.Bytes(), binary.BigEndian.AppendUint32(nil, n))
}

func (r *Ring) derive(of string, parts ...[]byte) (id schemas.TaskID, earlier []schemas.TaskID) {
	for i, secret := range r.secrets {
		made := taskID(sum(secret, of, parts...))
		if i == 0 {
			id = made
			continue
		}
		earlier = append(earlier, made)
	}
	return id, earlier
}

// markBytes is how much of an id that NewTaskID makes says who made it: a stranger's id looks so once in 2^32, and is refused then. What is left
// is the time and 42 random bits: of 500 ids a second two are the same once in a thousand years.
const markBytes = 4

// NewTaskID returns a new id as schemas.NewTaskID does, of which Made knows that it was made here. No record of anybody else's becomes its task.
func (r *Ring) NewTaskID() schemas.TaskID {
	t := schemas.NewTaskID()
	copy(t[len(t)-markBytes:], mark(r.secrets[0], t))
	return t
}

// Made reports whether NewTaskID made the id. Only a broadcast that is signed, and whose id nobody chose, may have it.
func (r *Ring) Made(t schemas.TaskID) bool {
	_, timed := t.Time()
	ok := false
	for _, secret := range r.secrets {
		ok = ok || hmac.Equal(t[len(t)-markBytes:], mark(secret, t))
	}
	return timed && ok
}

func mark(secret []byte, t schemas.TaskID) []byte {
	return sum(secret, ofMade, t[:len(t)-markBytes])[:markBytes]
}

// taskID makes an id of a digest: a UUID that looks like one of version 5, as ids that are derived always did, with 122 bits of
// the digest.
func taskID(digest []byte) schemas.TaskID {
	t := schemas.TaskID(digest[:16])
	t[6] = t[6]&0x0f | 0x50
	t[8] = t[8]&0x3f | 0x80
	return t
}

// Sign makes the broadcast an owner's, and adds the proof. Nothing that it stands on may change afterwards.
func (r *Ring) Sign(b *schemas.Broadcast, owner string) {
	b.Owner = owner
	b.OwnerMac = proof(r.secrets[0], b)
}

// Owner returns whose a broadcast is, and false for one that no ingress signed.
func (r *Ring) Owner(b *schemas.Broadcast) (string, bool) {
	ok := false
	for _, secret := range r.secrets {
		ok = ok || hmac.Equal(b.GetOwnerMac(), proof(secret, b))
	}
	return b.GetOwner(), ok
}

// Earlier returns the other ids that the request of a broadcast may have, none where no ingress signed them.
func (r *Ring) Earlier(b *schemas.Broadcast) []schemas.TaskID {
	if len(b.GetEarlier()) == 0 || len(b.GetEarlier()) > MaxEarlier {
		return nil
	}
	if _, ok := r.Owner(b); !ok { //mutant:earlier-ids-are-proved
		return nil
	}
	return taskids.Read(b.GetEarlier())
}

// Move adds the proof that the broadcast was put in order by a fanout, and where it was first.
func (r *Ring) Move(b *schemas.Broadcast) { b.OriginMac = moved(r.secrets[0], b) }

// Moved reports whether a fanout wrote where the broadcast was first.
func (r *Ring) Moved(b *schemas.Broadcast) bool {
	ok := false
	for _, secret := range r.secrets {
		ok = ok || hmac.Equal(b.GetOriginMac(), moved(secret, b))
	}
	return ok
}

// proof stands on what makes the broadcast that request of that owner's, at that time, so that it is worth nothing beside
// another one. Sender and place are left out: the fanout may put them in order.
func proof(secret []byte, b *schemas.Broadcast) []byte {
	at := binary.BigEndian.AppendUint64(nil, uint64(b.GetAcceptedMs()))
	return sum(secret, ofOwner, append([][]byte{[]byte(b.GetOwner()), b.GetTask(), b.GetRequestSha256(), at}, b.GetEarlier()...)...)
}

// moved stands on the task, the request and the place, so that it makes no other record the first one's copy.
func moved(secret []byte, b *schemas.Broadcast) []byte {
	at := binary.BigEndian.AppendUint64(nil, uint64(b.GetOrigin().GetPartition()))
	at = binary.BigEndian.AppendUint64(at, uint64(b.GetOrigin().GetOffset()))
	return sum(secret, ofMove, b.GetTask(), b.GetRequestSha256(), at)
}
