package registry_test

import (
	"testing"

	"altavoz/kafka/registry"
	"altavoz/schemas"
)

func TestRegistryRemembersTheFirstNumberOfPartitions(t *testing.T) {
	t.Parallel()
	layout := map[schemas.Topic]int32{schemas.TopicResults: 12, schemas.TopicControls: 1}
	var r registry.Registry
	missing := r.Missing(layout)
	if len(missing) != 2 {
		t.Fatalf("%d records for 2 topics", len(missing))
	}
	for i := range missing {
		r.Fold(&missing[i])
	}
	layout[schemas.TopicResults] = 15
	if again := r.Missing(layout); len(again) != 0 || r.Partitions[schemas.TopicResults] != 12 {
		t.Errorf("%v, and %d more records", r.Partitions, len(again))
	}
	r.Fold(&schemas.Record{Key: missing[1].Key}) // a person takes one back
	if again := r.Missing(layout); len(again) != 1 {
		t.Errorf("%d records for the one that was taken back", len(again))
	}
}

func TestRegistryRemembersWhereGroupsHaveBegun(t *testing.T) {
	t.Parallel()
	slot := schemas.Slot{Topic: schemas.TopicSendsBulk, Partition: 3}
	var r registry.Registry
	if r.Begun("sender", slot) {
		t.Error("it has begun in an empty registry")
	}
	rec := registry.BegunRecord("sender", slot)
	for _, other := range []schemas.Record{{Key: []byte("begun/"), Value: []byte("1")}, {Key: []byte("what/ever")}, {}, {Key: []byte("partitions/results"), Value: []byte("many")}} {
		r.Fold(&other)
	}
	r.Fold(&rec)
	if !r.Begun("sender", slot) || r.Begun("fanout", slot) || r.Begun("sender", schemas.Slot{Topic: schemas.TopicSendsBulk, Partition: 30}) {
		t.Error("it is another group's, or of another partition")
	}
	if string(rec.Key) != "begun/sender/sends.bulk/3" || string(rec.Value) != "1" {
		t.Errorf("%s is %s", rec.Key, rec.Value)
	}
	r.Fold(&schemas.Record{Key: rec.Key})
	if r.Begun("sender", slot) {
		t.Error("it was taken back")
	}
}
