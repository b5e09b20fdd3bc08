package cloudevents_test

import (
	"encoding/json"
	"strings"
	"testing"

	"altavoz/producer/cloudevents"
	"altavoz/schemas"
)

func finished() *schemas.Status {
	return &schemas.Status{
		Task: schemas.TaskIDFromKey("", "events").Bytes(), StartedMs: 1_700_000_001_000, FinishedMs: 1_700_000_002_345,
		Plan: &schemas.TaskOpened{Total: 5, AcceptedMs: 1_700_000_000_000, Owner: "tienda", Sender: "1065", Reference: "pedido 7", CallbackUrl: "https://example.com/hook"},
		Counts: []*schemas.StateCount{
			{Mark: uint32(schemas.StateSent), Count: 2},
			{Mark: uint32(schemas.StateDelivered), Count: 1},
			{Mark: uint32(schemas.StateUnknown), Count: 1},
			{Mark: uint32(schemas.Failed(131030)), Count: 1},
		},
		Errors: []*schemas.ErrorLine{{Index: 4, Phone: "573001234567", Mark: uint32(schemas.Failed(131030))}},
	}
}

func TestEventIsACloudEventWithoutPhones(t *testing.T) {
	t.Parallel()
	s := finished()
	rec := cloudevents.Record(s, &schemas.TaskEvent{Kind: schemas.TaskEventKind_TASK_EVENT_KIND_FINISHED, AtMs: s.GetFinishedMs()})
	task := schemas.TaskID(s.GetTask()).String()
	want := `{"specversion":"1.0","id":"` + task + `-finished","source":"altavoz","type":"altavoz.task.finished","subject":"` + task +
		`","time":"2023-11-14T22:13:22.345Z","datacontenttype":"application/json","data":{"task_id":"` + task +
		`","reference":"pedido 7","owner":"tienda","sender":"1065","status":"SUCCESS","result":{"total":5,"successful":3,"failed":2,"pending":0,"skipped":0,` +
		`"expired":0,"cancelled":0,"unknown":1,"undelivered":0,"delivered":1,"read":0},"accepted_at":"2023-11-14T22:13:20Z",` +
		`"started_at":"2023-11-14T22:13:21Z","finished_at":"2023-11-14T22:13:22Z"}}`
	if got := string(rec.Value); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if string(rec.Key) != task || rec.Topic != schemas.TopicEvents || strings.Contains(string(rec.Value), "573001234567") {
		t.Errorf("the record is %s/%s, want the task's in events, without phones", rec.Topic, rec.Key)
	}
	for name, want := range map[string]string{
		"content-type": "application/cloudevents+json", schemas.CallbackHeader: "https://example.com/hook", schemas.EventHeader: task + "-finished", schemas.OwnerHeader: "tienda",
	} {
		if got := rec.Header(name); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
}

// Whenever an event is written its id is the same; two pauses of a task have two, and a correction has that of its number and numbers.
func TestIDIsTheSameWheneverAnEventIsWritten(t *testing.T) {
	t.Parallel()
	id := func(kind schemas.TaskEventKind, at int64) string {
		var e cloudevents.Event
		if err := json.Unmarshal(cloudevents.Record(finished(), &schemas.TaskEvent{Kind: kind, AtMs: at}).Value, &e); err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	for kind := range schemas.TaskEventKind_name {
		k := schemas.TaskEventKind(kind)
		timed := k == schemas.TaskEventKind_TASK_EVENT_KIND_PAUSED || k == schemas.TaskEventKind_TASK_EVENT_KIND_RESUMED
		if a, b := id(k, 1), id(k, 2); (a == b) == timed || a != id(k, 1) {
			t.Errorf("%s has the ids %s and %s; its time is in them: %t", k, a, b, timed)
		}
	}
}
