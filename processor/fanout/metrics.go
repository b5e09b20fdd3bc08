package fanout

import (
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/fanout/prepare"
	"altavoz/schemas"
)

// Where a broadcast came from and how it was written.
const (
	sourceHTTP     = "http"
	sourceProtobuf = "upstream_protobuf"
	sourceJSON     = "upstream_json"
)

// What became of a record that is no new task.
const (
	dropRepeat   = "repeat"   // tp a task that is known
	dropConflict = "conflict" // another request under a known task's id
	dropInvalid  = "invalid"
	dropForeign  = "foreign" // it names another's task, list or file
	dropMoved    = "moved"   // written again, in order, on its home partition
)

// What was asked of tasks while they go on.
const (
	controlPause  = "pause"
	controlResume = "resume"
	controlCancel = "cancel"
	controlSpeed  = "speed"
)

// What the first recipients of a task led to.
const (
	canaryStopped = "stopped"
	canaryPaused  = "paused"
)

// metrics has more fields than another struct may: one for each metric.
type metrics struct {
	broadcasts map[string]prometheus.Counter
	dropped    map[string]prometheus.Counter
	tasks      prometheus.Gauge
	paused     prometheus.Gauge
	controls   map[string]prometheus.Counter
	canary     map[string]prometheus.Counter
	parked     prometheus.Counter
	quanta     map[schemas.Lane]prometheus.Counter
	dispatched map[schemas.Lane]prometheus.Counter
	inFlight   map[schemas.Lane]prometheus.Gauge
	window     map[schemas.Lane]prometheus.Gauge
	repeats    prometheus.Counter
	retries    prometheus.Counter
	media      map[string]prometheus.Counter

	disagreements prometheus.Counter
}

// newDisagreements counts what the sender counts too, by stage.
func newDisagreements(reg prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_ledger_disagreements_total", ConstLabels: prometheus.Labels{"stage": stageName},
		Help: "Partitions taken over whose ledger spoke of records that the log does not hold, or holds others instead.",
	})
	reg.MustRegister(c)
	return c
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	counters := func(name, help, label string, values ...string) map[string]prometheus.Counter {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		reg.MustRegister(v)
		out := make(map[string]prometheus.Counter, len(values))
		for _, value := range values {
			out[value] = v.WithLabelValues(value)
		}
		return out
	}
	lanes := []schemas.Lane{schemas.LaneExpress, schemas.LaneBulk}
	byLane := func(name, help string) map[schemas.Lane]prometheus.Counter {
		out := make(map[schemas.Lane]prometheus.Counter)
		for value, c := range counters(name, help, "lane", string(lanes[0]), string(lanes[1])) {
			out[schemas.Lane(value)] = c
		}
		return out
	}
	gauges := func(name, help string) map[schemas.Lane]prometheus.Gauge {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"lane"})
		reg.MustRegister(v)
		out := make(map[schemas.Lane]prometheus.Gauge)
		for _, l := range lanes {
			out[l] = v.WithLabelValues(string(l))
		}
		return out
	}
	m := &metrics{
		disagreements: newDisagreements(reg),
		broadcasts:    counters("altavoz_broadcasts_total", "Broadcasts taken in, by where they came from.", "door", sourceHTTP, sourceProtobuf, sourceJSON),
		dropped:       counters("altavoz_broadcasts_dropped_total", "Records of broadcasts that are no new task.", "cause", dropRepeat, dropConflict, dropInvalid, dropForeign, dropMoved),
		parked:        counter("altavoz_fanout_parked_total", "Tasks that left the ledger to wait elsewhere."),
		quanta:        byLane("altavoz_turns_total", "Turns taken."),
		dispatched:    byLane("altavoz_dispatched_total", "Recipients dispatched: a send, or an outcome for the invalid and the repeated."),
		inFlight:      gauges("altavoz_pipe", "Recipients dispatched and not decided."),
		window:        gauges("altavoz_pipe_window", "How many may be, over the numbers that have tasks."),
		repeats:       counter("altavoz_fanout_repeats_total", "Recipients of leased turns dispatched again after a takeover."),
		retries:       counter("altavoz_fanout_write_retries_total", "Records that were not written and had to be again."),
		media:         counters("altavoz_media_resolutions_total", "Tries to make a file known to Meta, by how they ended.", "result", prepare.UploadResolved, prepare.UploadRefused, prepare.UploadFailed),
	}
	m.controls = counters("altavoz_controls_total", "What was asked of tasks while they go on, once it was in force.", "control", controlPause, controlResume, controlCancel, controlSpeed)
	m.canary = counters("altavoz_canary_total", "Tasks that their first recipients ended or paused.", "verdict", canaryStopped, canaryPaused)
	m.tasks = prometheus.NewGauge(prometheus.GaugeOpts{Name: "altavoz_fanout_tasks", Help: "Tasks held: waiting, dispatching, or dispatched and not decided."})
	m.paused = prometheus.NewGauge(prometheus.GaugeOpts{Name: "altavoz_fanout_tasks_paused", Help: "Tasks that take no turn until somebody resumes them."})
	reg.MustRegister(m.tasks, m.paused)
	return m
}
