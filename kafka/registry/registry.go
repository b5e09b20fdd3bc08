// Package registry is what altavoz remembers of its topics and groups in a topic of its own (registry, one partition,
// compacted), because Kafka forgets it: how many partitions each topic had when altavoz first started, and in which partitions a
// group has committed. Offsets of a group that stands still expire, and then look as if there had never been any.
//
// The records are text, so that an operator can read them: "partitions/results" is "12", "begun/sender/sends.bulk/3" is "1".
package registry

import (
	"fmt"
	"strconv"
	"strings"

	"altavoz/schemas"
)

// Registry is what the records say.
type Registry struct {
	Partitions map[schemas.Topic]int32 // of topics at the first start
	begun      map[string]struct{}
}

const (
	kindPartitions = "partitions/"
	kindBegun      = "begun/"
)

// Fold takes the next record in. Keys and values that it does not know it passes over. The error is that of a record which a newer
// version wrote: what that says is not known, so nobody may go by the others.
func (r *Registry) Fold(rec *schemas.Record) error {
	if err := rec.Newer(); err != nil {
		return fmt.Errorf("the registry: %w", err)
	}
	key := string(rec.Key)
	if topic, ok := strings.CutPrefix(key, kindPartitions); ok {
		n, err := strconv.ParseInt(string(rec.Value), 10, 32)
		if r.Partitions == nil {
			r.Partitions = make(map[schemas.Topic]int32)
		}
		if delete(r.Partitions, schemas.Topic(topic)); err == nil {
			r.Partitions[schemas.Topic(topic)] = int32(n)
		}
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

// Begun reports whether the group has committed in the partition before.
func (r *Registry) Begun(group string, s schemas.Slot) bool {
	_, ok := r.begun[begun(group, s)]
	return ok
}

// Missing returns the records of topics of which the first number of partitions is not remembered.
func (r *Registry) Missing(layout map[schemas.Topic]int32) (out []schemas.Record) {
	for _, s := range schemas.Topics() {
		if n := layout[s.Topic]; n > 0 && r.Partitions[s.Topic] == 0 {
			out = append(out, record(kindPartitions+string(s.Topic), strconv.Itoa(int(n))))
		}
	}
	return out
}

// BegunRecord says that a group has committed in a partition.
func BegunRecord(group string, s schemas.Slot) schemas.Record { return record(begun(group, s), "1") }

func begun(group string, s schemas.Slot) string { return kindBegun + group + "/" + s.String() }

func record(key, value string) schemas.Record {
	return schemas.Record{
		Topic: schemas.TopicRegistry, Partition: 0, Key: []byte(key), Value: []byte(value),
		Headers: []schemas.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}},
	}
}
