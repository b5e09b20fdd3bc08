package retry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/processor/fanout/recipients"
	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/producer/retry"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

var final = []schemas.RecipientState{
	schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown, schemas.Failed(131026), schemas.Failed(schemas.CodeExhausted), schemas.Failed(131000),
	schemas.Failed(schemas.CodeContent), schemas.StateSent, schemas.StateDelivered, schemas.StateRead, schemas.Undelivered(131049), schemas.Undelivered(131053),
}

// model is what somebody who holds everything in memory knows of a task.
type model struct {
	phones []string
	states []schemas.RecipientState
	phase  schemas.Phase
	first  bool                   // it is no retry
	asked  map[string]bool        // bodies for which it has a retry
	inside map[schemas.Phone]bool // who is in one of its retries
}

func person(text string) (schemas.Phone, bool) {
	p, err := schemas.ParsePhone(text, "CO")
	return p.Person(), err == nil
}

// want is who is retried: each of the task's people at the first place, where that has a state that is asked for.
func (m *model) want(outcomes []string, failures []int) (phones []string) {
	seen := make(map[schemas.Phone]bool)
	for i, text := range m.phones {
		p, ok := person(text)
		if !ok || seen[p] {
			continue
		}
		seen[p] = true
		state := m.states[i]
		if m.phase == schemas.Phase_PHASE_FAILED && state == schemas.Failed(schemas.CodeContent) {
			state = schemas.StateUnknown
		}
		code, coded := state.Code()
		ok = (len(outcomes) == 0 || slices.Contains(outcomes, string(state.Outcome()))) && (len(failures) == 0 || coded && slices.Contains(failures, code))
		if len(outcomes) == 0 && len(failures) == 0 {
			ok = state.Retryable()
		} else if state < schemas.StateExpired || state.Succeeded() {
			ok = false
		}
		if ok && !m.inside[p] {
			phones = append(phones, text)
		}
	}
	return phones
}

// Whoever is asked for, of whatever task, in whatever order: a retry has the people that a plain loop over all lists and states gives, each
// once, and as long as it goes on or nobody else is left the same request is the same retry.
func TestSimulatedRetriesHaveWhoIsAskedForAndNobodyTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		total := rapid.SampledFrom([]int{1, 9, 1000, 1001, 2300, 5200}).Draw(t, "total")
		seed := rapid.Uint32().Draw(t, "seed")
		dice := func(i, n uint32) uint32 { return (seed + i*2654435761) >> 7 % n }
		m := &model{first: true, asked: map[string]bool{}, inside: map[schemas.Phone]bool{}, phones: make([]string, total), states: make([]schemas.RecipientState, total)}
		for i := range m.phones {
			switch n := uint32(i); dice(n, 20) {
			case 0:
				m.phones[i] = "no"
			case 1, 2, 3:
				m.phones[i] = fmt.Sprintf("+57 310 %07d", dice(n, uint32(total)))
			default:
				m.phones[i] = fmt.Sprintf("57310%07d", dice(n, 3*uint32(total)))
			}
		}
		cursor := rapid.IntRange(0, total).Draw(t, "cursor")
		rest := rapid.SampledFrom([]schemas.RecipientState{schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown}).Draw(t, "rest")
		m.phase = rapid.SampledFrom([]schemas.Phase{schemas.Phase_PHASE_NONE, schemas.Phase_PHASE_CANCELLED, schemas.Phase_PHASE_FAILED}).Draw(t, "phase")
		seen := recipients.NewSeen()
		for i, text := range m.phones {
			switch _, mark := seen.Judge(text, "CO", "", nil); {
			case i >= cursor:
				m.states[i] = rest
			case mark.Decided():
				m.states[i] = mark
			default:
				m.states[i] = final[dice(uint32(i)+77, uint32(len(final)))]
			}
			if m.phase == schemas.Phase_PHASE_FAILED {
				m.states[i] = max(m.states[i], schemas.Failed(schemas.CodeContent))
			}
		}
		first := w.send(m.phones, false)
		w.end(first, m.phase, schemas.SendLife+time.Hour, m.states)
		tasks, models := []schemas.TaskID{first}, map[schemas.TaskID]*model{first: m}
		for step := range rapid.IntRange(1, 5).Draw(t, "steps") {
			id := rapid.SampledFrom(tasks).Draw(t, "task")
			m := models[id]
			var outcomes []string
			var failures []int
			if rapid.Bool().Draw(t, "outcomes") {
				outcomes = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"expired", "cancelled", "unknown", "failed", "undelivered"}), 1, 3, rapid.ID).Draw(t, "of")
			}
			if rapid.Bool().Draw(t, "codes") {
				failures = rapid.SliceOfNDistinct(rapid.SampledFrom([]int{131026, -2, 131049, 131000}), 1, 2, rapid.ID).Draw(t, "with")
			}
			body, err := json.Marshal(map[string]any{"outcomes": outcomes, "codes": failures})
			if err != nil {
				t.Fatal(err)
			}
			want := m.want(outcomes, failures)
			made, err := w.ask(id, string(body))
			var no *codes.RefusedError
			switch {
			case len(want) == 0 && errors.As(err, &no) && no.Code == codes.Nobody && !m.asked[string(body)]:
				continue
			case err != nil:
				t.Fatalf("step %d: %v; want %d recipients", step, err, len(want))
			case made.There && len(want) == 0:
				continue
			case made.There:
				t.Fatalf("step %d: it is %s again, want another one to %d", step, made.ID, len(want))
			}
			m.asked[string(body)] = true
			if got := w.list(made.ID); !slices.Equal(got, want) {
				t.Fatalf("step %d: %s of a task of %d is for %d: %.200q, want %d: %.200q", step, body, len(m.phones), len(got), got, len(want), want)
			}
			again, err := w.ask(id, string(body))
			if err != nil || !again.There || again.ID != made.ID {
				t.Fatalf("step %d: asked again while it goes on: %v, %v; want it", step, again, err)
			}
			next := &model{phones: want, asked: map[string]bool{}, inside: map[schemas.Phone]bool{}, states: make([]schemas.RecipientState, len(want))}
			for i, text := range want {
				p, _ := person(text)
				m.inside[p] = true
				next.states[i] = final[dice(uint32(i+step*31), uint32(len(final)))]
			}
			w.end(made.ID, schemas.Phase_PHASE_NONE, 25*time.Hour, next.states)
			again, err = w.ask(id, string(body))
			if err != nil || !again.There || again.ID != made.ID || int(again.Total) != len(want) {
				t.Fatalf("step %d: asked again after its end: %v, %v; want it", step, again, err)
			}
			tasks, models[made.ID] = append(tasks, made.ID), next
		}
	})
}

func conflicts(t *testing.T, what string, err error, code string) {
	t.Helper()
	var no *codes.RefusedError
	if !errors.As(err, &no) || no.Status != http.StatusConflict || no.Code != code {
		t.Errorf("%s: %v, want %d %s", what, err, http.StatusConflict, code)
	}
}

func TestRunningTaskIsNotRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send([]string{"573001234567"}, false)
	_, err := w.ask(id, "")
	conflicts(t, "a task that goes on", err, codes.Running)
}

// Who repeats somebody in the list is never retried: neither where that was found, nor where the task ended before anybody looked.
func TestRepeatIsNeverRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send([]string{"573001234567", "+57 300 123-4567", "573001234568", "3001234567", "573001234568", "no"}, false)
	w.end(id, schemas.Phase_PHASE_CANCELLED, time.Hour, []schemas.RecipientState{
		schemas.StateDelivered, schemas.StateDuplicate, schemas.StateCancelled, schemas.StateCancelled, schemas.StateCancelled, schemas.StateCancelled,
	})
	if _, err := w.ask(id, ""); err != nil {
		t.Fatal(err)
	}
	made, err := w.ask(id, "")
	if err != nil || !slices.Equal(w.list(made.ID), []string{"573001234568"}) {
		t.Errorf("%v for %v, %v; want 573001234568 alone", made, w.list(made.ID), err)
	}
}

// Of an unknown recipient a receipt may say for a day that it got the message; of an expired one a call that had begun may be on its way.
func TestUnknownAndExpiredRecipientsAreNotRetriedTooEarly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phase schemas.Phase
		state schemas.RecipientState
		body  string
		ago   time.Duration
		code  string // empty: it is retried
	}{
		"unknown, not asked for":           {0, schemas.StateUnknown, "", 25 * time.Hour, codes.Nobody},
		"unknown, too early":               {0, schemas.StateUnknown, `{"outcomes":["unknown"]}`, 24*time.Hour - time.Second, codes.Early},
		"unknown":                          {0, schemas.StateUnknown, `{"outcomes":["unknown"]}`, 24 * time.Hour, ""},
		"of a failed task, not asked for":  {schemas.Phase_PHASE_FAILED, schemas.Failed(schemas.CodeContent), `{"outcomes":["failed"]}`, 25 * time.Hour, codes.Nobody},
		"of a failed task, by its code":    {schemas.Phase_PHASE_FAILED, schemas.Failed(schemas.CodeContent), `{"codes":[-3]}`, 25 * time.Hour, codes.Nobody},
		"of a failed task, too early":      {schemas.Phase_PHASE_FAILED, schemas.Failed(schemas.CodeContent), `{"outcomes":["unknown"]}`, time.Hour, codes.Early},
		"of a failed task, sends may wait": {schemas.Phase_PHASE_FAILED, schemas.Failed(schemas.CodeContent), `{"outcomes":["unknown"]}`, schemas.SendLife, codes.Early},
		"of a failed task":                 {schemas.Phase_PHASE_FAILED, schemas.Failed(schemas.CodeContent), `{"outcomes":["unknown"]}`, schemas.SendLife + 2*time.Minute, ""},
		"unknown, of a failed task":        {schemas.Phase_PHASE_FAILED, schemas.StateUnknown, `{"outcomes":["unknown"]}`, 24 * time.Hour, ""},
		"content of one, in another task":  {0, schemas.Failed(schemas.CodeContent), `{"codes":[-3]}`, 0, ""},
		"expired, too early":               {0, schemas.StateExpired, "", time.Minute, codes.Early},
		"expired":                          {0, schemas.StateExpired, "", 2 * time.Minute, ""},
		"cancelled":                        {0, schemas.StateCancelled, "", 0, ""},
		"no phone":                         {0, schemas.Failed(schemas.CodeInvalidPhone), `{"outcomes":["failed"]}`, 0, codes.Nobody},
		"delivered":                        {0, schemas.StateDelivered, `{"outcomes":["failed","undelivered","cancelled"]}`, 0, codes.Nobody},
		"refused for good, not asked for":  {0, schemas.Failed(131026), "", 0, codes.Nobody},
		"refused for good":                 {0, schemas.Failed(131026), `{"codes":[131026]}`, 0, ""},
		"accepted and not delivered":       {0, schemas.Undelivered(131053), ``, 0, ""},
		"accepted and not delivered, code": {0, schemas.Undelivered(131049), `{"codes":[131049, 131026]}`, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.send([]string{"573001234567"}, false)
			w.end(id, tt.phase, tt.ago, []schemas.RecipientState{tt.state})
			_, err := w.ask(id, tt.body)
			if tt.code != "" {
				conflicts(t, name, err, tt.code)
			} else if err != nil {
				t.Error(err)
			}
			var no *codes.RefusedError
			if errors.As(err, &no) && no.Code == codes.Early && (no.Wait <= 0 || no.Wait > schemas.SendLife) {
				t.Errorf("it waits %s", no.Wait)
			}
		})
	}
}

// Senders know nothing of a task's failure: what it had dispatched goes out as long as its sends live, which is at most until the task expires.
func TestRecipientsOfAFailedTaskWaitForItsSends(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		expire time.Duration // after the end; 0: none
		ago    time.Duration
		wait   time.Duration // 0: it is retried
	}{
		"no end of its own":              {0, 25 * time.Hour, schemas.SendLife + 2*time.Minute - 25*time.Hour},
		"an end beyond that":             {6 * 24 * time.Hour, 25 * time.Hour, schemas.SendLife + 2*time.Minute - 25*time.Hour},
		"an end before":                  {48 * time.Hour, 25 * time.Hour, 23*time.Hour + 2*time.Minute},
		"an end before, which is over":   {48 * time.Hour, 48*time.Hour + 2*time.Minute, 0},
		"an end before receipts, early":  {time.Hour, 23 * time.Hour, time.Hour},
		"an end before receipts, a day":  {time.Hour, 24 * time.Hour, 0},
		"no end of its own, and so long": {0, schemas.SendLife + 2*time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.send([]string{"573001234567"}, false)
			w.end(id, schemas.Phase_PHASE_FAILED, tt.ago, []schemas.RecipientState{schemas.Failed(schemas.CodeContent)})
			if tt.expire > 0 {
				w.statuses[id].Plan.ExpireMs = w.now.Add(tt.expire - tt.ago).UnixMilli()
			}
			_, err := w.ask(id, `{"outcomes":["unknown"]}`)
			var no *codes.RefusedError
			switch errors.As(err, &no); {
			case tt.wait == 0 && err != nil:
				t.Error(err)
			case tt.wait > 0 && (no == nil || no.Code != codes.Early || no.Wait != tt.wait):
				t.Errorf("%v, %+v; want to wait for %s", err, no, tt.wait)
			}
		})
	}
}

// A list is kept for 14 days, and a retry of it, or a retry of that, ends before.
func TestRetryEndsBeforeItsListIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send([]string{"573001234567"}, false)
	w.end(id, 0, 0, []schemas.RecipientState{schemas.StateCancelled})
	accepted := time.UnixMilli(w.statuses[id].GetPlan().GetAcceptedMs())
	w.now = accepted.Add(schemas.TaskLife - time.Hour)
	made, err := w.ask(id, "")
	if err != nil || made.Request.ExpireMs != accepted.Add(schemas.TaskLife).UnixMilli() {
		t.Fatalf("%v, %v; want it to end 13 days after the first task was accepted", made, err)
	}
	w.end(made.ID, 0, 0, []schemas.RecipientState{schemas.StateCancelled})
	w.now = accepted.Add(schemas.TaskLife)
	for _, of := range []schemas.TaskID{id, made.ID} {
		if _, err := w.ask(of, ""); !errors.Is(err, export.ErrExpired) {
			t.Errorf("%v, want %v", err, export.ErrExpired)
		}
	}
}

func TestTaskHasSoManyRetriesAtMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	phones, states := make([]string, retry.Most+1), make([]schemas.RecipientState, retry.Most+1)
	for i := range phones {
		phones[i], states[i] = fmt.Sprintf("57300%07d", i), schemas.StateSent
	}
	id := w.send(phones, false)
	for i := range phones {
		states[i] = schemas.Undelivered(131053) // a receipt says so of one more
		w.end(id, 0, 0, states)
		made, err := w.ask(id, "")
		if i == retry.Most {
			conflicts(t, "one more", err, codes.Retries)
			return
		}
		if err != nil || made.There || !slices.Equal(w.list(made.ID), phones[i:i+1]) {
			t.Fatalf("retry %d: %v, %v", i+1, made, err)
		}
		w.end(made.ID, 0, 0, []schemas.RecipientState{schemas.StateSent})
	}
}

// A long list without a secret key can't be pointed at by another task; of a few recipients the phones stand in the broadcast.
func TestListWithoutASecretKeyIsNotRetried(t *testing.T) {
	t.Parallel()
	for few, want := range map[bool]string{true: "", false: codes.Unproven} {
		w := newWorld(t)
		phones, states := make([]string, 1500), make([]schemas.RecipientState, 1500)
		for i := range phones {
			phones[i], states[i] = fmt.Sprintf("57300%07d", i), schemas.Failed(131000)
			if few && i > 700 {
				states[i] = schemas.StateSent
			}
		}
		id := w.send(phones, true)
		w.end(id, 0, 0, states)
		if _, err := w.ask(id, ""); want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			conflicts(t, "a long one", err, want)
		}
	}
}

// A list that is gone, or whose place another has, is expired.
func TestRetryOfAListThatIsGoneIsExpired(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*world){
		"the slices":    func(w *world) { w.logs[stream.TopicPartition{Topic: schemas.TopicBlobs}] = nil },
		"the last one":  func(w *world) { p := stream.TopicPartition{Topic: schemas.TopicBlobs}; w.logs[p] = w.logs[p][:1] },
		"the broadcast": func(w *world) { w.logs[stream.TopicPartition{Topic: schemas.TopicBroadcasts}] = nil },
		"its key": func(w *world) {
			for i := range w.logs[stream.TopicPartition{Topic: schemas.TopicBlobs}] {
				w.logs[stream.TopicPartition{Topic: schemas.TopicBlobs}][i].Key = []byte("another")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			phones, states := make([]string, 1500), make([]schemas.RecipientState, 1500)
			for i := range phones {
				phones[i], states[i] = fmt.Sprintf("57300%07d", i), schemas.StateCancelled
			}
			id := w.send(phones, false)
			w.end(id, 0, 0, states)
			lose(w)
			if _, err := w.ask(id, ""); !errors.Is(err, export.ErrExpired) {
				t.Errorf("%v, want %v", err, export.ErrExpired)
			}
		})
	}
}

func TestWhatIsAskedForIsRead(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		``: "-", ` `: "-", `{}`: "-", `{"outcomes":null,"codes":null}`: "-", `{"outcomes":[],"codes":[]}`: "-", `{"codes":[131026]}`: "-",
		`null`: "", `[]`: "", `{`: "", `{"codes":[1],"codes":[2]}`: "", `{"outcome":["failed"]}`: "outcome",
		`{"outcomes":["sent"]}`: "outcomes", `{"outcomes":["pending"]}`: "outcomes", `{"outcomes":["skipped"]}`: "outcomes", `{"outcomes":"failed"}`: "outcomes",
		`{"codes":[999]}`: "codes", `{"codes":["131026"]}`: "codes", `{"codes":131026}`: "codes", `{"codes":[1.5]}`: "codes",
	} {
		_, err := retry.Read([]byte(body))
		var f *request.FieldError
		if errors.As(err, &f); (err == nil) != (field == "-") || f != nil && f.Field != field {
			t.Errorf("%s: %v, %+v; want field %q", body, err, f, field)
		}
	}
}

// The message, its hours and its speed are the first task's; it has as long to expire as that had, and its file a proof of its own.
func TestRetrySendsWhatItsTaskSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	up, id := upload.New(t.Context(), w), schemas.NewTaskID()
	if err := up.Part([]byte("part")); err != nil {
		t.Fatal(err)
	}
	accepted := w.now.Add(-time.Hour)
	b, err := up.Broadcast(&request.Request{
		Content: &schemas.Content{Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MimeType: "image/png"}}, Phones: []string{"573001234567"},
		Total: 1, Speed: 7, Window: schemas.Preset(schemas.PresetLey2300), OnUnknown: schemas.OnUnknown_ON_UNKNOWN_RESEND, Literal: true, Reference: "pedido 7", Callback: "https://example.com/c", ScheduleMs: accepted.Add(time.Minute).UnixMilli(), ExpireMs: accepted.Add(3 * time.Minute).UnixMilli(),
	}, id, sender, accepted)
	if err != nil {
		t.Fatal(err)
	}
	w.accept(b)
	w.end(id, 0, 10*time.Minute, []schemas.RecipientState{schemas.StateExpired})
	made, err := w.ask(id, "")
	if err != nil {
		t.Fatal(err)
	}
	r, parts := made.Request, made.Request.Content.GetMedia().GetParts()
	if r.Content.GetBody() != "hola" || r.Speed != 7 || r.Window.GetPreset() != schemas.PresetLey2300 || r.OnUnknown != b.GetOnUnknown() || !r.Literal || r.Reference != "pedido 7" || r.Callback != "https://example.com/c" || r.ScheduleMs != 0 {
		t.Errorf("%+v is not what the task was", r)
	}
	if want := w.now.Add(2 * time.Minute).UnixMilli(); r.ExpireMs != want {
		t.Errorf("it expires at %d, want %d", r.ExpireMs, want)
	}
	if string(parts.GetTask()) != string(made.ID.Bytes()) || string(parts.GetProof()) == string(b.GetContent().GetMedia().GetParts().GetProof()) {
		t.Errorf("the file is named by %v, want a proof of the retry's", parts)
	}
}

// An upstream system need not say when it made a broadcast: the task was accepted when its record was written, and a retry has as long from then.
func TestRetryHasAsLongAsATaskThatSaysNotWhenItWasMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, accepted := schemas.NewTaskID(), w.now.Add(-3*time.Hour).UnixMilli()
	w.accept(&schemas.Broadcast{
		Task: id.Bytes(), Sender: sender, Content: &schemas.Content{Body: "hola"}, Phones: []string{"573001234567"}, Total: 1, ExpireMs: accepted + time.Hour.Milliseconds(),
	})
	w.statuses[id].Plan.AcceptedMs = accepted
	w.end(id, 0, time.Hour, []schemas.RecipientState{schemas.StateExpired})
	made, err := w.ask(id, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := w.now.Add(time.Hour).UnixMilli(); made.Request.ExpireMs != want {
		t.Errorf("it expires %s after now, want an hour", time.Duration(made.Request.ExpireMs-w.now.UnixMilli())*time.Millisecond)
	}
}
