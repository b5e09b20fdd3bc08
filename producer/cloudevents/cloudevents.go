// Package cloudevents writes the events of a task as JSON CloudEvents 1.0, as the topic events and the callbacks have them.
//
// The id is the same whenever the event is written: whoever gets it twice knows it by that. The data is the task as it is when the event is
// written, which may be later than the event.
package cloudevents

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

const (
	// Source is where events come from.
	Source = "altavoz"
	// TypePrefix stands before the kind of an event.
	TypePrefix = "altavoz.task."
	// ContentType is of the records' values.
	ContentType = "application/cloudevents+json"
)

// Event is what happened to a task as a whole.
type Event = Envelope[Data]

// Envelope is a CloudEvent. Time is RFC 3339 with milliseconds, of the event; Subject is the task.
type Envelope[D any] struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            D      `json:"data"`
}

// Data is the task, in the words of task-status, without recipients.
type Data struct {
	TaskID     string      `json:"task_id"`
	Reference  string      `json:"reference,omitzero"`
	Owner      string      `json:"owner,omitzero"`
	Sender     string      `json:"sender,omitzero"`
	Status     tasks.State `json:"status"`
	Why        string      `json:"why,omitzero"` // Spanish
	Result     Result      `json:"result"`
	AcceptedAt string      `json:"accepted_at,omitzero"`
	StartedAt  string      `json:"started_at,omitzero"`
	FinishedAt string      `json:"finished_at,omitzero"`
}

// Result adds up: successful + failed + pending = total. What follows pending is counted in failed, but delivered and read, which are in
// successful.
type Result struct {
	Total       uint32 `json:"total"`
	Successful  uint32 `json:"successful"`
	Failed      uint32 `json:"failed"`
	Pending     uint32 `json:"pending"`
	Skipped     uint32 `json:"skipped"`
	Expired     uint32 `json:"expired"`
	Cancelled   uint32 `json:"cancelled"`
	Unknown     uint32 `json:"unknown"`
	Undelivered uint32 `json:"undelivered"`
	Delivered   uint32 `json:"delivered"`
	Read        uint32 `json:"read"`
}

// Of makes the event of a task's Status.
func Of(s *schemas.Status, e *schemas.TaskEvent) Event {
	task, p, at := schemas.TaskID(s.GetTask()).String(), s.GetPlan(), time.UnixMilli(e.GetAtMs()).UTC()
	kind := strings.ToLower(strings.TrimPrefix(e.GetKind().String(), "TASK_EVENT_KIND_"))
	brief, n := tasks.BriefOf(schemas.TaskID(s.GetTask()), s, at, es.Spanish), tasks.ResultOf(s)
	return envelope(task, e.Name(), kind, at, Data{
		TaskID: task, Reference: p.GetReference(), Owner: p.GetOwner(), Sender: p.GetSender(), Status: brief.Status, Why: brief.Why,
		Result: Result{
			Total: n.Total, Successful: n.Successful, Failed: n.Failed, Pending: n.Pending, Skipped: n.Skipped, Expired: n.Expired,
			Cancelled: n.Cancelled, Unknown: n.Unknown, Undelivered: n.Undelivered, Delivered: n.Delivered, Read: n.Read,
		},
		AcceptedAt: tasks.Clock(p.GetAcceptedMs()), StartedAt: tasks.Clock(s.GetStartedMs()), FinishedAt: tasks.Clock(s.GetFinishedMs()),
	})
}

func envelope[D any](task, name, kind string, at time.Time, data D) Envelope[D] {
	return Envelope[D]{
		SpecVersion: "1.0", ID: task + "-" + name, Source: Source, Type: TypePrefix + kind, Subject: task,
		Time: at.Format("2006-01-02T15:04:05.000Z07:00"), DataContentType: "application/json", Data: data,
	}
}

// Record makes the record of the topic events: JSON, without the version header of altavoz's own events, for others to read.
func Record(s *schemas.Status, e *schemas.TaskEvent) stream.Record {
	event := Of(s, e)
	return called(record(event.Subject, written(event)), s.GetPlan(), event.ID)
}

// record makes a record of topic events.
func record(task string, value []byte) stream.Record {
	return stream.Record{
		Topic: schemas.TopicEvents, Partition: stream.NoPartition, Key: []byte(task), Value: value,
		Headers: []stream.Header{{Key: "content-type", Value: []byte(ContentType)}},
	}
}

// written is the JSON of what has texts and numbers only.
func written(what any) []byte {
	value, err := json.Marshal(what)
	if err != nil {
		panic(fmt.Sprintf("cloudevents: writing %T: %v", what, err))
	}
	return value
}
