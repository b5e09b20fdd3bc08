package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/app"
	"altavoz/kafka"
	"altavoz/test/witness"
	"altavoz/whatsapp/simulator"
)

const (
	simNumber    = "1065"
	simToken     = "token"
	simAPI       = "127.0.0.1:8088"
	simFirst     = 8100 // the first process's port
	simPrefix    = "sim."
	simEndless   = 15 * time.Minute // in fake time it would pass for ever
	simAftermath = 5 * time.Minute  // what libraries do in their own time, above all those of the dead
	simFindings  = 20               // are told
	simRecords   = 20_000           // messages of a history that are looked at, more than it has
	simPatient   = 5 * time.Minute  // after the last fault everything must come to an end
)

// world is a cluster, a Cloud API and some processes, in one bubble.
type world struct {
	t     *testing.T
	seed  uint64
	large bool
	kinds []faultKind // those that this history may have
	set   int         // which processes there are
	only  []string
	tune  func(*app.Config)                     // of every process; nil: as they are
	more  []simulator.Number                    // numbers of the account besides the one
	sees  func(p *process, to string, b []byte) // what processes write to the network; nil: nobody looks

	vn       kfake.VirtualNetwork
	broker   *broker
	sim      *simulator.Simulator
	redis    *fakeRedis // nil: every process remembers by itself
	tally    *simTally
	commits  witness.Commits // of the senders
	sessions sessions
	log      *slog.Logger
	calm     chan struct{} // closed when faults are over
	routes   chan struct{} // has something when a broadcast with both messages came in
	shut     shutTemplates // that can't be sent; nil: nobody looks
	people   *peopleADay   // nil: the business writes to as many as it likes

	mu      sync.Mutex
	procs   []*process
	dead    []chan struct{}        // closed as what was killed has noticed
	tasks   []*simTask             // accepted, or on their way into Kafka
	ended   int                    // processes and brokers that died, stopped or stood still so far
	harm    []witness.Fault        // what may have made somebody unknown
	wrong   []string               // the first findings
	wrote   map[string][]time.Time // when people wrote to the number
	late    sync.WaitGroup         // people who write while a broadcast goes on
	retries sync.WaitGroup         // of what was cancelled
}

// The streams of chance of one seed: what one of them draws does not move the others.
const (
	chanceWorld uint64 = iota
	chanceTasks
	chanceFaults // and the next ones, a stream for each place where faults come from

	chanceTemplates uint64 = 100 // and the next one
	chancePeople    uint64 = 102 // and the next one
)

func newWorld(t *testing.T, seed uint64, dir string, only []string) *world {
	t.Helper()
	w := &world{
		t: t, seed: seed, large: seed%simLarge == 0, tally: newSimTally(), calm: make(chan struct{}), only: only,
		log: slog.New(slog.DiscardHandler),
	}
	if os.Getenv("SIM_LOG") != "" {
		defer func() { fmt.Fprintln(os.Stderr, w) }()
		w.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	r := w.chance(chanceWorld)
	w.set = r.IntN(len(roleSets()))
	w.broker = &broker{w: w, nodes: 1}
	w.routes = make(chan struct{}, 1)
	w.shut = shutTemplates{{w: w, name: simPausable}, {w: w, name: simRejected, components: `,"components":[{"type":"BODY","text":"Hola {{1}}"}]`}}
	w.drawKinds(r)
	if w.mayHave("broker_restart") {
		w.broker.dir = dir
	}
	if w.mayHave("leaders_move") && w.broker.dir == "" { // kfake (2026-09) forgets in a restart who leads what
		w.broker.nodes = 2
	}
	if w.mayHave("redis_flush") || w.mayHave("redis_hang") || w.mayHave("redis_restart") {
		w.redis = newFakeRedis(w)
	}
	return w
}

func (w *world) chance(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, stream)) }

func (w *world) String() string {
	names := make([]string, len(w.kinds))
	for i, k := range w.kinds {
		names[i] = k.name
	}
	return fmt.Sprintf("seed %d: processes %v, %d brokers, redis %v, faults %s; %d tasks; %s",
		w.seed, roleSets()[w.set], w.broker.nodes, w.redis != nil, strings.Join(names, " "), len(w.tasks), w.tally)
}

// errorf tells a finding; after some of them nobody reads on.
func (w *world) errorf(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.mu.Lock()
	told := len(w.wrong) < simFindings
	if told {
		w.wrong = append(w.wrong, what)
	}
	w.mu.Unlock()
	if told {
		w.t.Errorf("seed %d: %s", w.seed, what)
	}
}

// endless ends a history that goes on and on: with what was found, which the end of the program would take along.
func (w *world) endless() {
	w.mu.Lock()
	found := strings.Join(w.wrong, "\n")
	w.mu.Unlock()
	panic(fmt.Sprintf("this history does not end: %s\n%s", w, found))
}

// live is the whole history.
func (w *world) live() {
	endless := time.AfterFunc(simEndless, w.endless)
	defer endless.Stop()
	if err := w.broker.start(); err != nil {
		w.t.Fatal(err)
	}
	defer func() { w.broker.stop() }()
	if err := w.broker.topics(simPrefix, w.large); err != nil {
		w.t.Fatal(err)
	}
	over, kept := make(chan struct{}), make(chan struct{})
	go func() { defer close(kept); w.sessions.keep(w, over) }()
	defer func() { close(over); <-kept }()
	defer w.serveAPI()()
	if w.redis != nil {
		if err := w.redis.start(); err != nil {
			w.t.Fatal(err)
		}
		defer w.redis.stop()
	}
	w.drawPeople(w.chance(chancePeople))
	w.build()
	var watching, acting sync.WaitGroup
	watching.Go(w.watch)
	acting.Go(w.broadcasts)
	acting.Go(func() { w.pauses(w.chance(chanceTemplates)) })
	acting.Go(func() { w.rejects(w.chance(chanceTemplates + 1)) })
	if w.people != nil {
		acting.Go(func() { w.people.limits(w.chance(chancePeople + 1)) })
	}
	w.faults(&acting)
	acting.Wait()
	close(w.calm)
	w.people.lift()
	w.retries.Wait() // what is cancelled may have waited for the messaging limit
	began := time.Now()
	w.settle()
	w.tally.Longest = time.Since(began)
	watching.Wait()
	w.hearAll()
	w.check()
	for _, p := range w.procs {
		if err := p.stop(); err != nil {
			w.errorf("with nothing wrong any more %s does not stop: %v", p.addr, err)
		}
	}
	for _, d := range w.dead {
		<-d
	}
	time.Sleep(simAftermath)
}

// serveAPI starts the Cloud API and returns how to stop it.
func (w *world) serveAPI() func() {
	w.sim = simulator.New(simulator.Config{
		Numbers: append([]simulator.Number{{ID: simNumber, Token: simToken}}, w.more...), PlainPhones: true, Seed: w.seed, Records: simRecords, Faults: simUsual, Listen: w.vn.Listen,
		Webhooks: simulator.Webhooks{URL: fmt.Sprintf("http://127.0.0.1:%d%s", simFirst, simHooks), Secret: simAppSecret, Dial: w.vn.DialContext},
	})
	l, err := w.vn.Listen("tcp", simAPI)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.sim.Serve(ctx, l) }()
	return func() { cancel(); <-served }
}

// roleSets are the ways to divide the roles among processes. The first one always takes requests.
func roleSets() [][]app.Roles {
	return [][]app.Roles{
		{app.AllRoles(), app.AllRoles()},
		{{app.RoleProducer, app.RoleFanout}, {app.RoleSender}, {app.RoleSender}, {app.RoleAggregator}},
		{{app.RoleProducer, app.RoleAggregator}, {app.RoleFanout, app.RoleSender}, {app.RoleFanout, app.RoleSender, app.RoleAggregator}},
	}
}

func (w *world) build() {
	static := w.chance(chanceWorld).IntN(2) == 0
	for i, roles := range roleSets()[w.set] {
		name := ""
		if static {
			name = fmt.Sprintf("p%d", i)
		}
		w.join(roles, name)
	}
}

// join adds a process.
func (w *world) join(roles app.Roles, name string) *process {
	w.mu.Lock()
	p := &process{w: w, roles: roles, name: name, addr: fmt.Sprintf("127.0.0.1:%d", simFirst+len(w.procs))}
	w.procs = append(w.procs, p)
	w.mu.Unlock()
	p.start()
	return p
}

func (w *world) processes() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*process(nil), w.procs...)
}

// process is one altavoz that can die and be started again under its identity.
type process struct {
	w     *world
	name  string
	roles app.Roles
	addr  string

	mu    sync.Mutex
	net   *faultNet
	app   *app.App
	lives int           // how often it was started
	ended chan struct{} // closed once what was killed has noticed
	gone  bool          // and nobody starts it again
}

func (p *process) start() {
	for try := 0; ; try++ {
		fn := newFaultNet(p.w.vn.DialContext, p.w.vn.Listen)
		if p.w.sees != nil {
			fn.sees = func(to string, b []byte) { p.w.sees(p, to, b) }
		}
		if p.w.shut != nil {
			p.w.shut.watch(fn)
		}
		log := p.w.log.With("process", p.addr)
		a, err := app.New(p.config(), app.Options{Network: app.Network{Dial: fn.Dial, Listen: fn.Listen}, Logger: log})
		if err == nil {
			err = a.Start(context.Background())
		}
		if err == nil {
			p.mu.Lock()
			p.net, p.app, p.ended = fn, a, make(chan struct{})
			p.lives++
			p.mu.Unlock()
			return
		}
		if try == 20 {
			p.w.errorf("starting %s: %v", p.addr, err)
			return
		}
		time.Sleep(time.Second) // as a supervisor does
	}
}

func (p *process) config() app.Config {
	cfg := app.Default()
	cfg.Process.Roles, cfg.Process.InstanceID = p.roles, p.name
	cfg.HTTP.Addr = p.addr
	cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = p.w.broker.addrs(), simPrefix
	// A broker answers a join within a rebalance (30 s). kfake starts that clock anew with everybody who joins or leaves, and sometimes waits
	// for one too many: who gives up joining after 40 s and tries again keeps the others waiting for ever (seeds 200059, 200521).
	cfg.Kafka.RequestTimeout = 80 * time.Second
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = "http://"+simAPI, simNumber, simToken
	cfg.WhatsApp.AppSecret = simAppSecret
	cfg.WhatsApp.Rate = 20
	if p.w.large {
		cfg.WhatsApp.Rate = 100
	}
	if p.w.people != nil {
		cfg.WhatsApp.People = p.w.people.configured
	}
	if p.w.redis != nil {
		cfg.Redis.Addrs = []string{simRedis}
	}
	if p.w.tune != nil {
		p.w.tune(&cfg)
	}
	return cfg
}

// life returns the process as it is now.
func (p *process) life() (a *app.App, lives int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.app, p.lives
}

// kill ends the process as others see it, at once.
func (p *process) kill() {
	p.net.Thaw()
	p.net.Cut()
	dead, ended := p.app, p.ended
	p.w.mu.Lock()
	p.w.dead = append(p.w.dead, ended)
	p.w.mu.Unlock()
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
		defer cancel()
		_ = dead.Stop(ctx)
	}()
}

// stop ends it as an operator would. While Kafka is away it may not come to its end in time, and is killed.
func (p *process) stop() error {
	if p.gone {
		return nil
	}
	a, _ := p.life()
	ctx, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		p.w.log.Warn("stopping", "process", p.addr, "error", err)
		p.kill()
		return err
	}
	return nil
}

func (w *world) client(patience time.Duration) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: w.vn.DialContext, DisableKeepAlives: true}}
}

// metrics is what a process tells Prometheus.
func (w *world) metrics(p *process) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+p.addr+"/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client(simPatient).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("the metrics of %s: %s, %v", p.addr, resp.Status, err)
	}
	return string(body)
}

// kafkaConfig is the way into Kafka for the checkers and for those upstream.
func (w *world) kafkaConfig() kafka.Config {
	return kafka.Config{
		Brokers: w.broker.addrs(), Prefix: simPrefix, Logger: w.log,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.vn.DialContext(ctx, network, addr)
		},
	}
}
