package fanout

import (
	"log/slog"
	"time"

	"altavoz/processor/fanout/membership"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/processor/fanout/watch"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// inboxRecords and inboxBytes are what may wait in a partition before its fetching is paused.
	inboxRecords = 4096
	inboxBytes   = 8 << 20
	// intakeBatch is how many records a partition takes in before its tasks are scheduled again.
	intakeBatch = 256
)

// worker is one owned partition of broadcasts: the numbers that live there, and the goroutine (run) that alone touches them.
type worker struct {
	*partition.Engine
	st      *Stage
	tp      stream.TopicPartition
	log     *slog.Logger
	watched *watch.List

	synced bool // the view of statuses has caught up with the takeover
	dead   bool // nobody knows what was committed: starts nothing any more, and waits to be taken away
	final  bool // the last commit was asked for

	members  *membership.Members
	warnedAt time.Time // that broadcasts wait for the aggregator

	// Commits: see commit.go.
	dirty          bool // the ledger says more than what was committed
	urgent         bool // and something waits for it
	committing     bool
	commitBy       time.Time
	leasesToCommit []*task.Task // wait for a commit
	leasesInCommit []*task.Task // covered by the one under way
	provenAt       time.Time    // a commit asked for at this time was made: the partition was ours
	commitSeq      uint64       // how many commits were asked for, ...
	provenSeq      uint64       // ... and which of them was made last
	awaitingProof  []*writing   // wait for another one

	prepare     *prepare.Preparer
	tasks       map[schemas.TaskID]*task.Task
	claims      *task.Claims
	numbers     *schedule.Numbers[*task.Task]
	repeats     []*task.Task // with a lease of an earlier owner
	intakes     int          // records being normalised or rejected
	pausedTasks int          // tasks
	gauges      gauges
}

// queue is the queue of tasks.
type queue = schedule.Queue[*task.Task]

type gauges struct {
	tasks, paused    int
	inFlight, window map[schemas.Lane]int
}

func newWorker(st *Stage, tp stream.TopicPartition, members *membership.Members) *worker {
	log := st.log.With("partition", tp.Partition)
	e := partition.NewEngine(tp, partition.Config{
		Logger: log, Pauser: st.ports.Pauser, MaxRecords: inboxRecords, MaxBytes: inboxBytes,
		Retried: func(records int) { st.metrics.retries.Add(float64(records)) },
	})
	s := &worker{
		Engine: e, st: st, tp: tp, members: members, log: log, watched: watch.New(e.Wake),
		tasks: make(map[schemas.TaskID]*task.Task), claims: task.NewClaims(), numbers: schedule.NewNumbers[*task.Task](func(sender string) (float64, bool) {
			n, ours := st.cfg.Number(sender)
			return n.Rate, ours
		}),
		gauges: gauges{inFlight: make(map[schemas.Lane]int), window: make(map[schemas.Lane]int)},
	}
	s.prepare = prepare.New(prepare.Config{
		Owner: s, Engine: e, Logger: log, Records: st.ports.Records, Media: st.ports.Media, Express: st.ports.Express, Bulk: st.ports.Bulk,
		Home: st.ports.Home, Reject: s.rejectForeign, Region: st.cfg.Region, Seen: st.seenBudget,
		CountUpload: func(result string) { st.metrics.media[result].Inc() },
	})
	return s
}

// Step does what there is to do.
func (s *worker) Step(now time.Time) time.Time {
	s.step(now)
	return s.nextWake()
}

func (s *worker) step(now time.Time) {
	for id, n := range s.watched.Take() {
		if n.Status != nil {
			s.onStatus(id, n.Status, now)
		}
		if t := s.tasks[id]; t != nil {
			s.applyControls(t, n.Controls, now)
		}
	}
	if s.dead {
		return
	}
	if s.synced && !s.Draining() {
		for _, rec := range s.Take(min(s.intakeRoom(), intakeBatch)) {
			s.intake(&rec, now)
		}
		s.failUnlocated(now)
	}
	s.admit()
	if s.restored() && !s.Draining() {
		s.numbers.Each(func(q *queue) { s.takeQuanta(q, now) })
		s.repeatLeases(now)
	}
	s.commit(now)
	s.updateGauges()
}

// intakeRoom returns how many more broadcasts may be taken in. Those of the ledger taken over are, however many there are.
func (s *worker) intakeRoom() int {
	tasks := maxTasks - len(s.tasks) - s.claims.Len()
	if !s.restored() {
		tasks = maxTasks
	}
	return max(0, min(tasks, maxIntakes-s.intakes))
}

func (s *worker) nextWake() (at time.Time) {
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if s.dead { // it does nothing any more, however much there is to do, and would look again at once for ever
		return at
	}
	if s.dirty && !s.committing && s.restored() {
		sooner(s.commitBy)
	}
	if s.restored() && !s.Draining() {
		s.numbers.Each(func(q *queue) { sooner(q.Wake()) })
	}
	return at
}

// Drained reports whether the slot, told to drain, has nothing more to wait for. A turn that could not be written is
// left to the next owner, and the ledger says so.
func (s *worker) Drained() bool {
	return s.InFlight() == 0 && !s.committing && (s.final || s.dead || !s.restored())
}

// Close gives back what the slot held.
func (s *worker) Close() {
	for _, t := range s.tasks {
		s.st.seenBudget.Release(t.SeenBytes)
	}
	clear(s.tasks)
	s.numbers, s.pausedTasks = schedule.NewNumbers[*task.Task](nil), 0
	s.updateGauges()
}

// updateGauges brings the gauges up to date: they are sums over all slots.
func (s *worker) updateGauges() {
	m, g := s.st.metrics, &s.gauges
	m.tasks.Add(float64(len(s.tasks) - g.tasks))
	m.paused.Add(float64(s.pausedTasks - g.paused))
	g.tasks, g.paused = len(s.tasks), s.pausedTasks
	for lane := range m.inFlight {
		inFlight, window := s.numbers.Load(lane)
		m.inFlight[lane].Add(float64(inFlight - g.inFlight[lane]))
		m.window[lane].Add(float64(window - g.window[lane]))
		g.inFlight[lane], g.window[lane] = inFlight, window
	}
}

func (s *worker) queue(t *task.Task) *queue { return s.numbers.Queue(t.Sender, t.Lane) }

func never(error) bool { return false }

// writing is a batch of records that is written until all of it is acknowledged, as far as the partition may still write it.
type writing struct {
	partition.Write
	lease bool   // produced under a lease
	proof uint64 // the number of the commit that must have been made; see steer.go
}

// prove puts records on the log once a commit was made that was asked for from now on: the partition was ours when they were
// decided upon, and nobody had taken it over.
func (s *worker) prove(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.proveWith(s.commitSeq+1, log, done, recs...)
}

// proveWith puts records on the log once the commit with the number, or a later one, was made.
func (s *worker) proveWith(commit uint64, log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}, proof: commit})
}

// Publish puts records on the log, and calls done when all are acknowledged.
func (s *worker) Publish(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}})
}

func (s *worker) enqueue(w *writing) {
	if s.dead {
		return
	}
	w.Ready = func() bool { return s.ready(w) }
	s.Engine.Write(&w.Write)
}

// ready reports whether the partition may write a batch now. One that has to wait for another commit is kept until that is made.
func (s *worker) ready(w *writing) bool {
	if s.dead {
		return false
	}
	//mutant:lease-ends
	if w.lease && time.Since(s.provenAt) > leaseFresh || s.provenSeq < w.proof {
		s.awaitingProof = append(s.awaitingProof, w)
		s.dirty, s.urgent = true, true
		return false
	}
	return true
}
