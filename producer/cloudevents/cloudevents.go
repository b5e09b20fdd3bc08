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

// Event is a CloudEvent. Time is RFC 3339 with milliseconds, of the event; Subject is the task.
type Event struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            Data   `json:"data"`
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
	return Event{
		SpecVersion: "1.0", ID: task + "-" + e.Name(), Source: Source, Type: TypePrefix + kind, Subject: task,
		Time: at.Format("2006-01-02T15:04:05.000Z07:00"), DataContentType: "application/json",
		Data: Data{
			TaskID: task, Reference: p.GetReference(), Owner: p.GetOwner(), Sender: p.GetSender(), Status: brief.Status, Why: brief.Why,
			Result: Result{
				Total: n.Total, Successful: n.Successful, Failed: n.Failed, Pending: n.Pending, Skipped: n.Skipped, Expired: n.Expired,
				Cancelled: n.Cancelled, Unknown: n.Unknown, Undelivered: n.Undelivered, Delivered: n.Delivered, Read: n.Read,
			},
			AcceptedAt: tasks.Clock(p.GetAcceptedMs()), StartedAt: tasks.Clock(s.GetStartedMs()), FinishedAt: tasks.Clock(s.GetFinishedMs()),
		},
	}
}

// Record makes the record of the topic events: JSON, without the version header of altavoz's own events, for others to read.
func Record(s *schemas.Status, e *schemas.TaskEvent) stream.Record {
	event := Of(s, e)
	value, err := json.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("cloudevents: writing %T: %v", event, err)) // texts and numbers
	}
	rec := stream.Record{
		Topic: schemas.TopicEvents, Partition: stream.NoPartition, Key: []byte(event.Subject), Value: value,
		Headers: []stream.Header{{Key: "content-type", Value: []byte(ContentType)}},
	}
	if to := s.GetPlan().GetCallbackUrl(); to != "" {
		rec.Headers = append(rec.Headers,
			stream.Header{Key: schemas.CallbackHeader, Value: []byte(to)}, stream.Header{Key: schemas.EventHeader, Value: []byte(event.ID)},
			stream.Header{Key: schemas.OwnerHeader, Value: []byte(event.Data.Owner)})
	}
	return rec
}
