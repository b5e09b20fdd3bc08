package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"altavoz/app"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// told is what one process said last of a task while it lived: it may be behind the others, and never goes back.
type told struct {
	decided  int
	unknown  int
	finished bool
}

type teller struct {
	addr  string
	life  int
	about schemas.TaskID
}

// watch looks on while things go wrong: what the processes say of every task adds up and never goes back, nobody is
// called twice, and no process gives up by itself.
func (w *world) watch() {
	said := make(map[teller]told)
	r := w.chance(chanceWorld)
	for {
		select {
		case <-w.calm:
			return
		case <-time.After(time.Second + upTo(r, 3*time.Second)):
		}
		procs := w.processes()
		p := procs[0]
		if p.roles.Has(app.RoleProducer) && len(procs) > 1 && procs[1].roles.Has(app.RoleProducer) && r.IntN(2) == 0 {
			p = procs[1]
		}
		w.listen(p, said)
		w.nobodyTwice()
		w.people.check()
		for _, p := range procs {
			w.stillRuns(p)
		}
	}
}

func (w *world) listen(p *process, said map[teller]told) {
	for _, task := range w.known() {
		_, life := p.life()
		s, code, err := w.status(p, task.id, 3*time.Second)
		if _, after := p.life(); err != nil || after != life {
			return // it is away, and says nothing, or it is not the same any more
		}
		who := teller{p.addr, life, task.id}
		before, known := said[who]
		if code != http.StatusOK {
			if known && code != http.StatusServiceUnavailable {
				w.errorf("%s knew task %s and answers %d", p.addr, task.id, code)
			}
			continue
		}
		now := told{s.Result.Total - s.Result.Pending, s.Result.Unknown, ended(s.Status)}
		if now.decided < before.decided || (before.finished && (!now.finished || now.unknown > before.unknown)) {
			w.errorf("%s said of task %s %+v and then %+v", p.addr, task.id, before, now)
		}
		said[who] = now
	}
}

func ended(status string) bool {
	return status == "SUCCESS" || status == "FAILURE" || status == "REVOKED"
}

// Status asks a process for a task; its numbers must add up, whenever it is asked.
func (w *world) status(p *process, id schemas.TaskID, patience time.Duration) (s harness.TaskStatus, code int, err error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+p.addr+harness.StatusPath+id.String(), nil)
	if err != nil {
		return s, 0, fmt.Errorf("asking: %w", err)
	}
	resp, err := w.client(patience).Do(req)
	if err != nil {
		return s, 0, fmt.Errorf("asking: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, resp.StatusCode, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return s, 0, fmt.Errorf("asking: %w", err)
	}
	r := s.Result
	if r.Successful+r.Failed+r.Pending != r.Total {
		w.errorf("task %s: %d + %d + %d is not %d", id, r.Successful, r.Failed, r.Pending, r.Total)
	}
	if s.Status == "SUCCESS" && r.Pending != 0 {
		w.errorf("task %s is finished and has %d pending", id, r.Pending)
	}
	return s, resp.StatusCode, nil
}

// everybodysOwn asks the Cloud API's ledger for the texts that the recipients of a task got: each has its own, and who has none has none.
func (w *world) everybodysOwn(task *simTask) {
	for i, want := range task.texts {
		for _, got := range w.sim.Ledger(task.phones[i]) {
			if task.templates != nil {
				w.inWindow(task, i, got.Text, got.Time)
			}
			if got.Text != want && (task.templates == nil || got.Text != task.templates[i]) {
				w.errorf("%s/%d got %q, want %q", task.id, i, got.Text, want)
			}
		}
	}
}

// nobodyTwice asks the Cloud API's own ledger: a second call is right only where every call before it was plainly
// refused, or where the broadcast allows it (see checkUnknown).
func (w *world) nobodyTwice() {
	for _, task := range w.known() {
		for i := range task.phones {
			calls, open, accepted := w.calls(task.id, uint32(i))
			if !task.resend && (open > 1 || accepted > 1) {
				w.errorf("%s/%d was called %d times, %d of them not plainly refused, %d accepted", task.id, i, calls, open, accepted)
			}
		}
	}
}

func (w *world) stillRuns(p *process) {
	a, _ := p.life()
	if a == nil {
		return
	}
	select {
	case err := <-a.Failed():
		if p.net.Alive() {
			w.errorf("%s gave up: %v", p.addr, err)
		}
	default:
	}
}

// settle waits, with the faults off, until every task is at its end.
func (w *world) settle() {
	for end := time.Now().Add(simPatient); ; time.Sleep(time.Second) {
		open := ""
		for _, task := range w.known() {
			s, _, err := w.status(w.processes()[0], task.id, 10*time.Second)
			if err != nil || (s.Status != "SUCCESS" && (s.Status != "REVOKED" || !task.cancelled) && (s.Status != "FAILURE" || !task.rejected)) {
				open = fmt.Sprintf("%s of %d: %+v %v", task.id, len(task.phones), s, err)
			}
		}
		if open == "" {
			return
		}
		if time.Now().After(end) {
			w.errorf("not finished %v after the last fault: %s", simPatient, open)
			return
		}
	}
}

// hearAll waits until every receipt was told, and the statuses carry what the log says: the last receipts may come while an
// aggregator is being taken over.
func (w *world) hearAll() {
	for end := time.Now().Add(simPatient); w.sim.Summary().Webhooks.Pending > 0; time.Sleep(time.Second) {
		if time.Now().After(end) {
			w.errorf("receipts are not through %v after the end: %+v", simPatient, w.sim.Summary().Webhooks)
			return
		}
	}
	for end := time.Now().Add(simPatient); !w.agree() && time.Now().Before(end); time.Sleep(2 * time.Second) {
	}
}

// agree reports whether the last statuses count what the log does.
func (w *world) agree() bool {
	marks, _, statuses := w.recount()
	for _, task := range w.known() {
		var view *schemas.Status
		for _, s := range statuses[task.id] {
			if s.Supersedes(view) {
				view = s
			}
		}
		if !sameCounts(view, task.counts(marks)) {
			return false
		}
	}
	return true
}

// counts is how many of the task's recipients have each mark.
func (task *simTask) counts(marks map[recipient]schemas.RecipientState) map[uint32]uint32 {
	out := make(map[uint32]uint32)
	for i := range task.phones {
		out[uint32(marks[recipient{task.id, uint32(i)}])]++
	}
	return out
}

// sameCounts reports whether a status of a finished task counts exactly these.
func sameCounts(s *schemas.Status, counts map[uint32]uint32) bool {
	n := 0
	for _, c := range s.GetCounts() {
		if c.GetMark() == uint32(schemas.StatePending) || c.GetCount() == 0 {
			continue
		}
		if n++; counts[c.GetMark()] != c.GetCount() {
			return false
		}
	}
	return n == len(counts)
}

// check compares three witnesses: the Cloud API's own ledger, what the task's status says, and a fold of everything that
// was ever written to results; and of the last one every status that was ever written.
func (w *world) check() {
	w.nobodyTwice()
	marks, unknown, statuses := w.recount()
	w.checkUnknown(unknown)
	for _, task := range w.known() {
		w.everybodysOwn(task)
		s, _, err := w.status(w.processes()[0], task.id, 10*time.Second)
		if err != nil {
			w.errorf("%v", err)
		}
		of := make(map[schemas.OutcomeClass]int)
		wasUnknown := 0
		for i := range task.phones {
			m := marks[recipient{task.id, uint32(i)}]
			of[m.Outcome()]++
			w.checkOne(task, i, m)
			if _, was := unknown[recipient{task.id, uint32(i)}]; was {
				wasUnknown++
				if m.Outcome() != schemas.OutcomeUnknown {
					w.tally.Settled++
				}
			}
		}
		w.checkStops(task, wasUnknown)
		w.checkRejected(task, s)
		if n := of[schemas.OutcomeCancelled]; task.retry != nil && len(task.retry.phones) != n { // else somebody was called who is in the retry too
			w.errorf("%s: %d are cancelled, and its retry is for %d", task.id, n, len(task.retry.phones))
		}
		r := s.Result
		if r.Total != len(task.phones) || r.Successful != of[schemas.OutcomeSent]+of[schemas.OutcomeDelivered]+of[schemas.OutcomeRead] ||
			r.Unknown != of[schemas.OutcomeUnknown] || r.Pending != 0 {
			w.errorf("%s: the status says %+v, the log says %v", task.id, r, of)
		}
		w.checkView(task, statuses[task.id], task.counts(marks))
		w.tally.Tasks++
		w.tally.Recipients += len(task.phones)
		w.tally.Sent += r.Successful
		w.tally.Failed += of[schemas.OutcomeFailed]
		w.tally.Unknown += wasUnknown
		w.tally.Cancelled += of[schemas.OutcomeCancelled]
	}
}

func (w *world) checkOne(task *simTask, i int, m schemas.RecipientState) {
	_, _, accepted := w.calls(task.id, uint32(i))
	w.checkOptOut(task, i, m)
	w.checkRoute(task, i, m)
	w.checkTemplate(task, i, m)
	w.people.checkWaited(task, i, m)
	out := m.Outcome()
	reached := m >= schemas.StateSent
	switch {
	case out == schemas.OutcomePending:
		w.errorf("%s/%d has no outcome", task.id, i)
	case out == schemas.OutcomeExpired || (out == schemas.OutcomeCancelled && !task.cancelled && !task.rejected):
		w.errorf("%s/%d is %s, which nobody asked for", task.id, i, out)
	case accepted > 0 && (out == schemas.OutcomeCancelled || out == schemas.OutcomeSkipped):
		w.errorf("%s/%d was accepted and is %s", task.id, i, out)
	case accepted > 0 && out == schemas.OutcomeUnknown && !w.mayHave("receipts_lost"):
		w.errorf("%s/%d was accepted, its receipts are through, and it is %s", task.id, i, out)
	case out == schemas.OutcomeUndelivered && !w.mayHave("receipts_failed"):
		w.errorf("%s/%d is %s, and no receipt said so", task.id, i, out)
	case accepted > 0 && out == schemas.OutcomeFailed && !task.resend:
		w.errorf("%s/%d was accepted and is %s (%d)", task.id, i, out, m)
	case accepted == 0 && reached:
		w.errorf("%s/%d is %s and was never accepted", task.id, i, out)
	}
}

// checkView follows the statuses that were written of a task, as everybody does who reads them: one with a version that
// is not newer does not count.
func (w *world) checkView(task *simTask, written []*schemas.Status, counts map[uint32]uint32) {
	var view *schemas.Status
	for _, s := range written {
		if !s.Supersedes(view) {
			continue
		}
		if s.Decided() < view.Decided() || (view.GetFinishedMs() != 0 && (s.GetFinishedMs() == 0 || s.GetFinishedMs() > view.GetFinishedMs())) {
			w.errorf("%s: version %d has %d decided and ended at %d, version %d %d and %d", task.id, view.GetVersion(), view.Decided(),
				view.GetFinishedMs(), s.GetVersion(), s.Decided(), s.GetFinishedMs())
		}
		view = s
	}
	if !sameCounts(view, counts) {
		w.errorf("%s: the last status counts %v, the log %v", task.id, view.GetCounts(), counts)
	}
}

type recipient struct {
	task  schemas.TaskID
	index uint32
}

// recount folds the whole of results, as nothing in altavoz does, and reads every status that was written.
func (w *world) recount() (marks map[recipient]schemas.RecipientState, unknown map[recipient]time.Time, statuses map[schemas.TaskID][]*schemas.Status) {
	reader, err := records.NewReader(w.kafkaConfig())
	if err != nil {
		w.errorf("%v", err)
		return nil, nil, nil
	}
	defer reader.Close()
	marks, unknown = make(map[recipient]schemas.RecipientState), make(map[recipient]time.Time)
	raise := func(t schemas.TaskID, from, to uint32, m schemas.RecipientState, at int64) {
		for i := from; i < to; i++ {
			marks[recipient{t, i}] = max(marks[recipient{t, i}], m)
			if m.Outcome() == schemas.OutcomeUnknown {
				said := time.UnixMilli(at)
				if before, was := unknown[recipient{t, i}]; !was || said.Before(before) {
					unknown[recipient{t, i}] = said
				}
			}
		}
	}
	w.readAll(reader, schemas.TopicResults, func(rec *stream.Record) {
		var r schemas.Result
		id, err := schemas.ParseTaskID(string(rec.Key))
		if err != nil || schemas.Decode(rec, &r) != nil {
			return // rubbish
		}
		switch e := r.GetEvent().(type) {
		case *schemas.Result_Range:
			raise(id, e.Range.GetFrom(), e.Range.GetTo(), schemas.RecipientState(e.Range.GetMark()), r.GetAtMs())
		default:
			for _, o := range r.AllOutcomes() {
				raise(id, o.GetIndex(), o.GetIndex()+1, schemas.RecipientState(o.GetMark()), r.GetAtMs())
			}
		}
	})
	statuses = make(map[schemas.TaskID][]*schemas.Status)
	w.readAll(reader, schemas.TopicStatuses, func(rec *stream.Record) {
		var s schemas.Status
		if id, err := schemas.ParseTaskID(string(rec.Key)); err == nil && len(rec.Value) > 0 && schemas.Decode(rec, &s) == nil {
			statuses[id] = append(statuses[id], &s)
		}
	})
	return marks, unknown, statuses
}

// read is readAll with a reader of its own.
func (w *world) read(t stream.Topic, each func(*stream.Record)) {
	reader, err := records.NewReader(w.kafkaConfig())
	if err != nil {
		w.errorf("%v", err)
		return
	}
	defer reader.Close()
	w.readAll(reader, t, each)
}

func (w *world) readAll(reader *records.Reader, t stream.Topic, each func(*stream.Record)) {
	ends, err := reader.Ends(context.Background(), t)
	if err != nil {
		w.errorf("%v", err)
		return
	}
	for p, end := range ends {
		err := reader.Range(context.Background(), stream.TopicPartition{Topic: t, Partition: p}, 0, end, func(rec stream.Record) error {
			each(&rec)
			return nil
		})
		if err != nil {
			w.errorf("%v", err)
		}
	}
}
