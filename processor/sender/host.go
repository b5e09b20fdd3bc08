package sender

import (
	"context"
	"time"

	"altavoz/processor/sender/schedule"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// host is the stage as the scheduler sees it. The lock is held in all of it.
type host struct{ st *Stage }

// Wake implements schedule.Host.
func (h host) Wake() { h.st.commits.wake() }

// Finish implements schedule.Host.
func (h host) Finish(e *schedule.Send, state schemas.RecipientState, reason string) {
	h.st.recordOutcome(sendOf(e), state, reason, "")
}

// Publish implements schedule.Host.
func (h host) Publish(t schemas.TaskID, u *schemas.TaskUpdate, now time.Time) {
	h.st.results.add(&pendingRecord{lane: schedule.Bulk, createdAt: now, result: &schemas.Result{
		Task: t.Bytes(), AtMs: now.UnixMilli(), Event: &schemas.Result_Note{Note: u},
	}})
}

// PublishNumber implements schedule.Host.
func (h host) PublishNumber(ev *schemas.NumberEvent, now time.Time) {
	h.st.results.add(&pendingRecord{lane: schedule.Bulk, createdAt: now, rec: standing.Encode(ev)})
}

// Claim implements schedule.Host.
func (h host) Claim(rec stream.Record, now time.Time) {
	h.st.results.add(&pendingRecord{lane: schedule.Express, createdAt: now, rec: rec})
}

// Background implements schedule.Host.
func (h host) Background(work func(ctx context.Context), done func(now time.Time)) {
	st := h.st
	if st.ctx.Err() != nil {
		return
	}
	st.running.Go(func() {
		work(st.ctx)
		st.mu.Lock()
		defer st.unlock()
		done(time.Now())
	})
}

// onVerdict applies that on a claim.
func (st *Stage) onVerdict(process string, claim uint64, granted bool) {
	st.mu.Lock()
	defer st.unlock()
	st.schedule.OnVerdict(process, claim, granted, time.Now())
}

// onNumberState applies what was published of a number as a whole.
func (st *Stage) onNumberState(s standing.State) {
	st.mu.Lock()
	defer st.unlock()
	st.schedule.ApplyNumberState(s, time.Now())
}
