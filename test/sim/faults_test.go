package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"altavoz/app"
)

const (
	simFaultTime      = 25 * time.Second // how long faults happen, in fake time
	simLargeFaultTime = time.Minute
	// simUsual is how the Cloud API is where nothing is wrong with it. Few read what they get: each reading is one more receipt.
	simUsual = "latency=30ms..400ms read=20%"
)

// place is where faults come from. In each place one happens at a time; those of different places meet.
type place int

const (
	placeProcess place = iota
	placeBroker
	placeAPI
	places
)

// faultKind is one thing that can go wrong.
type faultKind struct {
	name  string
	place place
	often int // among the others of its place
	do    func(w *world, r *rand.Rand)
}

// faultKinds is everything that can go wrong.
func faultKinds() []faultKind {
	kinds := []faultKind{
		{"kill", placeProcess, 4, (*world).killSome},
		{"kill_two", placeProcess, 1, (*world).killTwo},
		{"freeze", placeProcess, 2, (*world).freezeSome},
		{"stop", placeProcess, 2, (*world).stopSome},
		{"more", placeProcess, 1, (*world).addSome},
		{"group_aimed", placeProcess, 4, (*world).aimSome},

		{"broker_restart", placeBroker, 2, func(w *world, r *rand.Rand) { w.broker.restart(r) }},
		{"broker_pause", placeBroker, 2, func(w *world, r *rand.Rand) { w.broker.pause(r) }},
		{"broker_stall", placeBroker, 1, func(w *world, r *rand.Rand) { w.broker.stall(r) }},
		{"answers_lost", placeBroker, 2, func(w *world, r *rand.Rand) { w.broker.loseAnswers(r) }},
		{"requests_refused", placeBroker, 3, func(w *world, r *rand.Rand) { w.broker.refuse(r) }},
		{"group_refused", placeBroker, 3, func(w *world, r *rand.Rand) { w.broker.refuseGroup(r) }},
		{"leaders_move", placeBroker, 2, func(w *world, r *rand.Rand) { w.broker.move(r) }},
		{"redis_flush", placeBroker, 1, func(w *world, _ *rand.Rand) { w.redis.flush() }},
		{"redis_hang", placeBroker, 1, func(w *world, r *rand.Rand) { w.redis.hang(r) }},
		{"redis_restart", placeBroker, 1, func(w *world, r *rand.Rand) { w.redis.restart(r) }},
	}
	kinds = append(kinds, faultKind{"api_refused", placeAPI, 1, (*world).refuseCalls})
	for name, rules := range map[string]string{
		"api_slow":         "latency=1s..6s",
		"api_html":         "html=40%",
		"api_html_after":   "html_after=30%",
		"api_unavailable":  "unavailable=20% unavailable_after=20% retry_after=2s",
		"api_transient":    "131000=20% 131016=20%",
		"api_throttled":    "130429=60% retry_after=2s",
		"api_rate":         "rate=5 rate_status=400",
		"api_pair":         "131056=20%",
		"api_token":        "token_expired",
		"api_maintenance":  "maintenance",
		"api_refuses":      "131026=20%",
		"api_reset_before": "drop_before=30%",
		"api_reset_after":  "drop_after=30%",
		"api_truncates":    "truncate=30%",
		"api_hangs":        "stall=20%",
		"api_outage":       "outage",
		"api_upload_html":  "uploads html=60%",
		"api_media_gone":   "media_gone",
		"receipts_failed":  "late_131026=20% late_131053=10%",
		"receipts_twice":   "webhook_dup=60%",
		"receipts_late":    "webhook_delay=2s..20s webhook_shuffle",
		"receipts_early":   "webhook_early=60%",
		"receipts_lost":    "webhook_drop=40%",
	} {
		kinds = append(kinds, faultKind{name, placeAPI, 1, func(w *world, r *rand.Rand) { w.misbehave(rules, upTo(r, 10*time.Second)) }})
	}
	slices.SortFunc(kinds, func(a, b faultKind) int { return strings.Compare(a.name, b.name) })
	return kinds
}

// drawKinds chooses what may go wrong in this history: each has some kinds only, so that the odd ones meet often.
func (w *world) drawKinds(r *rand.Rand) {
	for _, k := range faultKinds() {
		drawn := r.IntN(3) == 0 || (k.place == placeProcess && r.IntN(2) == 0)
		if len(w.only) > 0 {
			drawn = slices.Contains(w.only, k.name)
		}
		if drawn {
			w.kinds = append(w.kinds, k)
		}
	}
}

func (w *world) mayHave(kind string) bool {
	return slices.ContainsFunc(w.kinds, func(k faultKind) bool { return k.name == kind })
}

// faults has things go wrong in every place, until their time is over.
func (w *world) faults(acting *sync.WaitGroup) {
	end := time.Now().Add(simFaultTime)
	if w.large {
		end = time.Now().Add(simLargeFaultTime)
	}
	for at := range places {
		var here []faultKind
		for _, k := range w.kinds {
			for range k.often {
				if k.place == at {
					here = append(here, k)
				}
			}
		}
		if len(here) > 0 {
			acting.Go(func() { w.faultsAt(here, end, w.chance(chanceFaults+uint64(at))) })
		}
	}
}

func (w *world) faultsAt(kinds []faultKind, end time.Time, r *rand.Rand) {
	for {
		time.Sleep(upTo(r, 5*time.Second))
		if !time.Now().Before(end) {
			return
		}
		k := kinds[r.IntN(len(kinds))]
		open, before := w.open(), w.sim.Summary().Unanswered
		over := func(time.Duration) {}
		if k.place == placeBroker && !strings.HasPrefix(k.name, "redis_") {
			over = w.lasting(k.name, nil)
		}
		k.do(w, r)
		over(simReach)
		if open {
			w.tally.count(k.name)
		}
		w.tally.mu.Lock()
		w.tally.InFlight += w.sim.Summary().Unanswered - before
		w.tally.mu.Unlock()
	}
}

// open reports whether anybody waits for a message: a fault when all is quiet proves nothing.
func (w *world) open() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := 0
	for _, task := range w.tasks {
		total += len(task.phones)
	}
	return w.sim.Summary().Accepted < total
}

// misbehave changes how the Cloud API behaves, for a while.
func (w *world) misbehave(rules string, d time.Duration) {
	if err := w.sim.SetFaults(rules + "\n" + simUsual); err != nil {
		w.errorf("%v", err)
	}
	time.Sleep(d)
	if err := w.sim.SetFaults(simUsual); err != nil {
		w.errorf("%v", err)
	}
}

// refuseCalls closes the Cloud API's connections, with whatever is on them, and lets nobody connect for a while.
func (w *world) refuseCalls(r *rand.Rand) {
	over := w.lasting("refused", nil)
	w.misbehave("refused for=5s", upTo(r, 10*time.Second))
	over(0)
}

// pick chooses a process that is there.
func (w *world) pick(r *rand.Rand) *process {
	procs := w.processes()
	for {
		if p := procs[r.IntN(len(procs))]; !p.gone {
			return p
		}
	}
}

// killSome kills one, and starts it again soon, or so late that others have to take over.
func (w *world) killSome(r *rand.Rand) {
	p := w.pick(r)
	w.died(p)
	p.kill()
	time.Sleep(upTo(r, []time.Duration{100 * time.Millisecond, 5 * time.Second, 20 * time.Second}[r.IntN(3)]))
	p.start()
}

func (w *world) killTwo(r *rand.Rand) {
	a, b := w.pick(r), w.pick(r)
	w.died(a)
	a.kill()
	time.Sleep(upTo(r, 3*time.Second))
	if a != b {
		w.died(b)
		b.kill()
		time.Sleep(upTo(r, 3*time.Second))
		b.start()
	}
	a.start()
}

// freezeSome stops one for longer or shorter than its membership lasts, and lets it go on as if nothing had been.
func (w *world) freezeSome(r *rand.Rand) {
	p := w.pick(r)
	over := w.lasting("freeze", p)
	p.net.Freeze()
	time.Sleep(upTo(r, []time.Duration{3 * time.Second, 25 * time.Second}[r.IntN(2)]))
	p.net.Thaw()
	over(simReach)
}

func (w *world) stopSome(r *rand.Rand) {
	p := w.pick(r)
	over := w.lasting("stop", p)
	_ = p.stop()
	over(0)
	p.start()
}

// addSome adds a process for a while, which takes part of the work over.
func (w *world) addSome(r *rand.Rand) {
	p := w.join([]app.Roles{app.AllRoles(), {app.RoleSender}, {app.RoleFanout}, {app.RoleAggregator}}[r.IntN(4)], "")
	time.Sleep(upTo(r, 10*time.Second))
	over := w.lasting("leaving", p)
	if r.IntN(2) == 0 {
		_ = p.stop()
	} else {
		p.kill()
	}
	over(0)
	p.gone = true
}
