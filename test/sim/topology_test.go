package sim

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/app"
	"altavoz/processor"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
	"altavoz/whatsapp/simulator"
)

// TestSimulatedRolesReadAndWriteWhatTheTopologySays runs a process for each role, has everything happen for which a role reads or writes a
// topic, and looks at the requests that leave each process.
func TestSimulatedRolesReadAndWriteWhatTheTopologySays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		seen := newTraffic()
		w := newTopologyWorld(t, dir, seen)
		defer w.close()
		w.everything()
		for _, wrong := range seen.wrong {
			t.Error(wrong)
		}
		for _, stage := range processor.Topology() {
			got := seen.of(stage.Name)
			for _, c := range []struct {
				what      string
				want, got []stream.Topic
			}{
				{"consumes", stage.Consumes, got.consumes},
				{"reads outside its group", stage.Reads, got.reads},
				{"writes", stage.Writes, got.writes},
			} {
				want := slices.Clone(c.want)
				slices.Sort(want)
				if !slices.Equal(want, c.got) {
					t.Errorf("the %s %s %v, and the topology says %v; want %v", stage.Name, c.what, c.got, want, c.got)
				}
			}
		}
	})
}

// The places of some roles in app.AllRoles.
const (
	fanoutProcess     = 1
	aggregatorProcess = 3
	callbacksProcess  = 4
)

// topologyWorld is a process a role.
type topologyWorld struct {
	*accountWorld
	seen *traffic
}

func newTopologyWorld(t *testing.T, dir string, seen *traffic) *topologyWorld {
	t.Helper()
	w := &accountWorld{&numbersWorld{file: filepath.Join(dir, "senders.json")}}
	w.write(fmt.Sprintf(`[{"id":%q,"token":"other","rate":%v}]`, outageOther, outageOtherRate))
	w.limitsWorld = newLimitsWorld(t, 0, "latency=100ms", func(v *world) {
		v.more = []simulator.Number{{ID: outageOther, Token: "other"}}
		v.tune = func(c *app.Config) {
			c.WhatsApp.Rate, c.WhatsApp.SendersFile, c.WhatsApp.People = limitsRate, w.file, 1000
		}
		v.sees = seen.note
	})
	seen.learn(t, w.world)
	for _, role := range app.AllRoles() {
		w.join(app.Roles{role}, string(role))
	}
	return &topologyWorld{w, seen}
}

// everything happens once: lists and files, controls, foreign and broken records, a locked account, and takeovers in the middle of it.
func (w *topologyWorld) everything() {
	broken := []stream.Record{}
	for _, topic := range []stream.Topic{schemas.TopicBroadcasts, schemas.TopicSendsBulk, schemas.TopicResults} {
		broken = append(broken, stream.Record{Topic: topic, Partition: stream.NoPartition, Key: []byte("x"), Value: []byte("rubbish")})
	}
	w.publish(broken...)
	w.publish(stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Value: []byte(`{"phones":["573000000001"],"body_text":"foreign"}`)})
	w.publish(stream.Record{Topic: schemas.TopicEvents, Key: []byte("x"), Partition: stream.NoPartition, Value: []byte("{}"), Headers: []stream.Header{
		{Key: schemas.CallbackHeader, Value: []byte("https://nobody.example/")}, {Key: schemas.EventHeader, Value: []byte("x-finished")},
	}})
	small := w.ask(simNumber, 2, http.StatusAccepted)
	w.ends(small, time.Minute)

	stop := fmt.Sprintf(`{"metadata":{"phone_number_id":%q},"messages":[{"from":"573009990000","timestamp":"%d","text":{"body":"STOP"}}]}`, simNumber, time.Now().Unix())
	if code := w.hook(simAppSecret, "messages", stop); code != http.StatusOK {
		w.t.Fatalf("STOP: %d", code)
	}
	tap := fmt.Sprintf(`{"phones":["573009990001"],"body_text":"hola","sender":%q,"buttons":[{"id":"si","title":"Sí"}]}`, simNumber) // the sender writes whom it went to
	if code, answer, err := w.request(http.MethodPost, request.PathSend, tap, "tap", time.Minute); err != nil || code != http.StatusOK {
		w.t.Fatalf("a message with a button: %d %s, %v", code, answer, err)
	}
	unprompted := fmt.Sprintf(`{"phones":["573009990002"],"body_text":"hola","sender":%q,"category":"utility"}`, simNumber) // to who did not write: it needs a place among the people of a day
	if code, answer, err := w.request(http.MethodPost, request.PathSend, unprompted, "utility", time.Minute); err != nil || code != http.StatusOK {
		w.t.Fatalf("a message to who did not write: %d %s, %v", code, answer, err)
	}
	w.rules("131050=100%") // somebody set WhatsApp's preference: the sender tells the others
	w.ask(simNumber, 1, http.StatusAccepted)
	time.Sleep(time.Minute)
	w.rules("")
	list := w.ask(simNumber, 4_000, http.StatusAccepted)
	for w.shown(list).Result.Successful < 500 {
		time.Sleep(time.Second)
	}
	for _, what := range []string{"/pause", "/resume"} {
		if code, answer, err := w.request(http.MethodPost, request.PathTasks+"/"+list.String()+what, "", "", time.Minute); err != nil || code >= http.StatusBadRequest {
			w.t.Fatalf("%s: %d %s, %v", what, code, answer, err)
		}
	}
	time.Sleep(5 * time.Second)
	// A fanout dies between the commit of a quantum as leased and the sends: the next one has to know who of them got one. The aggregator
	// restores what it wrote.
	before := &aim{key: kmsg.Produce, group: w.seen.id(simPrefix + string(schemas.TopicSendsBulk)), what: freezeBefore, hit: make(chan struct{})}
	w.procs[fanoutProcess].net.Aim(before)
	<-before.hit
	for _, role := range []int{fanoutProcess, aggregatorProcess, callbacksProcess} {
		w.procs[role].kill()
		time.Sleep(time.Second)
		w.procs[role].start()
	}
	time.Sleep(10 * time.Second)
	// An account that is locked, and works again without a word of Meta's: the sender finds out, and says so to the others.
	w.rules("number=" + simNumber + " late_131031=100%")
	time.Sleep(accountStops)
	w.rules("")
	for began := time.Now(); w.shown(list).Status != "SUCCESS"; time.Sleep(time.Second) {
		if time.Since(began) > time.Hour {
			w.t.Fatalf("the list does not end: %+v", w.shown(list))
		}
	}
	time.Sleep(time.Minute) // what is written at the end of a task
	if code, answer, err := w.request(http.MethodGet, request.PathTasks+"/"+list.String()+"/recipients", "", "", time.Minute); err != nil || code != http.StatusOK {
		w.t.Fatalf("recipients: %d %s, %v", code, answer, err)
	}
	if code, answer, err := w.request(http.MethodGet, request.PathRecipients+"573000000001", "", "", time.Minute); err != nil || code != http.StatusOK {
		w.t.Fatalf("sends of a phone: %d %s, %v", code, answer, err)
	}
}

// traffic is which topics the requests of each role named.
type traffic struct {
	mu    sync.Mutex
	names map[[16]byte]string
	roles map[string]*topics
	wrong []string
}

type topics struct{ fetched, consumed, written map[string]bool }

func newTraffic() *traffic {
	return &traffic{names: make(map[[16]byte]string), roles: make(map[string]*topics)}
}

// learn asks for the ids of topics, by which newer requests name them.
func (s *traffic) learn(t *testing.T, w *world) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.addrs()...), kgo.Dialer(w.vn.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	all, err := kadm.NewClient(cl).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, detail := range all {
		s.names[detail.ID] = name
	}
}

// id returns what names a topic in a request.
func (s *traffic) id(topic string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, name := range s.names {
		if name == topic {
			return string(id[:])
		}
	}
	return topic
}

// note reads a request that a process writes. The client writes each with one call.
func (s *traffic) note(p *process, to string, b []byte) {
	if !strings.HasSuffix(to, fmt.Sprint(":", simKafka)) || len(b) < kafkaLength+10 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	role := p.roles.String()
	if s.roles[role] == nil {
		s.roles[role] = &topics{make(map[string]bool), make(map[string]bool), make(map[string]bool)}
	}
	seen := s.roles[role]
	req, err := parseRequest(b[kafkaLength:])
	if err != nil {
		s.wrong = append(s.wrong, err.Error())
		return
	}
	switch r := req.(type) {
	case *kmsg.FetchRequest:
		for i := range r.Topics {
			seen.fetched[s.name(r.Topics[i].Topic, r.Topics[i].TopicID)] = true
		}
	case *kmsg.ProduceRequest:
		for i := range r.Topics {
			seen.written[s.name(r.Topics[i].Topic, r.Topics[i].TopicID)] = true
		}
	case *kmsg.OffsetFetchRequest:
		for _, g := range r.Groups {
			for _, t := range g.Topics {
				seen.consumed[t.Topic] = true
			}
		}
		for _, t := range r.Topics {
			seen.consumed[t.Topic] = true
		}
	}
}

func (s *traffic) name(topic string, id [16]byte) string {
	if topic == "" {
		return s.names[id]
	}
	return topic
}

// parseRequest reads what stands behind a request's length; nil where it is of no interest.
func parseRequest(b []byte) (kmsg.Request, error) {
	key, version := int16(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:]))
	if !slices.Contains([]kmsg.Key{kmsg.Fetch, kmsg.Produce, kmsg.OffsetFetch}, kmsg.Key(key)) {
		return nil, nil //nolint:nilnil // of no interest
	}
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	client := int(int16(binary.BigEndian.Uint16(b[8:]))) // behind the correlation id; -1: none
	body := b[10+max(client, 0):]
	if req.IsFlexible() {
		body = body[1:] // no tags in the header
	}
	if err := req.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("reading a request of kind %d, version %d: %w", key, version, err)
	}
	return req, nil
}

// activity is a stage as it was seen.
type activity struct{ consumes, reads, writes []stream.Topic }

func (s *traffic) of(role string) activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.roles[role]
	if seen == nil {
		return activity{}
	}
	var a activity
	for topic := range maps.Keys(seen.fetched) {
		if !seen.consumed[topic] {
			a.reads = append(a.reads, ours(topic)...)
		}
	}
	for topic := range maps.Keys(seen.consumed) {
		a.consumes = append(a.consumes, ours(topic)...)
	}
	for topic := range maps.Keys(seen.written) {
		a.writes = append(a.writes, ours(topic)...)
	}
	for _, list := range []*[]stream.Topic{&a.consumes, &a.reads, &a.writes} {
		slices.Sort(*list)
	}
	return a
}

// ours is a topic as the topology names it; none of the registry, which all processes read and write.
func ours(name string) []stream.Topic {
	topic := stream.Topic(strings.TrimPrefix(name, simPrefix))
	if topic == schemas.TopicRegistry {
		return nil
	}
	return []stream.Topic{topic}
}
