package operator

import (
	"context"
	"slices"
	"time"

	"altavoz/kafka"
	"altavoz/schemas"
)

// Remainder is what a topic holds of a phone.
type Remainder struct {
	Topic   string     `json:"topic"`
	Records int        `json:"records"`
	Last    time.Time  `json:"last_written"`
	GoneBy  *time.Time `json:"gone_by,omitempty"` // all of it, at the latest, as the topic is set now; none: no time says it
	// Compacted says that a record goes when the brokers compact the topic after that time, and not at it.
	Compacted bool `json:"compacted,omitempty"`
}

// Remains is what is kept of a phone, and what may write to it still.
type Remains struct {
	Topics []Remainder `json:"topics"`
	GoneBy *time.Time  `json:"gone_by,omitempty"` // from every topic; none: no time says it
	// Tasks name the phone and may not be over: their broadcasts are younger than a task lives.
	Tasks []string `json:"tasks_that_may_go_on,omitempty"`
}

// Remaining reads every topic and sums up where the phone stands. It erases nothing: logs are append-only, and lists hold many people.
func Remaining(ctx context.Context, cfg kafka.Config, phone schemas.Phone, region string, now time.Time) (Remains, error) {
	r := Remains{Topics: []Remainder{}}
	bounded := true
	var last time.Time
	err := Traces(ctx, cfg, phone, region, func(t Trace) error {
		if i := len(r.Topics); i == 0 || r.Topics[i-1].Topic != t.Topic {
			r.Topics = append(r.Topics, Remainder{Topic: t.Topic, Compacted: t.Topic == string(schemas.TopicStatuses), GoneBy: new(time.Time)})
		}
		topic := &r.Topics[len(r.Topics)-1]
		topic.Records++
		if t.At.After(topic.Last) {
			topic.Last = t.At
		}
		switch {
		case t.KeptUntil == nil:
			topic.GoneBy, bounded = nil, false
		case topic.GoneBy != nil && t.KeptUntil.After(*topic.GoneBy):
			topic.GoneBy = t.KeptUntil
		}
		if t.KeptUntil != nil && t.KeptUntil.After(last) {
			last = *t.KeptUntil
		}
		if t.Task != "" && now.Sub(t.At) < schemas.TaskLife && !slices.Contains(r.Tasks, t.Task) {
			r.Tasks = append(r.Tasks, t.Task)
		}
		return nil
	})
	if bounded && len(r.Topics) > 0 {
		r.GoneBy = &last
	}
	return r, err
}
