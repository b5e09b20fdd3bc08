package table

import (
	"testing"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// The views read every record of topics that upstream systems read too, and others may write by mistake: what is none of
// ours is an error, and what is taken belongs to its key.
func FuzzViews(f *testing.F) {
	task := schemas.NewTaskID()
	for _, rec := range []stream.Record{
		schemas.EncodeStatus(0, &schemas.Status{Task: task.Bytes(), Version: 3, Plan: &schemas.TaskOpened{Total: 2}}),
		schemas.EncodeControl(&schemas.Control{Task: task.Bytes(), Kind: schemas.ControlKind_CONTROL_KIND_CANCEL}),
		schemas.EncodeControl(&schemas.Control{Task: task.Bytes(), Kind: schemas.ControlKind_CONTROL_KIND_SPEED, Speed: 7}),
	} {
		f.Add(rec.Key, rec.Value, int64(4))
	}
	f.Add([]byte(task.String()+"/run"), []byte{}, int64(9))
	f.Add([]byte("x"), []byte{0xff}, int64(0))
	f.Fuzz(func(t *testing.T, key, value []byte, offset int64) {
		cfg, l := kafka.Config{Brokers: []string{"127.0.0.1:1"}}, kafka.Layout{schemas.TopicControls: 1, schemas.TopicStatuses: 1}
		statuses, err := NewStatuses(cfg, l)
		if err != nil {
			t.Fatal(err)
		}
		defer statuses.Stop()
		controls, err := NewControls(cfg, l)
		if err != nil {
			t.Fatal(err)
		}
		defer controls.Stop()
		rec := stream.Record{Key: key, Value: value, Offset: offset, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}}}
		for range 2 {
			_ = statuses.apply(rec)
			_ = controls.apply(rec)
		}
		statuses.Each(func(id schemas.TaskID, s *schemas.Status) bool {
			if string(s.GetTask()) != string(id.Bytes()) || schemas.TaskID(s.GetTask()).String() != string(key) {
				t.Fatalf("a status of %x lies under %s", s.GetTask(), key)
			}
			return true
		})
		controls.Each(func(id schemas.TaskID, c schemas.Controls) bool {
			if len(key) < len(id.String()) || id.String() != string(key[:len(id.String())]) {
				t.Fatalf("%+v of %s lies under %s", c, id, key)
			}
			return true
		})
	})
}
