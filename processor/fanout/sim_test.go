package fanout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/blob"
	"altavoz/internal/logtest"
	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/schemas/hours"
	"altavoz/stream"
)

// Whatever dies, is replaced without knowing it, is refused or fails, and whatever is asked of tasks meanwhile: every
// recipient of an accepted broadcast gets a send or an outcome, more than one only within a quantum that a takeover found
// leased, nothing is produced without a lease, no cursor goes back, and no more than W are in flight. After a Status
// that shows a pause or a cancel no more sends start than it says, none is called cancelled who has a send, and none is
// dispatched outside its hours. The world checks all but the first two as it goes.
func TestSimulatedCrashesAndTakeovers(t *testing.T) {
	t.Parallel()
	testio.Seeds(t, 20, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { newHistory(t, seed).run() })
	})
}

// history is one run.
type history struct {
	*world
	dice     *rand.Rand
	live     []*process
	accepted []*schemas.Broadcast
	next     int                     // phone
	refused  map[schemas.TaskID]bool // by Meta, everybody
	late     map[schemas.TaskID]bool // Accepted, and not delivered, nearly everybody
}

func newHistory(t testing.TB, seed uint64) *history {
	t.Helper()
	h := &history{
		world: newWorld(t, seed), dice: rand.New(rand.NewPCG(seed, 2)), refused: make(map[schemas.TaskID]bool), late: make(map[schemas.TaskID]bool),
	}
	h.predicts, h.receipts = predicts, seed%2 == 0
	h.outcomes = func(k pair) (schemas.RecipientState, *receipt) {
		after := time.Duration(k.index%7) * time.Second
		switch {
		case h.refused[k.task]:
			return schemas.Failed(codeParameter), nil
		case h.late[k.task] && k.index%20 > 0:
			return schemas.StateSent, &receipt{schemas.Undelivered(codeNoWindow), after}
		case h.receipts:
			return schemas.StateSent, &receipt{schemas.StateDelivered, after}
		}
		return schemas.StateSent, nil
	}
	h.media = func(ctx context.Context, _ string, m *schemas.MediaRef) (*schemas.MediaRef, error) {
		h.Lock()
		fails, wait := h.Chance(0.3), h.Delay()
		h.Unlock()
		select {
		case <-time.After(100 * wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if fails {
			return nil, errors.New("nobody answers")
		}
		return &schemas.MediaRef{Url: m.GetUrl(), MediaId: "42"}, nil
	}
	return h
}

func (h *history) one(percent int) bool { return h.dice.IntN(100) < percent }

func (h *history) upTo(most time.Duration) time.Duration {
	return time.Duration(h.dice.Int64N(most.Milliseconds())) * time.Millisecond
}

// pick returns one of the processes that are given partitions.
func (h *history) pick() *process { return h.live[h.dice.IntN(len(h.live))] }

// owner returns the process that runs and has a partition, nil if there is none.
func (h *history) owner(of stream.TopicPartition) *process {
	h.Lock()
	defer h.Unlock()
	if m := h.Owners[of]; m != nil && !m.Dead() {
		return h.members[m]
	}
	return nil
}

// owned returns the partitions that nobody has been given after a process.
func (h *history) owned(p *process) []stream.TopicPartition {
	return slices.DeleteFunc(partitionsOf(schemas.TopicBroadcasts), func(of stream.TopicPartition) bool { return h.owner(of) != p })
}

func (h *history) run() {
	defer h.end()
	h.live = []*process{h.start(), h.start()}
	for _, of := range partitionsOf(schemas.TopicBroadcasts) {
		h.pick().Assign(of)
	}
	for range 60 {
		h.event()
		time.Sleep(h.upTo(time.Second))
	}
	h.lock(func() { h.Faults = calm })
	h.startAggregator()
	h.startSenders()
	h.settleOwners()
	for _, b := range h.accepted {
		h.resume(schemas.TaskID(b.GetTask()))
		h.control(schemas.TaskID(b.GetTask()), schemas.ControlKind_CONTROL_KIND_SPEED, 0)
	}
	for _, b := range h.accepted {
		h.finished(schemas.TaskID(b.GetTask()))
	}
	time.Sleep(time.Minute)
	h.judge()
}

// event is one thing that happens.
func (h *history) event() {
	switch h.dice.IntN(19) {
	case 0, 1, 2, 3:
		h.broadcast()
	case 4: // kill -9; its partitions are taken over later
		p := h.pick()
		lost := h.owned(p)
		h.replace(p)
		time.Sleep(h.upTo(12 * time.Second))
		for _, of := range lost {
			h.pick().Assign(of)
		}
	case 5: // a zombie: its partitions are given to another, and it hears of it later
		p, other := h.pick(), h.start()
		h.live = append(h.live, other)
		for _, of := range h.owned(p) {
			other.Assign(of)
			time.AfterFunc(h.upTo(20*time.Second), func() { p.Lose(of) })
		}
		h.live = slices.DeleteFunc(h.live, func(x *process) bool { return x == p })
	case 6: // a rebalance in good order
		p, other := h.pick(), h.pick()
		all := h.owned(p)
		p.Revoke(all...)
		for _, of := range all {
			other.Assign(of)
		}
	case 7:
		h.lock(func() { h.stopAggregator = true })
		if h.one(70) {
			time.Sleep(h.upTo(5 * time.Second))
			h.startAggregator()
		}
	case 8:
		h.lock(func() { h.stopSenders = true })
		if h.one(70) {
			time.Sleep(h.upTo(5 * time.Second))
			h.startSenders()
		}
	case 9:
		h.startAggregator()
		h.startSenders()
	case 10, 11, 12, 13, 14:
		h.steer()
	case 15:
		h.expireOffsets()
	default:
		h.lock(func() {
			most := func(most float64) float64 {
				if h.one(50) {
					return 0
				}
				return h.dice.Float64() * most
			}
			h.Faults = logtest.Chances{
				Busy: most(0.5), Fail: most(0.3), FailWritten: 0.5, Refuse: most(0.5), Unknown: most(0.05), Read: most(0.2),
				Delay: time.Duration(1+h.dice.IntN(300)) * time.Millisecond,
			}
		})
	}
}

// replace kills a process and starts another one in its place.
func (h *history) replace(p *process) {
	p.kill()
	h.live = append(slices.DeleteFunc(h.live, func(x *process) bool { return x == p }), h.start())
}

// steer asks something of a task, also of one that is over.
func (h *history) steer() {
	if len(h.accepted) == 0 {
		return
	}
	id := schemas.TaskID(h.accepted[len(h.accepted)-1-h.dice.IntN(min(len(h.accepted), 5))].GetTask())
	switch h.dice.IntN(6) {
	case 0:
		h.cancel(id)
	case 1, 2:
		h.pause(id)
	case 3, 4:
		h.resume(id)
	default:
		h.control(id, schemas.ControlKind_CONTROL_KIND_SPEED, uint32(h.dice.IntN(4)*h.dice.IntN(300)))
	}
}

// everyOtherMinute is a window that closes and opens again, for as long as a history takes.
func everyOtherMinute(first uint32) *schemas.Window {
	w := &schemas.Window{Timezone: "UTC"}
	for from := first; from < 2*hours.MaxSpans-2; from += 2 {
		w.Hours = append(w.Hours, &schemas.Hours{Days: 0b1111111, From: from, To: from + 1})
	}
	w.Hours = append(w.Hours, &schemas.Hours{Days: 0b1111111, From: 2 * hours.MaxSpans, To: hours.DayMinutes})
	return w
}

// broadcast submits one of any kind.
func (h *history) broadcast() {
	n := 1 + h.dice.IntN(8)
	if h.one(60) {
		n = 1 + h.dice.IntN(3000)
	}
	phones := phonesFrom(h.next, n)
	h.next += n
	for i := range phones {
		switch {
		case h.one(1):
			phones[i] = "no"
		case h.one(1):
			phones[i] = phones[h.dice.IntN(i+1)]
		}
	}
	b := event([]string{"100", "200", "300", ""}[h.dice.IntN(4)], phones...)
	b.Direct = n <= schemas.InlineRecipients && h.one(20)
	if h.one(20) {
		b.ScheduleMs = time.Now().Add(time.Duration(h.dice.IntN(200)) * time.Second).UnixMilli()
	}
	if h.one(20) {
		b.Speed = uint32(20 + h.dice.IntN(500))
	}
	if h.one(10) {
		b.ExpireMs = time.Now().Add(time.Duration(h.dice.IntN(30)) * time.Second).UnixMilli()
	}
	if h.one(15) {
		b.Window = everyOtherMinute(uint32(h.dice.IntN(2)))
	}
	h.lock(func() {
		h.refused[schemas.TaskID(b.GetTask())], h.late[schemas.TaskID(b.GetTask())] = h.one(10), h.one(10)
	})
	if h.one(30) {
		b.Content.Header, b.Content.Media = schemas.HeaderKind_HEADER_KIND_IMAGE, &schemas.MediaRef{Url: fmt.Sprintf("https://example.com/%d", h.dice.IntN(4))}
	}
	var list *blob.List
	if n > schemas.InlineRecipients || h.one(10) {
		switch {
		case h.one(25): // as an older version did
			h.slicedAs(b, schemas.TaskID(b.GetTask()).String())
		case h.one(25):
			h.retried(b)
		default:
			list = h.slicedAs(b, "")
		}
	}
	h.accepted = append(h.accepted, b)
	switch {
	case (list != nil || b.GetSlices() == nil) && h.one(20): // a chosen id, twice, the second time perhaps another request
		with(b, schemas.TaskIDFromKey("caller", fmt.Sprint(h.next))).Chosen = true
		if list != nil {
			b.Slices = list.Ref(schemas.TaskID(b.GetTask()), b.GetSender())
		}
		other := event(b.GetSender(), "573009999999")
		other.Task, other.Chosen, other.RequestSha256 = b.GetTask(), true, []byte("another")
		h.submit(b)
		h.Append(schemas.EncodeBroadcast(other))
		h.Append(schemas.EncodeBroadcast(b))
	case h.one(20): // from a client that hashes keys in its own way and writes no TaskOpened
		rec := schemas.EncodeBroadcast(b)
		rec.Partition = int32(h.dice.IntN(int(partitions[schemas.TopicBroadcasts])))
		h.Append(rec)
	default:
		h.submit(b)
	}
}

// settleOwners gives every partition to a process that knows of it.
func (h *history) settleOwners() {
	time.Sleep(30 * time.Second) // zombies have heard of it by now
	for _, of := range partitionsOf(schemas.TopicBroadcasts) {
		if !slices.Contains(h.live, h.owner(of)) {
			h.live[0].Assign(of)
		}
	}
}

// judge looks at the whole history.
func (h *history) judge() {
	h.Lock()
	defer h.Unlock()
	repeats := 0
	for _, b := range h.accepted {
		id := schemas.TaskID(b.GetTask())
		f := h.tasks[id]
		if len(f.states) != int(b.GetTotal()) || f.phase == schemas.Phase_PHASE_FAILED {
			h.failf("task %s: %d of %d have an outcome, phase %s", id, len(f.states), b.GetTotal(), f.phase)
		}
		for i := range b.GetTotal() {
			made := h.made[pair{id, i}]
			switch {
			case made == nil && (b.GetExpireMs() == 0 || f.states[i] != schemas.StateExpired) && f.states[i] != schemas.StateCancelled:
				h.failf("task %s: recipient %d got neither a send nor an outcome: %s", id, i, f.states[i].Label())
			case made != nil && made.sends > 0 && made.outcomes > 0 && !h.doubtful[id]:
				h.failf("task %s: recipient %d got a send and an outcome", id, i)
			case made != nil:
				repeats += made.sends + made.outcomes - 1
			}
		}
	}
	for key, n := range h.inFlight {
		if n != 0 {
			h.failf("%d of %s are left in flight", n, key)
		}
	}
	for _, of := range partitionsOf(schemas.TopicBroadcasts) {
		if pos := h.Position(of); pos.Offset != pos.End && pos.End > 0 {
			h.failf("%d of %d of %s are committed", pos.Offset, pos.End, of)
		}
	}
	h.t.Logf("seed %d: %d broadcasts, %d recipients, %d repeats, phases %v", h.seed, len(h.accepted), len(h.made), repeats, h.phases())
}

// phases are how many tasks ended in each. Called with the lock held.
func (h *history) phases() map[schemas.Phase]int {
	out := make(map[schemas.Phase]int)
	for _, b := range h.accepted {
		out[h.tasks[schemas.TaskID(b.GetTask())].phase]++
	}
	return out
}
