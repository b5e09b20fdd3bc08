package fanout

import (
	"log/slog"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/turns"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/stream"
)

// slot is one owned partition of broadcasts: the numbers that live there, and the goroutine (run) that alone touches them.
type slot struct {
	*partition.Engine
	st  *Stage
	of  stream.TopicPartition
	log *slog.Logger
	box *mailbox

	synced bool // the view of statuses has caught up with the takeover
	dead   bool // nobody knows what was committed: starts nothing any more, and waits to be taken away
	final  bool // the last commit was asked for

	// The ledger: see park.go.
	owners     []int64               // this one, and those that it replaced, the newest first: see owner.go
	forsaken   bool                  // of what they had leased something can't be repeated
	old        map[int64]ledger.Line // of the ledger taken over: not read again yet
	oldNext    int64
	doubt      doubt                              // whether the log is the one of which the ledger taken over speaks
	sought     map[schemas.TaskID]*schemas.Status // under way, and to be found in a log in doubt
	last       ledger.Last
	mark       int64 // the watermark taken over
	readTo     int64
	listed     []*task // by offset; some have left
	beyond     []*task // by offset; some have left
	room       int     // bytes that are certainly free in the next ledger
	dirty      bool    // the ledger says more than what was committed
	urgent     bool    // and something waits for it
	committing bool
	lazyAt     time.Time
	leasing    []*turn    // wait for a commit
	leased     []*turn    // covered by the one under way
	proven     time.Time  // a commit asked for at this time was made: the partition was ours
	asks       uint64     // how many commits were asked for, ...
	proved     uint64     // ... and which of them was made last
	unproven   []*writing // wait for another one

	tasks    map[schemas.TaskID]*task
	claims   map[schemas.TaskID][]*task
	aliases  map[schemas.TaskID]*task // by the other ids of their requests
	numbers  map[string]*number
	repeats  []*task // with a lease of an earlier owner
	claiming int     // tasks among the claims
	marking  bool    // marks are being read
	unread   []*task // need them
	flights  map[string]*flight
	queued   []*flight
	flown    int // flights under way
	loads    int
	warm     int // bytes of short lists in memory
	intakes  int // records being normalised or rejected
	paused   int // tasks
	gauges   gauges
}

// queue is the queue of tasks.
type queue = turns.Queue[*task]

// number is a sender number and its two queues.
type number struct {
	known func() (Number, bool)
	meter turns.Meter
	lanes map[schemas.Lane]*queue
}

type gauges struct {
	tasks, paused int
	pipe, window  map[schemas.Lane]int
}

func newSlot(st *Stage, pos stream.Position, l ledger.Ledger) *slot {
	log := st.log.With("partition", pos.Partition.Partition)
	e := partition.NewEngine(pos.Partition, partition.Config{
		Logger: log, Pauser: st.ports.Pauser, MaxRecords: inboxRecords, MaxBytes: inboxBytes,
		Retried: func(records int) { st.metrics.retries.Add(float64(records)) },
	})
	s := &slot{
		Engine: e, st: st, of: pos.Partition, log: log, box: newMailbox(e.Wake),
		owners: l.NewOwner(), old: make(map[int64]ledger.Line), oldNext: l.Next, mark: max(0, pos.Offset), readTo: max(0, pos.Offset),
		sought: make(map[schemas.TaskID]*schemas.Status), tasks: make(map[schemas.TaskID]*task), claims: make(map[schemas.TaskID][]*task), aliases: make(map[schemas.TaskID]*task), numbers: make(map[string]*number),
		flights: make(map[string]*flight), gauges: gauges{pipe: make(map[schemas.Lane]int), window: make(map[schemas.Lane]int)},
	}
	for _, e := range l.Lines {
		s.old[e.Offset] = e
	}
	return s
}

// Step does what there is to do.
func (s *slot) Step(now time.Time) time.Time {
	s.round(now)
	return s.wake()
}

func (s *slot) round(now time.Time) {
	for id, n := range s.box.take() {
		if n.status != nil {
			s.heard(id, n.status, now)
		}
		if t := s.tasks[id]; t != nil {
			s.steer(t, n.controls, now)
		}
	}
	if s.dead {
		return
	}
	if s.synced && !s.Draining() {
		for _, rec := range s.Take(min(s.roomy(), intakeBatch)) {
			s.intake(&rec, now)
		}
		if s.readTo >= s.doubt.to {
			s.missed(now)
		}
	}
	s.admit()
	if s.whole() && !s.Draining() {
		for _, n := range s.numbers {
			for _, q := range n.lanes {
				s.lane(q, now)
			}
		}
		s.repeat(now)
	}
	s.commit(now)
	s.show()
}

// roomy returns how many more broadcasts may be taken in. Those of the ledger taken over are, however many there are.
func (s *slot) roomy() int {
	tasks := maxTasks - len(s.tasks) - s.claiming
	if !s.whole() {
		tasks = maxTasks
	}
	return max(0, min(tasks, maxIntakes-s.intakes))
}

func (s *slot) wake() (at time.Time) {
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if s.dead { // it does nothing any more, however much there is to do, and would look again at once for ever
		return at
	}
	if s.dirty && !s.committing && s.whole() {
		sooner(s.lazyAt)
	}
	if s.whole() && !s.Draining() {
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
func (s *slot) Drained() bool {
	return s.InFlight() == 0 && !s.committing && (s.final || s.dead || !s.whole())
}

// Close gives back what the slot held.
func (s *slot) Close() {
	for _, t := range s.tasks {
		s.st.sets.Release(t.holds)
	}
	s.tasks, s.numbers, s.paused = nil, nil, 0
	s.show()
}

// show brings the gauges up to date: they are sums over all slots.
func (s *slot) show() {
	m, g := s.st.metrics, &s.gauges
	m.tasks.Add(float64(len(s.tasks) - g.tasks))
	m.paused.Add(float64(s.paused - g.paused))
	g.tasks, g.paused = len(s.tasks), s.paused
	for lane := range m.pipe {
		pipe, window := 0, 0
		for _, n := range s.numbers {
			if q := n.lanes[lane]; q.Size() > 0 {
				pipe, window = pipe+q.Pipe(), window+q.Window
			}
		}
		m.pipe[lane].Add(float64(pipe - g.pipe[lane]))
		m.window[lane].Add(float64(window - g.window[lane]))
		g.pipe[lane], g.window[lane] = pipe, window
	}
}

// number returns the sender number, which every task has, also one that fails for it.
func (s *slot) number(sender string) *number {
	n := s.numbers[sender]
	if n == nil {
		n = &number{known: func() (Number, bool) { return s.st.cfg.Number(sender) }, meter: turns.Meter{Rate: turns.StartRate}}
		n.lanes = map[schemas.Lane]*queue{schemas.LaneExpress: turns.NewQueue[*task](), schemas.LaneBulk: turns.NewQueue[*task]()}
		n.resize()
		s.numbers[sender] = n
	}
	return n
}

// leaves forgets a number that is none of ours once it has no task: anybody may name any number.
func (s *slot) leaves(sender string) {
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
	n.lanes[schemas.LaneExpress].Resize(rate, turns.ExpressSeconds)
	n.lanes[schemas.LaneBulk].Resize(rate, turns.BulkSeconds)
}

// decided counts recipients that came to an outcome.
func (n *number) decided(k int, now time.Time) {
	if k < 0 {
		return
	}
	express, bulk := n.lanes[schemas.LaneExpress], n.lanes[schemas.LaneBulk]
	if n.meter.Add(now, k, express.Limited || bulk.Limited) {
		express.Limited, bulk.Limited = false, false
		n.resize()
	}
}

func (s *slot) queue(t *task) *queue { return s.number(t.sender).lanes[t.lane] }

func never(error) bool { return false }

// writing is a batch of records that is written until all of it is acknowledged, as far as the partition may still write it.
type writing struct {
	partition.Write
	lease bool   // produced under a lease
	proof uint64 // the number of the commit that must have been made; see steer.go
}

// prove puts records on the log once a commit was made that was asked for from now on: the partition was ours when they were
// decided upon, and nobody had taken it over.
func (s *slot) prove(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}, proof: s.asks + 1})
}

// write puts records on the log, and calls done when all are acknowledged.
func (s *slot) write(log stream.Log, done func(last stream.Record), recs ...stream.Record) {
	s.enqueue(&writing{Write: partition.Write{To: log, Records: recs, Done: done}})
}

func (s *slot) enqueue(w *writing) {
	if s.dead {
		return
	}
	w.Ready = func() bool { return s.ready(w) }
	s.Write(&w.Write)
}

// ready reports whether the partition may write a batch now. One that has to wait for another commit is kept until that is made.
func (s *slot) ready(w *writing) bool {
	if s.dead {
		return false
	}
	//mutant:lease-ends
	if w.lease && time.Since(s.proven) > leaseFresh || s.proved < w.proof {
		s.unproven = append(s.unproven, w)
		s.dirty, s.urgent = true, true
		return false
	}
	return true
}
