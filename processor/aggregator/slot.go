package aggregator

import (
	"errors"
	"slices"
	"time"

	"altavoz/processor/aggregator/cold"
	"altavoz/processor/aggregator/own"
	"altavoz/processor/aggregator/pace"
	"altavoz/processor/aggregator/tally"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// foldBatch is how many results are folded before anything is written: some 4 ms of work, which is what a task's
	// end may wait.
	foldBatch = 4096
	// statusBatch is how many statuses of busy tasks are written at one tick: at the default tick, 6,700 a second.
	statusBatch = 1000
	// maxHeld is how many tasks a slot holds in memory: at 1 KiB for the histogram, and up to 10 KiB of error lines, some
	// 40 MiB when every one of them ended badly.
	maxHeld = 4096
	// coolAfter is how long a task stays in memory after its last result; coming back costs a read or two.
	coolAfter = time.Minute
)

// entry is a task in its slot. Those with nothing in memory are cold: everything is in the topics, and only their place there is
// known. Most of them are finished and put away (package cold), and made an entry again when something is said of them.
type entry struct {
	id      schemas.TaskID
	task    *Task // nil: cold
	read    pager
	parts   []part // of a cold task, none of them in memory
	version uint64 // highest ever seen or written
	at      int64  // offset of the newest status record, which has the highest version
	seen    time.Time
	wrote   time.Time // when a status was last written
	changed bool      // memory says more than the status
	touched bool      // in slot.touched
	force   bool      // the status can't wait for the one before it: the task ended
	orphan  bool      // read from marks, and neither status nor result has named it yet
	done    bool      // finished, and counted as such
	flight  uint8     // statuses that wait for their acknowledgement
	queue   queue
	updated int64      // when a status was last written by anyone, unix milliseconds
	pace    *pace.Pace // nil: nothing was decided lately
}

// queue says where a changed task waits for its status to be written.
type queue uint8

const (
	queueNone queue = iota
	queueSoon
	queueLater
)

// slot is one owned partition: its tasks, and the goroutine (run) that alone touches them.
type slot struct {
	*partition.Engine
	st                      *Stage
	results, stats, markers stream.TopicPartition
	own                     map[stream.Topic]*own.Offsets
	ahead                   ahead

	next     int64 // offset of the next result to fold
	folded   last  // the result before
	replayTo int64 // below it lie results that the previous owner may have folded: see caughtUp
	caught   bool
	lacked   span                      // what it lacked at the tail's last look; the tail's alone
	entries  map[schemas.TaskID]*entry // but for those that are put away
	away     *cold.Tasks
	leaving  map[schemas.TaskID]*leaver
	floors   map[schemas.TaskID]uint64 // versions that others gave to tasks not known here yet
	held     map[*entry]struct{}
	touched  []*entry // something to write; entry.touched says which
	last     *entry
	soon     []*entry
	later    []*entry
	lost     []stream.Record // rejects to write again
	flight   map[*write]struct{}
	cp       *checkpoint
	asked    int64 // position handed to the committer
	reached  int64 // highest position committed
	refused  bool
	final    bool // the checkpoint under way is the last
	loaded   int64
	evictAt  int64
	clock    uint64
	open     int
	moved    tally.Tally
	flat     schemas.FlatOutcome
	receipts []schemas.FlatOutcome // of the record at hand
	moving   map[*entry]struct{}   // those with a pace

	statusAt, marksAt, forgetAt, restAt time.Time
}

// round is Step. Its errors mean that the partition was stopped.
func (s *slot) round(now time.Time) error {
	if !s.Draining() && s.roomy() {
		if err := s.fold(s.Take(foldBatch)); err != nil {
			return err
		}
	}
	now = time.Now()
	s.catchUp()
	s.ahead.set(span{s.next, s.replayTo})
	s.rest(now)
	if err := s.flush(now); err != nil {
		return err
	}
	s.evict()
	if err := s.check(now); err != nil {
		return err
	}
	s.forget(now)
	if s.roomy() && !s.Draining() && s.Waiting() > 0 {
		s.Wake()
	}
	return nil
}

// roomy reports whether more results may be folded. They may not while twice the memory for marks is taken by marks
// that wait to be acknowledged.
func (s *slot) roomy() bool { return s.cp == nil || s.loaded <= 2*s.budget() }

// budget is the slot's share of the memory for marks.
func (s *slot) budget() int64 { return s.st.cfg.MarksMemory / int64(max(1, s.st.slots.Len())) }

func (s *slot) deadline() time.Time {
	at := s.forgetAt
	if s.cp == nil && s.marksAt.Before(at) { // a checkpoint under way ends with an acknowledgement, not with time
		at = s.marksAt
	}
	if s.caught && !s.statusAt.IsZero() && s.statusAt.Before(at) {
		at = s.statusAt
	}
	if !s.restAt.IsZero() && s.restAt.Before(at) {
		at = s.restAt
	}
	return at
}

// fold takes results in, in order.
func (s *slot) fold(recs []stream.Record) error {
	if len(recs) == 0 {
		return nil
	}
	s.clock++
	now, oldest := time.Now(), int64(0)
	for i := range recs {
		at, err := s.one(&recs[i], now)
		if err != nil {
			return err
		}
		s.next = recs[i].Offset + 1
		if i == len(recs)-1 {
			s.folded = lastOf(&recs[i])
		}
		if oldest == 0 || at > 0 && at < oldest {
			oldest = at
		}
	}
	s.st.metrics.batch(len(recs), &s.moved, oldest)
	return nil
}

// one folds one record and returns when its event happened.
func (s *slot) one(rec *stream.Record, now time.Time) (at int64, err error) {
	o := &s.flat
	if !schemas.ReadOutcome(rec, o) || o.Mark == 0 || o.Mark > maxMark {
		return s.received(rec, now)
	}
	e, err := s.find(o.Task, true, rec)
	if e == nil {
		return o.AtMs, err
	}
	was := s.before(e, now)
	changed, err := e.task.FoldOutcome(o, e.read)
	s.after(e, was, changed, now)
	return o.AtMs, err
}

// received is one for receipts, of which there are three for each message.
func (s *slot) received(rec *stream.Record, now time.Time) (at int64, err error) {
	all, plain := schemas.ReadReceipts(rec, s.receipts[:0])
	s.receipts = all
	if !plain || len(all) == 0 || slices.ContainsFunc(all, func(o schemas.FlatOutcome) bool { return !receives(o.Mark) }) {
		return s.rare(rec, now)
	}
	at = all[0].AtMs
	e, err := s.find(all[0].Task, false, rec)
	if e == nil {
		if err == nil {
			s.st.metrics.unknown.Add(float64(len(all)))
		}
		return at, err
	}
	s.st.metrics.known.Add(float64(len(all)))
	was := s.before(e, now)
	changed := false
	for i := range all {
		moved, err := e.task.FoldOutcome(&all[i], e.read)
		changed = changed || moved
		if err != nil {
			s.after(e, was, changed, now)
			return at, err
		}
	}
	s.after(e, was, changed, now)
	return at, nil
}

// rare is one for what is not a plain outcome.
func (s *slot) rare(rec *stream.Record, now time.Time) (at int64, err error) {
	var r schemas.Result
	id, err := decode(rec, &r)
	if err != nil {
		s.reject(*rec, err)
		return 0, nil
	}
	e, err := s.find(id, opens(&r), rec)
	if e == nil {
		return r.GetAtMs(), err
	}
	was := s.before(e, now)
	changed, err := e.task.Fold(&r, e.read)
	// Who writes a Plan waits for the Status that shows whose the task is. Of one that it says nothing new of, the Status was
	// written before, and whoever waits may not have it.
	changed = changed || r.GetPlan() != nil //mutant:repeated-plan-writes-the-status
	s.after(e, was, changed, now)
	return r.GetAtMs(), err
}

// before notes what an entry holds, for after.
func (s *slot) before(e *entry, now time.Time) had {
	e.seen, e.task.clock = now, s.clock
	if e.orphan { // its status was never written, even if these results change nothing in its marks
		e.orphan = false
		s.change(e, now)
	}
	return had{e.task.loaded, e.task.decided}
}

// had is what an entry had before something was folded in.
type had struct {
	loaded  int64
	decided uint32
}

func (s *slot) after(e *entry, was had, changed bool, now time.Time) {
	t := e.task
	if t.loaded != was.loaded {
		s.account(t.loaded - was.loaded)
	}
	if t.decided > was.decided && !e.done {
		s.paced(e, now, t.decided-was.decided)
	}
	if t.beyond > 0 {
		s.st.metrics.beyond.Add(float64(t.beyond))
		t.beyond = 0
	}
	if changed {
		s.change(e, now)
	}
}

// find returns the task's entry, warm. It is nil for a task that nobody opened and this record does not open.
func (s *slot) find(id schemas.TaskID, opens bool, rec *stream.Record) (*entry, error) {
	if s.last != nil && s.last.id == id {
		return s.last, nil
	}
	e := s.entry(id)
	if e == nil {
		if _, gone := s.leaving[id]; gone || !opens {
			s.st.metrics.noTask.Inc()
			return nil, nil
		}
		// The key is what brought the record to this partition. Under another key it would open a second, half task.
		if string(rec.Key) != id.String() {
			s.reject(*rec, errForeignKey)
			return nil, nil
		}
		e = s.add(id)
		e.version = s.floors[id]
		delete(s.floors, id)
		s.warmAs(e, newTask(id))
	}
	if err := s.warm(e); err != nil {
		return nil, err
	}
	s.last = e
	return e, nil
}

func (s *slot) add(id schemas.TaskID) *entry {
	e := &entry{id: id, at: noRecord}
	s.entries[id] = e
	s.opened(1)
	return e
}

// change notes that a task says something new, and puts it where its status gets written: at once if it has been quiet,
// else with the next tick.
func (s *slot) change(e *entry, now time.Time) {
	e.changed = true
	s.touch(e)
	if e.task.finished != 0 && !e.done {
		s.end(e)
	}
	switch {
	case e.force || now.Sub(e.wrote) >= s.st.cfg.StatusEvery:
		if e.queue != queueSoon {
			e.queue = queueSoon
			s.soon = append(s.soon, e)
		}
	case e.queue == queueNone:
		e.queue = queueLater
		s.later = append(s.later, e)
		if s.statusAt.IsZero() {
			s.statusAt = now.Add(s.st.cfg.StatusEvery)
		}
	}
}

func (s *slot) touch(e *entry) {
	if !e.touched {
		e.touched = true
		s.touched = append(s.touched, e)
	}
}

// end is a task's last recipient being decided: what is left to write of it is written now.
func (s *slot) end(e *entry) {
	e.done = true
	s.opened(-1)
	s.st.metrics.finished.Inc()
	e.force = true
	if s.caught {
		s.writeParts(e)
	}
	s.st.summary(e.task)
}

// maxMark is the highest value that a mark, one byte, can have.
const maxMark = 255

var errForeignKey = errors.New("the key is not the task of the result")
