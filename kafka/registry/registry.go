// Package registry is what altavoz remembers of its topics and groups in a topic of its own (registry, one partition,
// compacted), because Kafka forgets it: how many partitions each topic had when altavoz first started, and in which partitions a
// group has committed. Offsets of a group that stands still expire, and then look as if there had never been any.
//
// It also keeps the secret that ids and owners are proved with, where none is configured: only altavoz reads this topic, all its
// processes do, and it is there before any task. A first start writes a candidate under a key of its own, and the candidate
// with the lowest offset counts. So two processes that start at once agree, whichever they see first; and since no key is written twice, compaction
// changes nothing.
//
// The records are text, so that an operator can read them: "partitions/results" is "12", "begun/sender/sends.bulk/3" is "1".
package registry

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// Registry is what the records say.
type Registry struct {
	Partitions map[stream.Topic]int32 // of topics at the first start
	begun      map[string]struct{}
	secrets    []candidate // by offset, as the next
	configured []candidate // fingerprints of secrets that operators configured
	folded     int         // records
}

// candidate is a secret that a first start wrote.
type candidate struct {
	key    string
	secret schemas.Secret
	place  int // among the records
	at     time.Time
}

const (
	kindPartitions = "partitions/"
	kindBegun      = "begun/"
	kindSecret     = "id-secret/"
	kindConfigured = "id-configured/"
)

// Fold takes the next record in. Keys and values that it does not know it passes over. The error is that of a record which a newer
// version wrote: its meaning is not known, so the others may not be used.
func (r *Registry) Fold(rec *stream.Record) error {
	if err := schemas.CheckVersion(rec); err != nil {
		return fmt.Errorf("the registry: %w", err)
	}
	key := string(rec.Key)
	if topic, ok := strings.CutPrefix(key, kindPartitions); ok {
		n, err := strconv.ParseInt(string(rec.Value), 10, 32)
		if r.Partitions == nil {
			r.Partitions = make(map[stream.Topic]int32)
		}
		if delete(r.Partitions, stream.Topic(topic)); err == nil {
			r.Partitions[stream.Topic(topic)] = int32(n)
		}
	}
	if strings.HasPrefix(key, kindSecret) {
		r.secrets = r.foldSecret(r.secrets, key, rec)
	}
	if strings.HasPrefix(key, kindConfigured) {
		r.configured = r.foldSecret(r.configured, key, rec)
	}
	if strings.HasPrefix(key, kindBegun) {
		if r.begun == nil {
			r.begun = make(map[string]struct{})
		}
		if delete(r.begun, key); len(rec.Value) > 0 {
			r.begun[key] = struct{}{}
		}
	}
	return nil
}

// foldSecret keeps the candidates by the offset of their last record, which is the one that compaction keeps.
func (r *Registry) foldSecret(list []candidate, key string, rec *stream.Record) []candidate {
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.key == key })
	if r.folded++; len(rec.Value) > 0 {
		list = append(list, candidate{key, schemas.Secret(rec.Value), r.folded, rec.Time})
	}
	return list
}

// Configured returns the fingerprints of the secrets that processes were given, and whether the first of them came before a secret was
// made: then the made one makes no ids.
func (r *Registry) Configured() (fingerprints []string, first bool) {
	for _, c := range r.configured {
		fingerprints = append(fingerprints, c.secret.Reveal())
	}
	return fingerprints, len(r.configured) > 0 && (len(r.secrets) == 0 || r.configured[0].place < r.secrets[0].place)
}

// NewConfigured says that a process was given a secret.
func NewConfigured(fingerprint string) stream.Record {
	return record(kindConfigured+rand.Text(), fingerprint)
}

// Since returns when ids were first made with a secret; zero: not known.
func (r *Registry) Since() (at time.Time) {
	for _, list := range [][]candidate{r.secrets, r.configured} {
		if len(list) > 0 && (at.IsZero() || list[0].at.Before(at)) {
			at = list[0].at
		}
	}
	return at
}

// Secret returns the one that counts, and false where there is none yet.
func (r *Registry) Secret() (schemas.Secret, bool) {
	if len(r.secrets) == 0 {
		return "", false
	}
	return r.secrets[0].secret, true
}

// NewSecret makes a candidate, which has to be written once: by whoever repeats what may have been written, idempotently.
func NewSecret() stream.Record { return record(kindSecret+rand.Text(), rand.Text()+rand.Text()) }

// HasCommitted reports whether the group has committed in the partition before.
func (r *Registry) HasCommitted(group string, s stream.TopicPartition) bool {
	_, ok := r.begun[committedKey(group, s)]
	return ok
}

// Missing returns the records of topics of which the first number of partitions is not remembered.
func (r *Registry) Missing(layout map[stream.Topic]int32) (out []stream.Record) {
	for _, s := range schemas.Topics() {
		if n := layout[s.Topic]; n > 0 && r.Partitions[s.Topic] == 0 {
			out = append(out, record(kindPartitions+string(s.Topic), strconv.Itoa(int(n))))
		}
	}
	return out
}

// CommittedRecord says that a group has committed in a partition.
func CommittedRecord(group string, s stream.TopicPartition) stream.Record {
	return record(committedKey(group, s), "1")
}

func committedKey(group string, s stream.TopicPartition) string {
	return kindBegun + group + "/" + s.String()
}

func record(key, value string) stream.Record {
	return stream.Record{
		Topic: schemas.TopicRegistry, Partition: 0, Key: []byte(key), Value: []byte(value),
		Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}},
	}
}
