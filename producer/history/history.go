package history

import (
	"context"
	"time"

	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/stream"
)

// Records reads the logs.
type Records interface {
	// Range hands over every record in [from, to) in order. Offsets that compaction emptied are passed over.
	Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error
	// Starts and Ends return where each partition of the topic begins and ends now.
	Starts(ctx context.Context, t stream.Topic) (map[int32]int64, error)
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
}

// Source is where sends are read.
type Source struct {
	Records Records
	// Home returns the partition of the topic that a key belongs to.
	Home   func(t stream.Topic, key []byte) int32
	Region string // of phones without a country, as the fanout has it
}

// Person is what somebody got lately.
type Person struct {
	Phone     string `json:"phone"`               // its digits
	Since     string `json:"since"`               // all that was dispatched since then is here, of tasks that the caller sees
	StoppedBy Bound  `json:"stopped_by,omitzero"` // there may be more from before; none: all that is kept was read
	Sends     []Send `json:"sends"`               // the newest first
}

// Send is one message to the person.
type Send struct {
	TaskID       string               `json:"task_id"`
	Index        uint32               `json:"index"` // its place in the task's list, from 0
	Phone        string               `json:"phone"` // as it was sent to: one person may have two notations
	Sender       string               `json:"sender,omitzero"`
	DispatchedAt string               `json:"dispatched_at"`
	Outcome      schemas.OutcomeClass `json:"outcome"`
	Code         int                  `json:"code,omitzero"` // Meta's
	Reason       string               `json:"reason,omitzero"`
	Retryable    bool                 `json:"retryable"` // the person has not got the message, and may get it if it is sent again
}

// Read finds what a person got lately, of tasks that the caller sees. Its errors may pass.
func (s Source) Read(ctx context.Context, q *Query, caller Caller) (*Person, error) {
	l, err := s.look(ctx, q, caller)
	if err != nil {
		return nil, err
	}
	by, since, err := l.sends(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.outcomes(ctx); err != nil {
		return nil, err
	}
	p := &Person{Phone: q.phone.Digits(), Since: since.UTC().Format(time.RFC3339Nano), StoppedBy: by, Sends: make([]Send, 0, len(l.found))}
	for _, one := range l.found {
		to := Send{
			TaskID: one.task.String(), Index: one.index, Phone: one.phone, Sender: one.sender, DispatchedAt: one.at.Format(time.RFC3339Nano),
			Outcome: one.state.Outcome(), Reason: tasks.ReasonOf(one.status, one.state, q.Language), Retryable: one.state.Retryable(),
		}
		if code, ok := one.state.Code(); ok && code > 0 {
			to.Code = code
		}
		p.Sends = append(p.Sends, to)
	}
	return p, nil
}
