package schedule

import (
	"container/list"
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/places"
	"altavoz/processor/sender/schedule/meters"
	"altavoz/processor/timers"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// API is what is asked of the Cloud API besides sends. Probe makes a call that only reads, and shows whether the API answers.
type API interface {
	content.Renderer
	Probe(ctx context.Context, sender string) schemas.Reply
}

// Ports is what the scheduler is plugged into.
type Ports struct {
	Contents content.Contents
	Media    content.Media
	API      API
	Host     Host
	People   places.View
}

// Host is the stage, whose lock is held whenever the scheduler calls it.
type Host interface {
	// Wake has Admit called soon.
	Wake()
	// Finish gives a send an outcome without a call.
	Finish(e *Send, state schemas.RecipientState, reason string)
	// Publish writes what a task is doing.
	Publish(t schemas.TaskID, u *schemas.TaskUpdate, now time.Time)
	// PublishNumber tells the other processes of a number.
	PublishNumber(ev *schemas.NumberEvent, now time.Time)
	// Claim writes a claim of places.
	Claim(rec stream.Record, now time.Time)
	// Background runs work without the lock and then done under it; neither once the stage ends.
	Background(work func(ctx context.Context), done func(now time.Time))
}

// Config is how the scheduler behaves.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Partitions map[stream.Topic]int32
	// Number returns what is configured of a sender number, and whether it is one of ours. It is called under the lock: it must not wait.
	Number      func(id string) (NumberConfig, bool)
	MaxInFlight int
}

// Scheduler holds the sender numbers, the tasks, and the sends that wait.
type Scheduler struct {
	cfg     Config
	ports   Ports
	log     *slog.Logger
	metrics *meters.Meters
	process string // what it is called where it says whether it can send

	numbers numbers
	owned   [Lanes]int // partitions

	tasks      map[schemas.TaskID]*Task
	idle       *list.List // tasks without sends, the oldest first
	loader     *content.Loader
	timers     timers.Set[timed]
	sweepAt    time.Time
	cooldown   limits.Cooldown[pair]
	places     *places.Gate[*Send]
	capacity   concurrency
	waitCounts [Causes]int // sends by what they wait for

	groupAhead time.Duration // the next group is committed so long before the present one is used up
}

// numbers is the sender numbers that were configured or named.
type numbers struct {
	byID     map[string]*Number
	runnable []*Number                 // with something ready, as far as is known
	grouped  []*Number                 // with sends that are started and not called
	states   map[string]standing.State // what was published of numbers, those that are not here included
}

// concurrency is the calls of the process.
type concurrency struct {
	limits.Capacity
	short bool // something ready waits for a call or a result to end
}

// New returns a scheduler without numbers.
func New(cfg Config, ports Ports) *Scheduler {
	s := &Scheduler{
		cfg: cfg, ports: ports, log: cfg.Logger, process: rand.Text(),
		numbers: numbers{byID: make(map[string]*Number), states: make(map[string]standing.State)}, tasks: make(map[schemas.TaskID]*Task), idle: list.New(),
		capacity: concurrency{Capacity: limits.NewCapacity(cfg.MaxInFlight)},
		loader: content.NewLoader(content.Ports{
			Contents: ports.Contents, Media: ports.Media, Renderer: ports.API, Background: ports.Host.Background,
		}, cfg.Logger),
	}
	s.metrics, s.places = meters.New(cfg.Registerer), places.New[*Send](ports.People, s.process)
	s.CommitsTake(0)
	return s
}

// Tick does what is due: timers, and once a second the sweep.
func (s *Scheduler) Tick(now time.Time) {
	for t := s.timers.Due(now); t != nil; t = s.timers.Due(now) {
		t.Of.onTimer(s, now)
	}
	if !now.Before(s.sweepAt) {
		s.sweep(now)
	}
	s.askForPlaces(now)
}

// NextTimer is when the next timer is due, if one is set.
func (s *Scheduler) NextTimer() (at time.Time, ok bool) { return s.timers.Next() }

// NextWakeup is when there may be something to do, after a commit that began at lastCommit.
func (s *Scheduler) NextWakeup(lastCommit, now time.Time) time.Time {
	next := s.sweepAt
	if at, ok := s.timers.Next(); ok && at.Before(next) {
		next = at
	}
	// A number in the list waits for the gap to pass or, if it has, for a call or a result to end, which wakes the loop.
	for _, n := range s.numbers.runnable {
		soon := func(l Lane, at time.Time) {
			if n.ready[l].Len() > 0 && at.After(now) && at.Before(next) {
				next = at
			}
		}
		soon(Express, lastCommit.Add(ExpressGap))
		soon(Bulk, lastCommit.Add(BulkGap))
		if n.groups(now) {
			soon(Bulk, s.groupDueAt(n, now))
		}
	}
	return next
}

// CapacityShort reports whether something ready waits for a call or a result to end.
func (s *Scheduler) CapacityShort() bool { return s.capacity.short }
