package registry_test

import (
	"errors"
	"testing"

	"altavoz/kafka/registry"
	"altavoz/schemas"
	"altavoz/stream"
)

func TestRegistryRemembersTheFirstNumberOfPartitions(t *testing.T) {
	t.Parallel()
	layout := map[stream.Topic]int32{schemas.TopicResults: 12, schemas.TopicControls: 1}
	var r registry.Registry
	missing := r.Missing(layout)
	if len(missing) != 2 {
		t.Fatalf("%d records for 2 topics, want 2", len(missing))
	}
	for i := range missing {
		fold(t, &r, missing[i])
	}
	layout[schemas.TopicResults] = 15
	if again := r.Missing(layout); len(again) != 0 || r.Partitions[schemas.TopicResults] != 12 {
		t.Errorf("%v, and %d more records; want 0", r.Partitions, len(again))
	}
	fold(t, &r, stream.Record{Key: missing[1].Key}) // a person takes one back
	if again := r.Missing(layout); len(again) != 1 {
		t.Errorf("%d records for the one that was taken back, want 1", len(again))
	}
}

func TestRegistryRemembersWhereGroupsHaveBegun(t *testing.T) {
	t.Parallel()
	tp := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 3}
	var r registry.Registry
	if r.HasCommitted("sender", tp) {
		t.Error("it has begun in an empty registry")
	}
	rec := registry.CommittedRecord("sender", tp)
	for _, other := range []stream.Record{{Key: []byte("begun/"), Value: []byte("1")}, {Key: []byte("what/ever")}, {}, {Key: []byte("partitions/results"), Value: []byte("many")}} {
		fold(t, &r, other)
	}
	fold(t, &r, rec)
	if !r.HasCommitted("sender", tp) || r.HasCommitted("fanout", tp) || r.HasCommitted("sender", stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 30}) {
		t.Error("it is another group's, or of another partition")
	}
	if string(rec.Key) != "begun/sender/sends.bulk/3" || string(rec.Value) != "1" {
		t.Errorf("%s is %s", rec.Key, rec.Value)
	}
	fold(t, &r, stream.Record{Key: rec.Key})
	if r.HasCommitted("sender", tp) {
		t.Error("it was taken back")
	}
}

func fold(t *testing.T, r *registry.Registry, rec stream.Record) {
	t.Helper()
	if err := r.Fold(&rec); err != nil {
		t.Error(err)
	}
}

// A process that can't read what a newer version remembers does not take a group for a new one.
func TestRegistryOfANewerVersionIsNotGuessed(t *testing.T) {
	t.Parallel()
	rec := registry.CommittedRecord("sender", stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 3})
	rec.Headers = []stream.Header{{Key: schemas.VersionHeader, Value: []byte("999")}}
	var r registry.Registry
	if err := r.Fold(&rec); !errors.Is(err, schemas.ErrNewer) {
		t.Errorf("got %v, want %v", err, schemas.ErrNewer)
	}
}

// Two first starts agree on the secret whichever candidate each saw first, also once compaction has been there: the one with the
// lowest offset counts.
func TestFirstStartsAgreeOnTheSecret(t *testing.T) {
	t.Parallel()
	first, second := registry.NewSecret(), registry.NewSecret()
	if string(first.Key) == string(second.Key) || string(first.Value) == string(second.Value) || len(first.Value) < 32 {
		t.Fatalf("%s and %s are no candidates", first.Key, second.Key)
	}
	partitions := (&registry.Registry{}).Missing(map[stream.Topic]int32{schemas.TopicResults: 12})
	for name, log := range map[string][]stream.Record{
		"who wrote first": {first}, "who wrote second": {first, partitions[0], second}, "a later start": {partitions[0], first, second},
	} {
		t.Run(name, func(t *testing.T) {
			var r registry.Registry
			for _, rec := range log {
				fold(t, &r, rec)
			}
			if s, ok := r.Secret(); !ok || s.Reveal() != string(first.Value) {
				t.Errorf("%s has another secret", name)
			}
		})
	}
	var none registry.Registry
	if _, ok := none.Secret(); ok {
		t.Error("an empty registry has a secret")
	}
}
