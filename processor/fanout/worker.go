package fanout

import (
	"log/slog"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// worker is one owned partition of broadcasts: the numbers that live there, and the goroutine (run) that alone touches them.
type worker struct {
	*partition.Engine
	st  *Stage
	tp  stream.TopicPartition
	log *slog.Logger
	box *mailbox

	synced bool // the view of statuses has caught up with the takeover
	dead   bool // nobody knows what was committed: starts nothing any more, and waits to be taken away
	final  bool // the last commit was asked for

	// The ledger: see park.go.
	owners         []int64               // this one, and those that it replaced, the newest first: see owner.go
	leaseLost      bool                  // tp what they had leased something can't be repeated
	inherited      map[int64]ledger.Line // tp the ledger taken over: not read again yet
	inheritedNext  int64
	doubt          doubt                              // whether the log is the one of which the ledger taken over speaks
	unlocated      map[schemas.TaskID]*schemas.Status // under way, and to be found in a log in doubt
	lastRead       ledger.Last
	watermark      int64 // the watermark taken over
	readTo         int64
	tracked        []*task.Task // by offset; some have left
	overflow       []*task.Task // by offset; some have left
	freeBytes      int          // bytes that are certainly free in the next ledger
	dirty          bool         // the ledger says more than what was committed
	urgent         bool         // and something waits for it
	committing     bool
	commitBy       time.Time
	leasesToCommit []*quantum // wait for a commit
	leasesInCommit []*quantum // covered by the one under way
	provenAt       time.Time  // a commit asked for at this time was made: the partition was ours
	commitSeq      uint64     // how many commits were asked for, ...
	provenSeq      uint64     // ... and which of them was made last
	awaitingProof  []*writing // wait for another one

	prepare     *prepare.Preparer
	tasks       map[schemas.TaskID]*task.Task
	claims      map[schemas.TaskID][]*task.Task
	aliases     map[schemas.TaskID]*task.Task // by the other ids of their requests
	numbers     map[string]*number
	repeats     []*task.Task // with a lease of an earlier owner
	claiming    int          // tasks among the claims
	intakes     int          // records being normalised or rejected
	pausedTasks int          // tasks
	gauges      gauges
}

// queue is the queue of tasks.
type queue = schedule.Queue[*task.Task]

// number is a sender number and its two queues.
type number struct {
	known func() (Number, bool)
	meter schedule.Meter
	lanes map[schemas.Lane]*queue
}

type gauges struct {
	tasks, paused    int
	inFlight, window map[schemas.Lane]int
}

func newWorker(st *Stage, pos stream.Position, l ledger.Ledger) *worker {
	log := st.log.With("partition", pos.Partition.Partition)
	e := partition.NewEngine(pos.Partition, partition.Config{
		Logger: log, Pauser: st.ports.Pauser, MaxRecords: inboxRecords, MaxBytes: inboxBytes,
		Retried: func(records int) { st.metrics.retries.Add(float64(records)) },
	})
	s := &worker{
		Engine: e, st: st, tp: pos.Partition, log: log, box: newMailbox(e.Wake),
		owners: l.NewOwner(), inherited: make(map[int64]ledger.Line), inheritedNext: l.Next, watermark: max(0, pos.Offset), readTo: max(0, pos.Offset),
		unlocated: make(map[schemas.TaskID]*schemas.Status), tasks: make(map[schemas.TaskID]*task.Task), claims: make(map[schemas.TaskID][]*task.Task), aliases: make(map[schemas.TaskID]*task.Task), numbers: make(map[string]*number),
		gauges: gauges{inFlight: make(map[schemas.Lane]int), window: make(map[schemas.Lane]int)},
	}
	s.prepare = prepare.New(prepare.Config{
		Owner: s, Engine: e, Logger: log, Records: st.ports.Records, Media: st.ports.Media, Express: st.ports.Express, Bulk: st.ports.Bulk,
		Home: st.ports.Home, Reject: s.rejectForeign, Region: st.cfg.Region, Seen: st.seenBudget,
		CountUpload: func(result string) { st.metrics.media[result].Inc() },
	})
	for _, e := range l.Lines {
		s.inherited[e.Offset] = e
	}
	return s
}

// Step does what there is to do.
func (s *worker) Step(now time.Time) time.Time {
	s.step(now)
	return s.nextWake()
}

func (s *worker) step(now time.Time) {
	for id, n := range s.box.take() {
		if n.status != nil {
			s.onStatus(id, n.status, now)
		}
		if t := s.tasks[id]; t != nil {
			s.applyControls(t, n.controls, now)
		}
	}
	if s.dead {
		return
	}
	if s.synced && !s.Draining() {
		for _, rec := range s.Take(min(s.intakeRoom(), intakeBatch)) {
			s.intake(&rec, now)
		}
		if s.readTo >= s.doubt.to {
			s.failUnlocated(now)
		}
	}
	s.admit()
	if s.restored() && !s.Draining() {
		for _, n := range s.numbers {
			for _, q := range n.lanes {
				s.takeQuanta(q, now)
			}
		}
		s.repeatLeases(now)
	}
	s.commit(now)
	s.updateGauges()
}

// intakeRoom returns how many more broadcasts may be taken in. Those of the ledger taken over are, however many there are.
func (s *worker) intakeRoom() int {
	tasks := maxTasks - len(s.tasks) - s.claiming
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
		for _, n := range s.numbers {
			for _, q := range n.lanes {
				sooner(q.Wake())
			}
		}
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
	s.tasks, s.numbers, s.pausedTasks = nil, nil, 0
	s.updateGauges()
}

// updateGauges brings the gauges up to date: they are sums over all slots.
func (s *worker) updateGauges() {
	m, g := s.st.metrics, &s.gauges
	m.tasks.Add(float64(len(s.tasks) - g.tasks))
	m.paused.Add(float64(s.pausedTasks - g.paused))
	g.tasks, g.paused = len(s.tasks), s.pausedTasks
	for lane := range m.inFlight {
		pipe, window := 0, 0
		for _, n := range s.numbers {
			if q := n.lanes[lane]; q.Size() > 0 {
				pipe, window = pipe+q.InFlight(), window+q.Window
			}
		}
		m.inFlight[lane].Add(float64(pipe - g.inFlight[lane]))
		m.window[lane].Add(float64(window - g.window[lane]))
		g.inFlight[lane], g.window[lane] = pipe, window
	}
}

// number returns the sender number, which every task has, also one that fails for it.
func (s *worker) number(sender string) *number {
	n := s.numbers[sender]
	if n == nil {
		n = &number{known: func() (Number, bool) { return s.st.cfg.Number(sender) }, meter: schedule.Meter{Rate: schedule.StartRate}}
		n.lanes = map[schemas.Lane]*queue{schemas.LaneExpress: schedule.NewQueue[*task.Task](), schemas.LaneBulk: schedule.NewQueue[*task.Task]()}
		n.resize()
		s.numbers[sender] = n
	}
	return n
}

// releaseNumber forgets a number that is none of ours once it has no task: anybody may name any number.
func (s *worker) releaseNumber(sender string) {
	if _, ours := s.numbers[sender].known(); ours {
		return
	}
	for _, q := range s.numbers[sender].lanes {
		if q.Size() > 0 {
			return
		}
	}
	delete(s.numbers, sender)
}

// resize fits the windows to the number's rate, as it is configured now.
func (n *number) resize() {
	known, _ := n.known()
	rate := known.Rate
	if rate <= 0 {
		rate = n.meter.Rate
	}
	n.lanes[schemas.LaneExpress].Resize(rate, schedule.ExpressSeconds)
	n.lanes[schemas.LaneBulk].Resize(rate, schedule.BulkSeconds)
}

// addDecided counts recipients that came to an outcome.
func (n *number) addDecided(k int, now time.Time) {
	if k < 0 {
		return
	}
	express, bulk := n.lanes[schemas.LaneExpress], n.lanes[schemas.LaneBulk]
	if n.meter.Add(now, k, express.Limited || bulk.Limited) {
		express.Limited, bulk.Limited = false, false
		n.resize()
	}
}

func (s *worker) queue(t *task.Task) *queue { return s.number(t.Sender).lanes[t.Lane] }

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
