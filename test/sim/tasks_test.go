package sim

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// simTask is a broadcast of a history.
type simTask struct {
	id     schemas.TaskID
	phones []string
	texts  []string // that each recipient is to get; nil: all the same
	// templates are the texts that each may get instead; nil: none.
	templates []string
	resend    bool
	rejected  bool // Meta rejects its template while it goes on: it ends, and who was not called is cancelled
	sure      bool // it was accepted, and has to come to an end

	cancelled bool // somebody asked for it, whatever was answered
	stops     []*simStop
	retry     *simTask // of whoever was cancelled
	said      []simOptOut
}

// source is how a broadcast comes in.
type source int

const (
	sourceQueue  source = iota // over HTTP, with an Idempotency-Key
	sourceDirect               // over HTTP, and the answer waits for the end
	sourceKafka                // a record written by somebody upstream
	sourceCount
)

// broadcasts sends tasks of all sizes and from all sources, some before the first fault, the others while they happen, and
// some rubbish beside them.
func (w *world) broadcasts() {
	r := w.chance(chanceTasks)
	var steering sync.WaitGroup
	defer steering.Wait()
	defer w.late.Wait()
	sizes, many := []int{1, 2, 7, 20, 45, 120}, 5
	if w.large {
		sizes, many = []int{1, 3, 90, 150, 400, 1200}, 8
	}
	for i := range many {
		n := sizes[r.IntN(len(sizes))]
		in := source(r.IntN(int(sourceCount)))
		if in == sourceDirect {
			n = min(n, 7)
		}
		task := w.broadcast(r, i, n, in)
		if r.IntN(2) == 0 && task != nil && n >= simSteerable {
			chance := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
			steering.Go(func() { w.steer(task, chance) })
		}
		if r.IntN(2) == 0 && task != nil {
			chance := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
			steering.Go(func() { w.optOutLate(task, chance) })
		}
		if r.IntN(3) == 0 {
			w.rubbish(r)
		}
		if i >= 2 {
			time.Sleep(upTo(r, 8*time.Second))
		}
	}
}

// broadcast returns the task once it was accepted.
func (w *world) broadcast(r *rand.Rand, block, n int, in source) *simTask {
	task := &simTask{phones: harness.Phones(block, n), resend: r.IntN(4) == 0}
	body := map[string]any{"phones": task.phones, "body_text": "hola", "use_queue": in != sourceDirect}
	w.optOuts(task, r)
	if task.resend {
		body["on_unknown"] = "resend"
	}
	if r.IntN(3) == 0 { // the same picture in all of them
		body["header_type"], body["header_content"] = "image", "data:image/png;base64,"+harness.OnePixel
	}
	key := ""
	if in == sourceQueue {
		key = fmt.Sprintf("request-%d", block)
	} else {
		task.id = drawID(r)
		body["task_id"] = task.id.String()
		w.expect(task)
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.errorf("%v", err)
		return nil
	}
	switch {
	case in == sourceKafka && r.IntN(2) == 0:
		w.publish(w.personal(task))
	case in == sourceKafka && r.IntN(2) == 0:
		w.publish(w.routed(task, r))
		select {
		case w.routes <- struct{}{}:
		default:
		}
	case in == sourceKafka:
		w.publish(stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Value: text})
	default:
		w.post(task, string(text), key)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	task.sure = true
	return task
}

// drawID returns the id of a task that its caller chose.
func drawID(r *rand.Rand) (id schemas.TaskID) {
	binary.BigEndian.PutUint64(id[:], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// personal makes the record of a broadcast whose recipients have something of their own: a value, some a text too, and some lack what they need.
func (w *world) personal(task *simTask) stream.Record {
	b := &schemas.Broadcast{
		Task: task.id.Bytes(), Chosen: true, Phones: task.phones, Total: uint32(len(task.phones)), AcceptedMs: time.Now().UnixMilli(),
		Content: &schemas.Content{Body: "Hola {{nombre}}", ButtonText: "Ver", ButtonUrl: "https://example.com", Variables: []string{"nombre"}},
	}
	if task.resend {
		b.OnUnknown = schemas.OnUnknown_ON_UNKNOWN_RESEND
	}
	for i, phone := range task.phones {
		p, text := &schemas.Personal{Variables: []uint32{0}, Values: []string{"{{nombre}} " + phone}}, "Hola {{nombre}} "+phone
		switch i % 5 {
		case 3:
			p, text = &schemas.Personal{}, ""
		case 4:
			p.Own, text = &schemas.Own{Body: new("Suyo: {{nombre}}")}, "Suyo: {{nombre}} "+phone
		}
		b.Personal, task.texts = append(b.Personal, p), append(task.texts, text)
	}
	w.tally.count("personal")
	return schemas.EncodeBroadcast(b)
}

// expect lets the checkers know of a task.
func (w *world) expect(task *simTask) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tasks = append(w.tasks, task)
}

func (w *world) known() []*simTask {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*simTask(nil), w.tasks...)
}

// Post asks until it is answered, as a client should: with the same key, or the same id.
func (w *world) post(task *simTask, body, key string) {
	last := ""
	for range 60 {
		code, answer, err := w.request(http.MethodPost, harness.SendPath, body, key, 90*time.Second)
		switch {
		case err != nil:
			last = err.Error()
		case code == http.StatusAccepted || code == http.StatusOK:
			var a struct {
				TaskID string `json:"task_id"`
			}
			if err := json.Unmarshal(answer, &a); err != nil {
				w.errorf("answered %d %s", code, answer)
			}
			if id, err := schemas.ParseTaskID(a.TaskID); err == nil && key != "" {
				task.id = id
				w.expect(task)
			}
			return
		case code < http.StatusInternalServerError:
			w.errorf("refused: %d %s", code, answer)
			return
		default:
			last = fmt.Sprintf("%d %s", code, answer)
		}
		time.Sleep(2 * time.Second)
	}
	w.errorf("a request was never accepted: %s", last)
}

func (w *world) request(method, path, body, key string, patience time.Duration) (int, []byte, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+w.processes()[0].addr+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("asking: %w", err)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := w.client(patience).Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("asking: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("asking: %w", err)
	}
	return resp.StatusCode, text, nil
}

// publish writes records as somebody upstream does: again and again until they are acknowledged.
func (w *world) publish(recs ...stream.Record) {
	var last error
	for range 60 {
		pub, err := records.NewPublisher(w.kafkaConfig(), w.broker.layout, 0)
		if err != nil {
			w.errorf("%v", err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		_, last = pub.Publish(ctx, recs...)
		_ = pub.Close(ctx)
		cancel()
		if last == nil {
			return
		}
		time.Sleep(time.Second)
	}
	w.errorf("upstream could not write: %v", last)
}

// rubbish is what nobody can read, on the topics that have readers.
func (w *world) rubbish(r *rand.Rand) {
	topics := []stream.Topic{schemas.TopicBroadcasts, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicResults}
	t := topics[r.IntN(len(topics))]
	if t == schemas.TopicBroadcasts && r.IntN(30) == 0 {
		w.bomb()
		w.tally.count("bomb")
		return
	}
	noise := make([]byte, 40)
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	values := [][]byte{[]byte("this is no JSON"), []byte(`{"phones":[],"body_text":"b"}`), []byte(`{"phones":7}`), noise, {}, nil}
	w.publish(stream.Record{Topic: t, Partition: stream.NoPartition, Key: []byte("somebody"), Value: values[r.IntN(len(values))]})
	w.tally.count("rubbish")
}

// bomb writes a batch that unpacks to more than anybody should unpack.
func (w *world) bomb() {
	cfg := w.kafkaConfig()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.Dialer(cfg.Dial), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(64<<20), kgo.RecordDeliveryTimeout(2*time.Minute))
	if err != nil {
		w.errorf("%v", err)
		return
	}
	defer cl.Close()
	zeros := &kgo.Record{Topic: simPrefix + string(schemas.TopicBroadcasts), Value: make([]byte, 40<<20)}
	if err := cl.ProduceSync(context.Background(), zeros).FirstErr(); err != nil {
		w.log.Warn("the bomb was not taken", "error", err)
	}
}
