package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/whatsapp/simulator"
)

// TestSimulation runs the whole house in fake time with faults from a seed, and then looks for anybody who was lost or
// sent to twice. SIM_SEEDS says how many seeds, SIM_SEED which single one to see again.
func TestSimulation(t *testing.T) {
	seeds, first := 8, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("SIM_SEEDS")); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("SIM_SEED"), 10, 64); err == nil {
		seeds, first = 1, n
	}
	var total simTally
	for i := range uint64(seeds) {
		seed := first + i
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { total.add(simulate(t, seed)) })
		})
	}
	t.Logf("%d seeds: %+v", seeds, total)
	if seeds >= 8 {
		for what, n := range map[string]int{
			"kills": total.Kills, "freezes": total.Freezes, "restarts": total.Restarts, "unknown": total.Unknown, "in flight at a kill": total.InFlight,
		} {
			if n == 0 {
				t.Errorf("no %s in %d seeds: the simulation does not test what it is for", what, seeds)
			}
		}
	}
}

// simTally is what happened in a simulation.
type simTally struct {
	Kills, Freezes, Restarts, InFlight, Recipients, Sent, Unknown int
}

func (a *simTally) add(b simTally) {
	a.Kills += b.Kills
	a.Freezes += b.Freezes
	a.Restarts += b.Restarts
	a.InFlight += b.InFlight
	a.Recipients += b.Recipients
	a.Sent += b.Sent
	a.Unknown += b.Unknown
}

const (
	simNumber  = "1065"
	simToken   = "token"
	simAPI     = "127.0.0.1:8088"
	simKafka   = 9092
	simFaults  = 40 * time.Second // how long faults happen, in fake time
	simPatient = 5 * time.Minute  // after them everything must come to an end
)

// world is a cluster, a Cloud API and some processes, in one bubble.
type world struct {
	t     *testing.T
	rand  *rand.Rand
	vn    kfake.VirtualNetwork
	sim   *simulator.Simulator
	procs []*process
	tally simTally
	logs  io.Writer
	dead  []chan struct{} // closed as what was killed has noticed
	tasks []simTask       // accepted
}

type simTask struct {
	id     schemas.TaskID
	phones int
}

// process is one altavoz that can die and be started again under its identity.
type process struct {
	w     *world
	name  string
	roles Roles
	addr  string
	net   *faultNet
	app   *App
	ended chan struct{} // closed once what was killed has noticed
}

func simulate(t *testing.T, seed uint64) simTally {
	t.Helper()
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 0)), logs: io.Discard}
	if os.Getenv("SIM_LOG") != "" {
		w.logs = os.Stderr
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(simKafka), kfake.ListenFn(w.vn.Listen))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	w.sim = simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: simNumber, Token: simToken}}, PlainPhones: true, Seed: seed, Records: -1})
	if err := w.sim.SetFaults("latency=30ms..400ms"); err != nil {
		t.Fatal(err)
	}
	l, err := w.vn.Listen("tcp", simAPI)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.sim.Serve(ctx, l) }()
	defer func() { cancel(); <-served }()

	w.build()
	w.broadcasts()
	w.faults()
	w.settle()
	w.check()
	for _, p := range w.procs {
		p.stop()
	}
	for _, d := range w.dead {
		<-d
	}
	time.Sleep(time.Minute) // what a library does in its own time
	return w.tally
}

// build starts processes: some with every role, or the roles apart, as the seed says.
func (w *world) build() {
	sets := [][]Roles{
		{AllRoles(), AllRoles()},
		{{RoleProducer, RoleFanout}, {RoleSender}, {RoleSender}, {RoleAggregator}},
		{{RoleProducer, RoleAggregator}, {RoleFanout, RoleSender}, {RoleFanout, RoleSender, RoleAggregator}},
	}
	set := sets[w.rand.IntN(len(sets))]
	static := w.rand.IntN(2) == 0
	for i, roles := range set {
		p := &process{w: w, roles: roles, addr: fmt.Sprintf("127.0.0.1:%d", 8100+i)}
		if static {
			p.name = fmt.Sprintf("p%d", i)
		}
		w.procs = append(w.procs, p)
		p.start()
	}
}

func (p *process) start() {
	p.net = newFaultNet(p.w.vn.DialContext, p.w.vn.Listen)
	// kfake (2026-09) keeps a member for ever whose connection broke while it joined: its session timer is not started
	// again. So the cluster sees the dead fall silent, and gives them up by the session timeout, as a real one does.
	p.net.silent = func(addr string) bool { return strings.HasSuffix(addr, fmt.Sprint(":", simKafka)) }
	cfg := Default()
	cfg.Process.Roles, cfg.Process.InstanceID = p.roles, p.name
	cfg.HTTP.Addr = p.addr
	cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{fmt.Sprintf("127.0.0.1:%d", simKafka)}, "sim."
	// kfake starts a rebalance's clock (30 s) anew with everybody who joins, and sometimes waits for one too many: who gives
	// up joining and tries again sooner than that keeps the others waiting for ever.
	cfg.Kafka.RequestTimeout = 80 * time.Second
	cfg.WhatsApp.BaseURL, cfg.WhatsApp.PhoneNumberID, cfg.WhatsApp.AccessToken = "http://"+simAPI, simNumber, simToken
	cfg.WhatsApp.Rate = 100
	log := slog.New(slog.NewTextHandler(p.w.logs, nil)).With("process", p.addr)
	a, err := New(cfg, Options{Network: Network{Dial: p.net.Dial, Listen: p.net.Listen}, Logger: log})
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.app, p.ended = a, make(chan struct{})
	if err := a.Start(p.w.t.Context()); err != nil {
		p.w.t.Fatalf("starting %s: %v", p.addr, err)
	}
}

// kill ends the process as others see it, at once.
func (p *process) kill() {
	p.net.Thaw()
	p.net.Cut()
	dead, ended := p.app, p.ended
	p.w.dead = append(p.w.dead, ended)
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), StopTimeout)
		defer cancel()
		_ = dead.Stop(ctx)
	}()
}

// stop ends it as an operator would.
func (p *process) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), StopTimeout)
	defer cancel()
	if err := p.app.Stop(ctx); err != nil {
		p.w.t.Errorf("stopping %s: %v", p.addr, err)
	}
}

// broadcasts posts tasks of all sizes for as long as faults happen, the first ones before.
func (w *world) broadcasts() {
	sizes := []int{1, 3, 90, 150, 400, 1200}
	for i := range 6 {
		w.post(i, sizes[w.rand.IntN(len(sizes))])
	}
}

func (w *world) client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: w.vn.DialContext, DisableKeepAlives: true}}
}

func (w *world) post(block, n int) {
	key := fmt.Sprintf("request-%d", block)
	body := `{"phones":` + quoted(phonesFrom(block, n)) + `,"body_text":"hola","use_queue":true}`
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://"+w.procs[0].addr+sendPath, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", key)
		resp, err := w.client().Do(req)
		if err == nil {
			var a struct {
				TaskID string `json:"task_id"`
			}
			err = json.NewDecoder(resp.Body).Decode(&a)
			_ = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusAccepted {
				id, err := schemas.ParseTaskID(a.TaskID)
				if err != nil {
					w.t.Fatal(err)
				}
				w.tasks = append(w.tasks, simTask{id, n})
				return
			}
		}
		if try > 30 {
			w.t.Fatalf("request %d was never accepted: %v", block, err)
		}
		time.Sleep(2 * time.Second)
	}
}

// faults kills, freezes and restarts processes at moments that the seed chooses.
func (w *world) faults() {
	end := time.Now().Add(simFaults)
	for time.Now().Before(end) {
		time.Sleep(time.Duration(w.rand.Int64N(int64(6 * time.Second))))
		p := w.procs[w.rand.IntN(len(w.procs))]
		switch w.rand.IntN(4) {
		case 0, 1:
			w.tally.Kills++
			before := w.sim.Summary().Unanswered
			p.kill()
			time.Sleep(time.Duration(w.rand.Int64N(int64(8 * time.Second))))
			w.tally.InFlight += w.sim.Summary().Unanswered - before
			p.start()
		case 2:
			w.tally.Freezes++
			p.net.Freeze()
			time.Sleep(time.Duration(w.rand.Int64N(int64(25 * time.Second))))
			p.net.Thaw()
		case 3:
			w.tally.Restarts++
			p.stop()
			p.start()
		}
	}
}

// settle waits, with the faults off, until every task is at its end.
func (w *world) settle() {
	for end := time.Now().Add(simPatient); ; time.Sleep(time.Second) {
		open := ""
		for _, task := range w.tasks {
			if s, ok := w.status(task.id); !ok || s.Status != "SUCCESS" {
				open = fmt.Sprintf("%s of %d: %+v", task.id, task.phones, s)
			}
		}
		if open == "" {
			return
		}
		if time.Now().After(end) {
			w.t.Errorf("not finished %v after the last fault: %s", simPatient, open) // and stops what runs, so no Fatal
			return
		}
	}
}

func (w *world) status(id schemas.TaskID) (s taskStatus, ok bool) {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.procs[0].addr+statusPath+id.String(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client().Do(req)
	if err != nil {
		return s, false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&s) != nil {
		return s, false
	}
	if r := s.Result; r.Successful+r.Failed+r.Pending != r.Total {
		w.t.Errorf("task %s: %d + %d + %d is not %d", id, r.Successful, r.Failed, r.Pending, r.Total)
	}
	return s, true
}

// check compares three witnesses: the Cloud API's own ledger, what the task's status says, and a fold of everything that
// was ever written to results.
func (w *world) check() {
	sum := w.sim.Summary()
	if sum.Repeated > 0 || sum.Duplicates > 0 {
		w.t.Errorf("%d calls were repeated, %d messages doubled", sum.Repeated, sum.Duplicates)
	}
	marks := w.recount()
	for _, task := range w.tasks {
		s, _ := w.status(task.id)
		of := make(map[schemas.OutcomeClass]int)
		for i := range task.phones {
			m := marks[recipient{task.id, uint32(i)}]
			of[m.Outcome()]++
			_, _, accepted := w.sim.Calls(schemas.Callback(task.id, uint32(i)))
			switch {
			case accepted > 0 && m.Outcome() != schemas.OutcomeSent && m.Outcome() != schemas.OutcomeUnknown:
				w.t.Errorf("%s/%d was accepted and is %s", task.id, i, m.Outcome())
			case accepted == 0 && m.Outcome() == schemas.OutcomeSent:
				w.t.Errorf("%s/%d is sent and was never accepted", task.id, i)
			case m == schemas.MarkPending:
				w.t.Errorf("%s/%d has no outcome", task.id, i)
			}
		}
		r := s.Result
		if r.Total != task.phones || r.Successful != of[schemas.OutcomeSent] || r.Unknown != of[schemas.OutcomeUnknown] || r.Pending != 0 {
			w.t.Errorf("%s: the status says %+v, the log says %v", task.id, r, of)
		}
		w.tally.Recipients += task.phones
		w.tally.Sent += of[schemas.OutcomeSent]
		w.tally.Unknown += of[schemas.OutcomeUnknown]
	}
}

type recipient struct {
	task  schemas.TaskID
	index uint32
}

// recount folds the whole of results, as nothing in the house does.
func (w *world) recount() map[recipient]schemas.Mark {
	reader, err := kafka.NewReader(kafka.Config{
		Brokers: []string{fmt.Sprintf("127.0.0.1:%d", simKafka)}, Prefix: "sim.",
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return w.vn.DialContext(ctx, network, addr)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer reader.Close()
	ends, err := reader.Ends(w.t.Context(), schemas.TopicResults)
	if err != nil {
		w.t.Fatal(err)
	}
	marks := make(map[recipient]schemas.Mark)
	for p, end := range ends {
		err := reader.Range(w.t.Context(), schemas.Slot{Topic: schemas.TopicResults, Partition: p}, 0, end, func(rec schemas.Record) error {
			var r schemas.Result
			if err := schemas.Decode(&rec, &r); err != nil {
				return err
			}
			if o := r.GetOutcome(); o != nil {
				who := recipient{schemas.TaskID(r.GetTask()), o.GetIndex()}
				marks[who] = max(marks[who], schemas.Mark(o.GetMark()))
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return marks
}
