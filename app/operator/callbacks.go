package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/processor/callbacks"
	"altavoz/schemas"
	"altavoz/schemas/shown"
	"altavoz/stream"
)

// Endpoint is where callbacks of an owner go: scheme and host. It fails, or something waits for it.
type Endpoint struct {
	Endpoint     string `json:"endpoint"`
	Owner        string `json:"owner,omitempty"`
	State        string `json:"state"` // waiting, failing, or off: in one partition at least
	Waiting      int    `json:"waiting"`
	OldestAt     string `json:"oldest_at,omitempty"` // when the event that waits longest happened
	FailingSince string `json:"failing_since,omitempty"`
	OffSince     string `json:"off_since,omitempty"`
	Last         string `json:"last,omitempty"` // what was answered, or went wrong, when that was written down
}

// String is a line for people.
func (e Endpoint) String() string {
	since := ""
	switch {
	case e.OffSince != "":
		since = " since " + e.OffSince
	case e.FailingSince != "":
		since = " since " + e.FailingSince
	}
	of := ""
	if e.Owner != "" {
		of = " of " + shown.Line(e.Owner)
	}
	line := fmt.Sprintf("%s%s  %s%s, %d waiting", shown.Line(e.Endpoint), of, e.State, since, e.Waiting)
	if e.Last != "" {
		line += ": " + shown.Line(e.Last)
	}
	return line
}

// Callbacks returns the endpoints that fail, or for which something waits, by name. What a process is about to post is among it.
func Callbacks(ctx context.Context, cfg kafka.Config) ([]Endpoint, error) {
	reader, err := records.NewReader(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the reader: %w", err)
	}
	defer reader.Close()
	ends, err := reader.Ends(ctx, schemas.TopicCallbacks)
	if err != nil {
		return nil, hinted(fmt.Errorf("looking for callbacks: %w", err), "is ALTAVOZ_KAFKA_BROKERS right, and does Kafka run?")
	}
	all := make(map[string]*Endpoint)
	for p, end := range ends {
		last, err := callbacks.Latest(ctx, reader, stream.TopicPartition{Topic: schemas.TopicCallbacks, Partition: p}, end)
		if err != nil {
			return nil, err //nolint:wrapcheck // says all
		}
		for key, rec := range last {
			addCallback(all, key, &rec)
		}
	}
	out := make([]Endpoint, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[name])
	}
	return out, nil
}

func addCallback(all map[string]*Endpoint, key string, rec *stream.Record) {
	name, failing := strings.CutPrefix(key, callbacks.EndpointPrefix)
	if !failing {
		name = callbacks.NameOf(rec.Header(schemas.CallbackHeader), rec.Header(schemas.OwnerHeader))
	}
	e := all[name]
	if e == nil {
		of, owner, _ := strings.Cut(name, " ")
		e = &Endpoint{Endpoint: of, Owner: owner, State: "waiting"}
		all[name] = e
	}
	if !failing {
		e.Waiting++
		e.OldestAt = earlier(e.OldestAt, rec.Time.UTC().Format(time.RFC3339))
		return
	}
	var s callbacks.State
	if json.Unmarshal(rec.Value, &s) != nil {
		return
	}
	clock := func(ms int64) string {
		if ms == 0 {
			return ""
		}
		return time.UnixMilli(ms).UTC().Format(time.RFC3339)
	}
	e.FailingSince, e.OffSince, e.Last = earlier(e.FailingSince, clock(s.FailingMs)), earlier(e.OffSince, clock(s.OffMs)), s.Last
	if e.State = "failing"; e.OffSince != "" {
		e.State = "off"
	}
}

// earlier returns the earlier one of two times as they are shown; "" is none.
func earlier(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}
