package fanout

import (
	"log/slog"
	"time"

	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/processor/fanout/tracking"
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

// worker is one owned partition of broadcasts: its tasks and the sender numbers that live there. Only the goroutine of its engine
// touches it.
type worker struct {
	*partition.Engine
	commits // see commit.go

	st       *Stage
	log      *slog.Logger
	synced   bool // the views have caught up with the takeover
	watched  *watch.List
	members  *tracking.Members
	claims   *task.Claims
	warnedAt time.Time                     // that broadcasts wait for the aggregator
	intakes  int                           // records that are looked up, or written elsewhere
	tasks    map[schemas.TaskID]*task.Task // open, closing or closed
	prepare  *prepare.Preparer
	numbers  *schedule.Numbers[*task.Task]
	repeats  []*task.Task // with a lease of an earlier owner
	gauges   gauges
}

// queue is the queue of tasks.
type queue = schedule.Queue[*task.Task]

// gauges is what the worker has added to the stage's gauges.
type gauges struct {
	pausedTasks      int // now
	tasks, paused    int
	inFlight, window map[schemas.Lane]int
}

func newWorker(st *Stage, tp stream.TopicPartition, members *tracking.Members) *worker {
	log := st.log.With("partition", tp.Partition)
	e := partition.NewEngine(tp, partition.Config{
		Logger: log, Pauser: st.ports.Pauser, MaxRecords: inboxRecords, MaxBytes: inboxBytes,
		Retried: func(records int) { st.metrics.retries.Add(float64(records)) },
	})
	s := &worker{
		Engine: e, st: st, members: members, log: log, watched: watch.New(e.Wake),
		tasks: make(map[schemas.TaskID]*task.Task), claims: task.NewClaims(), numbers: schedule.NewNumbers[*task.Task](func(sender string) (float64, bool) {
			n, ours := st.cfg.Number(sender)
			return n.Rate, ours
		}),
		gauges: gauges{inFlight: make(map[schemas.Lane]int), window: make(map[schemas.Lane]int)},
	}
	s.prepare = prepare.New(prepare.Config{
		Owner: s, Engine: e, Logger: log, Records: st.ports.Records, Media: st.ports.Media, Templates: st.ports.Templates, Express: st.ports.Express, Bulk: st.ports.Bulk,
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
	if s.dead { // it does nothing any more, however much there is to do, and would wake at once for ever
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

// Drained reports whether a partition that drains has nothing more to wait for. A quantum that could not be written is left to the next
// owner, and the ledger says so.
func (s *worker) Drained() bool {
	return s.InFlight() == 0 && !s.committing && (s.final || s.dead || !s.restored())
}

// Close gives back what the partition held.
func (s *worker) Close() {
	for _, t := range s.tasks {
		s.st.seenBudget.Release(t.SeenBytes)
	}
	clear(s.tasks)
	s.numbers, s.gauges.pausedTasks = schedule.NewNumbers[*task.Task](nil), 0
	s.updateGauges()
}

// updateGauges brings the gauges up to date: they are sums over all partitions.
func (s *worker) updateGauges() {
	m, g := s.st.metrics, &s.gauges
	m.tasks.Add(float64(len(s.tasks) - g.tasks))
	m.paused.Add(float64(g.pausedTasks - g.paused))
	g.tasks, g.paused = len(s.tasks), g.pausedTasks
	for lane := range m.inFlight {
		inFlight, window := s.numbers.Load(lane)
		m.inFlight[lane].Add(float64(inFlight - g.inFlight[lane]))
		m.window[lane].Add(float64(window - g.window[lane]))
		g.inFlight[lane], g.window[lane] = inFlight, window
	}
}

func (s *worker) queue(t *task.Task) *queue { return s.numbers.Queue(t.Sender, t.Lane) }

func never(error) bool { return false }
