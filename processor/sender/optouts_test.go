package sender

import (
	"slices"
	"sync"
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/route"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

// people is the view of who opted out, and of who wrote, for all processes of a test. The zero value knows that nobody has.
type people struct {
	mu      sync.Mutex
	out     map[schemas.Phone]bool
	behind  chan struct{} // not nil: the view has not read all
	old     time.Duration // how long ago it was confirmed
	learned []optout.Entry
	at      map[schemas.Phone]time.Time // when people wrote
}

func (v *people) optsOut(phones ...schemas.Phone) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.out == nil {
		v.out = make(map[schemas.Phone]bool)
	}
	for _, p := range phones {
		v.out[p.Person()] = true
	}
}

func (v *people) Out(_ string, to schemas.Phone, user string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.out[to.Person()] || v.out[schemas.Phone(user)]
}

func (v *people) Confirmed() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Now().Add(-v.old)
}

func (v *people) age(old time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.old = old
}

func (v *people) CaughtUp() <-chan struct{} {
	if v.behind != nil {
		return v.behind
	}
	read := make(chan struct{})
	close(read)
	return read
}

func (v *people) refusedBy(_ string, to schemas.Phone, now time.Time) (stream.Record, bool) {
	if v.Out("", to, "") {
		return stream.Record{}, false
	}
	e := optout.Entry{Person: to.Person().Digits(), OutS: now.Unix(), OutBy: schemas.OptOutSource_OPT_OUT_SOURCE_CODE}
	return e.Encode(""), true
}

func (v *people) learn(rec stream.Record) {
	_, e, err := optout.Decode(&rec)
	if err != nil {
		panic(err)
	}
	v.optsOut(schemas.Phone(e.Person))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.learned = append(v.learned, e)
}

func phone(digits string) sendOpt { return func(s *schemas.Send) { s.Phone = digits } }

func exempt(s *schemas.Send) { s.Exempt = true }

// wasCalled is whether a call was made for a recipient.
func (w *world) wasCalled(id who) (made bool) {
	w.lock(func() { made = slices.ContainsFunc(w.calls, func(c *apiCall) bool { return c.who == id }) })
	return made
}

// TestWhoOptedOutIsSkipped: in both lanes, in whatever writing; others are sent to, and so is everybody by a service message.
func TestWhoOptedOutIsSkipped(t *testing.T) {
	bubble(t, func(w *world) {
		w.people.optsOut("573001234567", "525512345678", "CO.1")
		beside := func(id string) sendOpt {
			return func(s *schemas.Send) {
				s.Content, s.ContentRef, s.Personal = shared(), nil, &schemas.Personal{Variables: []uint32{0}, Values: []string{"Ana"}, UserId: id}
			}
		}
		w.start(both)
		skipped := []schemas.RecipientState{schemas.StateOptedOut}
		sent := []schemas.RecipientState{schemas.StateSent}
		for i, c := range []struct {
			on   stream.TopicPartition
			opts []sendOpt
			want []schemas.RecipientState
		}{
			{expressPartition, []sendOpt{phone("573001234567")}, skipped},
			{bulkPartition, []sendOpt{phone("5215512345678")}, skipped},
			{bulkPartition, []sendOpt{phone("573001234568")}, sent},
			{bulkPartition, []sendOpt{phone("CO.1")}, skipped},
			{bulkPartition, []sendOpt{phone("573001234569"), beside("CO.1")}, skipped},
			{bulkPartition, []sendOpt{phone("573001234570"), beside("CO.2")}, sent},
			{expressPartition, []sendOpt{phone("573001234567"), exempt}, sent},
		} {
			task := schemas.NewTaskID()
			id := who{task, uint32(i)}
			w.produce(c.on, task, id.index, c.opts...)
			w.until("done", func() bool { return w.allDone(c.on) })
			if got := w.outcomes(id); !slices.Equal(got, c.want) {
				t.Errorf("%d: %v; want %v", i, got, c.want)
			}
			if w.wasCalled(id) != (c.want[0] == schemas.StateSent) {
				t.Errorf("%d: whether it was called does not fit %v", i, c.want)
			}
		}
	})
}

// TestWhoOptsOutDuringTheCommitIsNotCalled: the start is committed, and then taken back.
func TestWhoOptsOutDuringTheCommitIsNotCalled(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both)
		p.OnCommit(func([]stream.Position) logtest.Fault { return logtest.Fault{After: time.Second} })
		id := who{schemas.NewTaskID(), 0}
		w.produce(expressPartition, id.task, id.index, phone("573001234567"))
		w.rest(500 * time.Millisecond)
		w.people.optsOut("573001234567")
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if got := w.outcomes(id); w.wasCalled(id) || !slices.Equal(got, []schemas.RecipientState{schemas.StateOptedOut}) {
			t.Errorf("%v, called: %v; want skipped, and no call", got, w.wasCalled(id))
		}
	})
}

// TestNothingStartsOnOldKnowledgeOfOptOuts: while nobody knows who opted out lately only service messages go; then the others do.
func TestNothingStartsOnOldKnowledgeOfOptOuts(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(both, rate(80))
		w.people.age(MaxOptOutAge + time.Second)
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 20, until(time.Now().Add(time.Hour)))
		service := who{schemas.NewTaskID(), 0}
		w.produce(expressPartition, service.task, 0, exempt)
		w.rest(time.Minute)
		if n := w.count(schemas.OutcomeSent); n != 1 || !w.wasCalled(service) {
			t.Errorf("%d sent, the service message: %v; want that alone", n, w.wasCalled(service))
		}
		if n := p.value("altavoz_sends_waiting", "optouts"); n != 20 {
			t.Errorf("%v wait for opt-outs; want 20", n)
		}
		w.people.age(MaxOptOutAge)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeSent); n != 21 {
			t.Errorf("%d sent; want all 21", n)
		}
	})
}

// TestAProcessKnowsWhoOptedOutBeforeItCalls: a process that starts has read everything before it takes a partition over.
func TestAProcessKnowsWhoOptedOutBeforeItCalls(t *testing.T) {
	bubble(t, func(w *world) {
		w.people.behind = make(chan struct{})
		id := who{schemas.NewTaskID(), 0}
		w.produce(bulkPartition, id.task, id.index, phone("573001234567"))
		p := w.start(nil)
		go p.Assign(bulkPartition)
		w.rest(2 * route.Patience) // for what is not waited for without end
		if w.wasCalled(id) {
			t.Error("called before anybody knows who opted out")
		}
		w.people.optsOut("573001234567")
		close(w.people.behind)
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if w.wasCalled(id) {
			t.Error("who opted out is called")
		}
	})
}

// TestWhomMetaRefusesForAnOptOutHasOptedOut: the next broadcast is not even tried.
func TestWhomMetaRefusesForAnOptOutHasOptedOut(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(*apiCall) schemas.Reply {
			return schemas.Reply{Verdict: schemas.VerdictFailed, Code: schemas.CodeOptedOut}
		}
		w.start(both)
		first, next := who{schemas.NewTaskID(), 0}, who{schemas.NewTaskID(), 0}
		w.produce(expressPartition, first.task, 0, phone("573001234567"))
		w.rest(10 * time.Second)
		w.produce(expressPartition, next.task, 0, phone("573001234567"))
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if got := w.outcomes(first); !slices.Equal(got, []schemas.RecipientState{schemas.Failed(schemas.CodeOptedOut)}) {
			t.Errorf("the first one is %v; want failed:131050", got)
		}
		if got := w.outcomes(next); w.wasCalled(next) || !slices.Equal(got, []schemas.RecipientState{schemas.StateOptedOut}) {
			t.Errorf("the next one is %v, called: %v; want skipped", got, w.wasCalled(next))
		}
		if n := len(w.people.learned); n != 1 {
			t.Errorf("%d records of it; want 1", n)
		}
	})
}

// TestDoubtfulSendOfWhoOptedOutIsUnknown: an earlier call may have reached them, so nobody says that they were skipped.
func TestDoubtfulSendOfWhoOptedOutIsUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			w.people.optsOut("573001234567")
			return schemas.Reply{Verdict: schemas.VerdictLost}
		}
		w.start(both)
		id := who{schemas.NewTaskID(), 0}
		w.produce(expressPartition, id.task, 0, phone("573001234567"), again)
		w.until("done", func() bool { return w.allDone(expressPartition) })
		if got := w.outcomes(id); !slices.Equal(got, []schemas.RecipientState{schemas.StateUnknown}) || len(w.calls) != 1 {
			t.Errorf("%v after %d calls; want unknown after 1", got, len(w.calls))
		}
	})
}
