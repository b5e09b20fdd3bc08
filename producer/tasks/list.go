package tasks

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// How many tasks a page of the list has. A page costs one look at every task of the view, which is bounded itself, and
// holds twice its rows meanwhile.
const (
	defaultLimit = 50
	maxLimit     = 500
	maxWarnings  = 16 // more are not told
)

// place is where a task stands in the list: by the time of its acceptance, the newest first, and by its id.
type place struct {
	acceptedMs int64
	task       schemas.TaskID
}

// placeBytes of a cursor: the time and the id.
const placeBytes = 8 + len(schemas.TaskID{})

func placeOf(task schemas.TaskID, s *schemas.Status) place {
	return place{s.GetPlan().GetAcceptedMs(), task}
}

// compare orders places as the list does.
func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(other.acceptedMs, p.acceptedMs), bytes.Compare(other.task[:], p.task[:]))
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(p.acceptedMs)), p.task[:]...))
}

func parseCursor(text string) (place, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != placeBytes {
		return place{}, false
	}
	return place{int64(binary.BigEndian.Uint64(b)), schemas.TaskID(b[8:])}, true
}

// Query is which tasks somebody wants to see.
type Query struct {
	states   []State // none: all
	sender   string
	owner    string
	sinceMs  int64 // accepted then or later
	untilMs  int64 // accepted before; 0: no end
	limit    int
	after    *place
	warnings []es.Sentence
}

// Parameters are all that a query may have.
var Parameters = []string{"status", "sender", "owner", "since", "until", "limit", "cursor"}

// ReadQuery reads the parameters of a list. What is wrong with them is a *request.FieldError.
func ReadQuery(values url.Values) (*Query, error) {
	q := &Query{limit: defaultLimit, sender: values.Get("sender"), owner: values.Get("owner")}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(Parameters, name) && len(q.warnings) < maxWarnings { // of a lenient caller
			q.warnings = append(q.warnings, es.Say(es.ParameterUnknown, name))
		}
	}
	for word := range strings.SplitSeq(strings.Join(values["status"], ","), ",") {
		state := State(strings.ToUpper(strings.TrimSpace(word)))
		switch {
		case state == "":
		case slices.Contains(states, state):
			q.states = append(q.states, state)
		default:
			return nil, request.Fault("status", request.CodeValue, es.ParameterStates, "status", allStates())
		}
	}
	var err error
	if q.sinceMs, err = instant(values, "since"); err != nil {
		return nil, err
	}
	if q.untilMs, err = instant(values, "until"); err != nil {
		return nil, err
	}
	if text := values.Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > maxLimit {
			return nil, request.Fault("limit", request.CodeValue, es.ParameterRange, "limit", maxLimit)
		}
	}
	if text := values.Get("cursor"); text != "" {
		after, ok := parseCursor(text)
		if !ok {
			return nil, request.Fault("cursor", request.CodeValue, es.ParameterCursor, "cursor")
		}
		q.after = &after
	}
	return q, nil
}

func allStates() string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// instant reads a time. The plus sign of a time zone is a space in a URL where somebody forgot to write %2B.
func instant(values url.Values, name string) (int64, error) {
	text := values.Get(name)
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+"))
	if err != nil {
		return 0, request.Fault(name, request.CodeTime, es.ParameterTime, name)
	}
	return t.UnixMilli(), nil
}

// List is a page of tasks.
type List struct {
	Tasks      []Row    `json:"tasks"`
	NextCursor string   `json:"next_cursor,omitzero"` // there are more
	Warnings   []string `json:"warnings,omitempty"`
}

// Row is a task in a list.
type Row struct {
	TaskID       string `json:"task_id"`
	Status       State  `json:"status"`
	Total        uint32 `json:"total"`
	Successful   uint32 `json:"successful"`
	Failed       uint32 `json:"failed"`
	Pending      uint32 `json:"pending"`
	Sender       string `json:"sender,omitzero"`
	Owner        string `json:"owner,omitzero"`
	Reference    string `json:"reference,omitzero"`
	AcceptedAt   string `json:"accepted_at"`
	ETA          string `json:"eta,omitzero"`
	EstimatedEnd string `json:"estimated_end,omitzero"`
	Why          string `json:"why,omitzero"`
	RetryOf      string `json:"retry_of,omitzero"`
}

type found struct {
	place
	status *schemas.Status
}

// Page looks at every task and returns the page that was asked for, of those whose owner the caller sees.
func (q *Query) Page(sees func(owner string) bool, each func(func(schemas.TaskID, *schemas.Status) bool), now time.Time, l es.Language) List {
	want := q.limit + 1 // one more tells whether there is a next page
	var kept []found
	var last *place // beyond it nothing belongs to the page any more
	each(func(task schemas.TaskID, s *schemas.Status) bool {
		f := found{placeOf(task, s), s}
		if last != nil && f.compare(*last) > 0 || !sees(s.GetPlan().GetOwner()) || !q.wants(f, now) { //mutant:lists-show-ones-own
			return true
		}
		if kept = append(kept, f); len(kept) == 2*want {
			kept = first(kept, want)
			worst := kept[want-1].place
			last = &worst
		}
		return true
	})
	kept = first(kept, want)
	list := List{Tasks: make([]Row, 0, min(len(kept), q.limit)), Warnings: es.All(q.warnings, l)}
	if len(kept) == want {
		kept = kept[:q.limit]
		list.NextCursor = kept[q.limit-1].cursor()
	}
	for _, f := range kept {
		list.Tasks = append(list.Tasks, row(f, now, l))
	}
	return list
}

// first returns the first n in the order of the list.
func first(kept []found, n int) []found {
	slices.SortFunc(kept, func(a, b found) int { return a.compare(b.place) })
	return kept[:min(n, len(kept))]
}

// wants reports whether the task belongs to what was asked for. One whose results outran its plan is not in yet.
func (q *Query) wants(f found, now time.Time) bool {
	p := f.status.GetPlan()
	switch {
	case p == nil, q.sender != "" && p.GetSender() != q.sender, q.owner != "" && p.GetOwner() != q.owner, p.GetAcceptedMs() < q.sinceMs,
		q.untilMs != 0 && p.GetAcceptedMs() >= q.untilMs, q.after != nil && q.after.compare(f.place) >= 0:
		return false
	case len(q.states) == 0:
		return true
	}
	return slices.Contains(q.states, StateOf(f.status, now))
}

func row(f found, now time.Time, l es.Language) Row {
	s, n := f.status, numbers(f.status)
	r := Row{
		TaskID: f.task.String(), Total: n.Total, Successful: n.Successful, Failed: n.Failed, Pending: n.Pending,
		Sender: s.GetPlan().GetSender(), Owner: s.GetPlan().GetOwner(), Reference: s.GetPlan().GetReference(), AcceptedAt: Clock(f.acceptedMs), EstimatedEnd: estimatedEnd(s, now),
		RetryOf: retryOf(s.GetPlan()),
	}
	r.Status, r.Why = StateOf(s, now), WhyOf(s, now, l)
	if !r.Status.Over() && scheduled(s, now) {
		r.ETA = Clock(s.GetPlan().GetScheduleMs())
	}
	return r
}
