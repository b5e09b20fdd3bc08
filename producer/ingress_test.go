package producer_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/internal/testio"
	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/connections"
	"altavoz/producer/identity"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

func taskOf(t *testing.T, body string) schemas.TaskID {
	t.Helper()
	var b struct {
		TaskID string `json:"task_id"`
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	id, err := schemas.ParseTaskID(b.TaskID)
	if err != nil {
		t.Fatalf("reading the answer %s: %v", body, err)
	}
	return id
}

// The broadcast and the plan of a request, and where the one points at the other.
func TestWhatIsPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Sender: oneOf("1065")})
		code, body, header := h.post(one(`,"use_queue":true,"speed":3,"on_unknown":"resend","window":"ley-2300"`))
		if code != http.StatusAccepted {
			t.Fatal(code, body)
		}
		task := taskOf(t, body)
		if header.Get("Location") != request.PathStatus+task.String() {
			t.Errorf("header %v", header)
		}
		b := h.log.broadcast(t)
		want := &schemas.Broadcast{
			Task: task.Bytes(), Sender: "1065", Content: b.GetContent(), Phones: []string{"573001234567"}, Total: 1,
			AcceptedMs: time.Now().UnixMilli(), RequestSha256: b.GetRequestSha256(), OnUnknown: schemas.OnUnknown_ON_UNKNOWN_RESEND, Speed: 3,
			Window: schemas.Preset(schemas.PresetLey2300), Owner: access.LocalOwner, OwnerMac: b.GetOwnerMac(),
		}
		if diff := cmp.Diff(want, b, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		rec := h.log.of(schemas.TopicBroadcasts)[0]
		if string(rec.Key) != "1065" {
			t.Errorf("key %q", rec.Key)
		}
		plan := statusOf(t, h.log.of(schemas.TopicResults)[0]).GetPlan()
		wantPlan := &schemas.TaskOpened{
			Total: 1, Origin: &schemas.Origin{Partition: rec.Partition, Offset: rec.Offset}, RequestSha256: b.GetRequestSha256(),
			Sender: "1065", AcceptedMs: b.GetAcceptedMs(), Speed: 3, Window: schemas.Preset(schemas.PresetLey2300), Owner: access.LocalOwner,
		}
		if diff := cmp.Diff(wantPlan, plan, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		if n := len(h.log.of(schemas.TopicBlobs)); n != 0 {
			t.Errorf("%d blobs, want 0", n)
		}
		if made, ok := task.Time(); !ok || time.Since(made) > time.Second {
			t.Errorf("task made at %v", made)
		}
	})
}

func TestLargeThingsGoToBlobs(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	const total = 35_500
	file := []byte(png + strings.Repeat("x", 1_500_000))
	var body strings.Builder
	body.WriteString(`{"phones":[`)
	for i := range total {
		fmt.Fprintf(&body, `%d,`, 573000000000+i)
	}
	fmt.Fprintf(&body, `"last"],"header_content":"data:;base64,%s","header_type":"image","body_text":"b"}`, base64.StdEncoding.EncodeToString(file))
	// Nobody waits for so many, though it was not asked to be queued.
	code, got, _ := h.post(body.String())
	if code != http.StatusAccepted {
		t.Fatal(code, got)
	}
	b := h.log.broadcast(t)
	if b.GetTotal() != total+1 || len(b.GetPhones()) != 0 || b.GetDirect() || b.Lane() != schemas.LaneBulk {
		t.Errorf("broadcast of %d, %d inline, direct %v; want %v, 0", b.GetTotal(), len(b.GetPhones()), b.GetDirect(), total+1)
	}
	var phones []string
	for _, r := range h.log.at(t, b.GetSlices()) {
		s := &schemas.Slice{}
		if err := schemas.Decode(&r, s); err != nil {
			t.Fatal(err)
		}
		phones = append(phones, s.GetPhones()...)
	}
	if len(phones) != total+1 || phones[0] != "573000000000" || phones[total-1] != "573000035499" || phones[total] != "last" {
		t.Errorf("%d phones, the last %q; want %v", len(phones), phones[len(phones)-1], total+1)
	}
	var back []byte
	for _, r := range h.log.at(t, b.GetContent().GetMedia().GetParts()) {
		if len(r.Value) > schemas.PartBytes {
			t.Errorf("a part of %d bytes, want at most %v", len(r.Value), schemas.PartBytes)
		}
		back = append(back, r.Value...)
	}
	if !bytes.Equal(back, file) {
		t.Errorf("the file came back as %d bytes", len(back))
	}
	last := h.log.recs[len(h.log.recs)-2:]
	if last[0].Topic != schemas.TopicBroadcasts || last[1].Topic != schemas.TopicResults {
		t.Errorf("the broadcast is not what is published last: %v, %v; want %v, %v", last[0].Topic, last[1].Topic, schemas.TopicBroadcasts, schemas.TopicResults)
	}
}

func TestNothingIsPublishedOfARefusal(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.post(`{"phones":["1"]}`)
	h.post(one(`,"header_type":"image","header_content":"data:;base64,SG9sYQ=="`))
	for _, topic := range []stream.Topic{schemas.TopicBroadcasts, schemas.TopicResults} {
		if n := len(h.log.of(topic)); n != 0 {
			t.Errorf("%d records in %s; want 0", n, topic)
		}
	}
}

func TestDirectBroadcastWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.planning()
		// It ends while the answer waits.
		go func() {
			time.Sleep(10 * time.Second)
			b := h.log.broadcast(t)
			if !b.GetDirect() || b.Lane() != schemas.LaneExpress {
				t.Errorf("direct %v on lane %v; want %v", b.GetDirect(), b.Lane(), schemas.LaneExpress)
			}
			shared, _ := h.Get(schemas.TaskID(b.GetTask()))
			s := proto.CloneOf(shared)
			s.Counts, s.FinishedMs = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}}, 1
			h.put(s)
		}()
		start := time.Now()
		code, body, _ := h.post(one(""))
		if code != http.StatusOK || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %d %s; want %v, %v", time.Since(start), code, body, 10*time.Second, http.StatusOK)
		}
		// It outlasts the wait: the work goes on, and the answer is the queued one.
		start = time.Now()
		code, body, _ = h.post(one(""))
		if code != http.StatusAccepted || time.Since(start) != producer.DefaultDirectTimeout || !strings.Contains(body, `"message":"Mensaje broadcast enviado a cola"`) {
			t.Errorf("after %v: %d %s; want %v, %v, %q in it", time.Since(start), code, body, producer.DefaultDirectTimeout, http.StatusAccepted, `"message":"Mensaje broadcast enviado a cola"`)
		}
		// A later one is not waited for.
		start = time.Now()
		code, body, _ = h.post(one(`,"schedule_at":"` + start.Add(time.Hour).Format(time.RFC3339) + `"`))
		if code != http.StatusAccepted || time.Since(start) != 0 || !strings.Contains(body, `"eta":"`) {
			t.Errorf("after %v: %d %s; want 0, %v, %q in it", time.Since(start), code, body, http.StatusAccepted, `"eta":"`)
		}
	})
}

// Nobody waits for a window to open: the answer comes at once and says when it does.
func TestDirectOutsideItsWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.finishing()
		time.Sleep(11*time.Hour + 59*time.Minute) // Saturday 1 January 2000, 6:59 in Bogota
		open := `,"window":{"timezone":"America/Bogota","hours":[{"days":["sat"],"from":"07:00","to":"08:00"}]}`
		code, body, _ := h.post(one(open))
		if b := h.log.broadcast(t); code != http.StatusAccepted || !strings.Contains(body, `"eta":"2000-01-01T12:00:00Z"`) || b.GetDirect() {
			t.Errorf("%d %s; want %v, %q in it", code, body, http.StatusAccepted, `"eta":"2000-01-01T12:00:00Z"`)
		}
		code, body, _ = h.post(one(`,"schedule_at":"2000-01-01T12:00:00Z","window":"ley-2300"`)) // open by then, but for the holiday
		if code != http.StatusAccepted || !strings.Contains(body, `"eta":"2000-01-03T12:00:00Z"`) {
			t.Errorf("%d %s; want %v, %q in it", code, body, http.StatusAccepted, `"eta":"2000-01-03T12:00:00Z"`)
		}
		time.Sleep(time.Minute)
		if code, body, _ := h.post(one(open)); code != http.StatusOK {
			t.Errorf("%d %s; want %v", code, body, http.StatusOK)
		}
	})
}

// A task that failed as a whole before anything went out is a refusal, with the one reason.
func TestDirectTaskThatFailedAsAWholeIsARefusal(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.log.after = func(rec stream.Record) {
		if s := statusOf(t, rec); s != nil {
			s.FinishedMs, s.Phase, s.Why = 1, schemas.Phase_PHASE_FAILED, "La imagen no existe (404)"
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.Failed(schemas.CodeContent)), Count: 1}}
			h.put(s)
		}
	}
	code, body, _ := h.post(one(`,"header_type":"image","header_content":"https://example.com/a.png"`))
	golden(t, "direct_failure", code, body)
}

func TestHangUpChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		ctx, hangUp := context.WithCancel(t.Context())
		h.log.before = func(publishing context.Context) {
			hangUp()
			if publishing.Err() != nil {
				t.Error("published on the request's context")
			}
			if end, ok := publishing.Deadline(); !ok || time.Until(end) > time.Minute {
				t.Error("an acknowledgement would be waited for without end")
			}
		}
		start := time.Now()
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, request.PathSend, strings.NewReader(one("")))
		h.handler.ServeHTTP(httptest.NewRecorder(), req)
		if time.Since(start) != 0 {
			t.Error("somebody who is gone was waited for")
		}
		h.log.broadcast(t)
		if n := len(h.log.of(schemas.TopicResults)); n != 1 {
			t.Errorf("%d plans, want 1", n)
		}
	})
}

func TestIdempotencyKeyNamesOneTask(t *testing.T) {
	t.Parallel()
	ring := identity.NewRing("the secret that all processes of a test share")
	h := setup(t, producer.Config{Identity: ring})
	h.finishing()
	code, first, header := h.post(one(`,"use_queue":true`), "Idempotency-Key", "pedido 1")
	if code != http.StatusAccepted || header.Get("Idempotent-Replayed") != "" {
		t.Fatal(code, first, header)
	}
	if want, _ := ring.TaskIDs(access.LocalOwner, "pedido 1"); taskOf(t, first) != want {
		t.Errorf("task %s, want %s", first, want)
	}
	if b := h.log.broadcast(t); !b.GetChosen() {
		t.Error("the id is not marked as chosen")
	}
	code, again, header := h.post(`{"use_queue":true, "body_text":"Hola", "phones":[573001234567]}`, "Idempotency-Key", `"pedido 1"`)
	if code != http.StatusAccepted || again != first || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the repeat: %d %s %v; want %v, %v", code, again, header, http.StatusAccepted, first)
	}
	h.log.broadcast(t) // still one
	if code, got, _ := h.post(one(`,"use_queue":true,"footer_text":"f"`), "Idempotency-Key", "pedido 1"); code != http.StatusConflict {
		t.Errorf("another body: %d %s; want %v", code, got, http.StatusConflict)
	}
	if code, got, _ := h.post(one(`,"use_queue":true`), "Idempotency-Key", "pedido 2"); code != http.StatusAccepted || taskOf(t, got) == taskOf(t, first) {
		t.Errorf("another key: %d %s; want %v", code, got, http.StatusAccepted)
	}
	for _, bad := range [][]string{{""}, {"a\tb"}, {strings.Repeat("x", 256)}, {"a", "b"}} {
		headers := make([]string, 0, 4)
		for _, v := range bad {
			headers = append(headers, "Idempotency-Key", v)
		}
		if code, got, _ := h.post(one(""), headers...); code != http.StatusBadRequest {
			t.Errorf("%q: %d %s; want %v", bad, code, got, http.StatusBadRequest)
		}
	}
}

// Two ingresses take the same key at the same time: the first plan wins, and each answer says so.
func TestIdempotencyKeyRace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sha  func(own []byte) []byte
		code int
	}{
		"the same request":        {func(own []byte) []byte { return own }, http.StatusOK},
		"another request":         {func([]byte) []byte { return []byte("other") }, http.StatusConflict},
		"nobody says whose it is": {nil, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{})
				h.log.after = func(rec stream.Record) {
					s := statusOf(t, rec)
					if s == nil || tt.sha == nil {
						return
					}
					s.Plan.Origin.Offset += 100
					s.Plan.RequestSha256 = tt.sha(s.GetPlan().GetRequestSha256())
					s.Counts, s.FinishedMs = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}}, 1
					go func() {
						time.Sleep(2 * time.Second)
						h.put(s)
					}()
				}
				code, body, header := h.post(one(""), "Idempotency-Key", "k")
				if code != tt.code {
					t.Errorf("%d %s; want %v", code, body, tt.code)
				}
				if (code == http.StatusOK) != (header.Get("Idempotent-Replayed") == "true") {
					t.Errorf("header %v", header)
				}
				if tt.code == http.StatusServiceUnavailable {
					golden(t, "unconfirmed", code, body)
					if header.Get("Retry-After") == "" {
						t.Errorf("header %v", header)
					}
				}
			})
		})
	}
}

// A task that finished so long ago that it is not in memory answers like any other, and so does its key.
func TestTaskThatIsReadBack(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.finishing()
	code, body, _ := h.post(one(""), "Idempotency-Key", "k")
	if code != http.StatusOK {
		t.Fatal(code, body)
	}
	task := taskOf(t, body)
	h.evict(task, true)
	for _, path := range []string{request.PathStatus, request.PathTasks + "/"} {
		if code, body, _ := h.get(path + task.String()); code != http.StatusOK || !strings.Contains(body, "SUCCESS") {
			t.Errorf("%s: %d %s; want %v, %q in it", path, code, body, http.StatusOK, "SUCCESS")
		}
	}
	if code, again, header := h.post(one(""), "Idempotency-Key", "k"); code != http.StatusOK || again != body || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request again: %d %s %v; want %v, %v", code, again, header, http.StatusOK, body)
	}
	if code, body, _ := h.post(one(`,"footer_text":"f"`), "Idempotency-Key", "k"); code != http.StatusConflict {
		t.Errorf("another request under its key: %d %s; want %v", code, body, http.StatusConflict)
	}
	h.log.broadcast(t) // the one that there was

	// What can't be read is neither unknown nor free to be taken.
	h.evict(task, false)
	if code, body, header := h.get(request.PathStatus + task.String()); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("unread: %d %s %v; want %v", code, body, header, http.StatusServiceUnavailable)
	}
	if code, body, header := h.post(one(""), "Idempotency-Key", "k"); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("the request while it can't be read: %d %s %v; want %v", code, body, header, http.StatusServiceUnavailable)
	}
	h.log.broadcast(t)
}

func TestLogDoesNotTake(t *testing.T) {
	t.Parallel()
	list := `{"phones":[` + strings.Repeat(`"573001234567",`, 1000) + `"1"],"body_text":"b"}`
	for name, tt := range map[string]struct {
		topic stream.Topic
		body  string
		err   error
		code  int
		again bool // the request may be made again
	}{
		"log_broadcast": {schemas.TopicBroadcasts, one(""), errFull, http.StatusServiceUnavailable, true},
		// Nobody knows whether it is in, or will be: who has no key of his own is not told to come back.
		"log_unanswered":        {schemas.TopicBroadcasts, one(""), errUnanswered, http.StatusServiceUnavailable, false},
		"log_unanswered_chosen": {schemas.TopicBroadcasts, one(`,"task_id":"0192f0c0-0000-7000-8000-000000000001"`), errUnanswered, http.StatusServiceUnavailable, true},
		"log_slice":             {schemas.TopicBlobs, list, errUnanswered, http.StatusServiceUnavailable, true},
		"log_part":              {schemas.TopicBlobs, one(`,"header_type":"image","header_content":"data:;base64,iVBORw0KGgo="`), errFull, http.StatusServiceUnavailable, true},
		"log_plan":              {schemas.TopicResults, one(`,"use_queue":true`), errUnanswered, http.StatusAccepted, false}, // accepted: the fanout says it too
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, producer.Config{})
			h.log.err = map[stream.Topic]error{tt.topic: tt.err}
			code, body, header := h.post(tt.body)
			if code != tt.code || (header.Get("Retry-After") != "") != tt.again {
				t.Errorf("%d %s %v; want %v", code, body, header, tt.code)
			}
			golden(t, name, code, body)
		})
	}
}

// Kafka goes away just after it took the broadcast: the plan's acknowledgement and the claim's Status never come, and the
// three waits together are one.
func TestAnswerWaitsOnceForKafka(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		waits := 0
		h.log.before = func(publishing context.Context) {
			if waits++; waits == 1 {
				time.Sleep(3 * time.Second)
				return
			}
			<-publishing.Done()
		}
		start := time.Now()
		code, body, _ := h.post(one(`,"use_queue":true`), "Idempotency-Key", "k")
		if took := time.Since(start); code != http.StatusServiceUnavailable || took > 6*time.Second {
			t.Errorf("%d after %v: %s; want %v, at most %v", code, took, body, http.StatusServiceUnavailable, 6*time.Second)
		}
		h.log.broadcast(t)
	})
}

func TestPanicIsAnsweredAsAnInternalError(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	h := setup(t, producer.Config{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	h.log.before = func(context.Context) { panic("boom") }
	code, body, _ := h.post(one(""))
	if want := `{"error":"Error interno del servidor","code":"internal","hint":`; code != http.StatusInternalServerError || !strings.HasPrefix(body, want) {
		t.Errorf("%d %s; want %v, %s", code, body, http.StatusInternalServerError, want)
	}
	if !strings.Contains(logged.String(), "boom") || !strings.Contains(logged.String(), "goroutine") {
		t.Errorf("logged %s, want %q in it, %q in it", logged.String(), "boom", "goroutine")
	}
}

// What is logged names the task and no person, and no word of the message.
func TestThreatS15LogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	h := setup(t, producer.Config{Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	_, body, _ := h.post(`{"phones":["573001234567"],"body_text":"Secreto","use_queue":true}`)
	got := logged.String()
	if !strings.Contains(got, taskOf(t, body).String()) || !strings.Contains(got, "lane=express") {
		t.Errorf("logged %s, want %q in it", got, "lane=express")
	}
	if strings.Contains(got, "4567") || strings.Contains(got, "Secre") {
		t.Errorf("logged %s, want no %q in it, no %q in it", got, "4567", "Secre")
	}
}

func TestOnlyConfiguredKeysAreAccepted(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: keys(t, "tienda:secreto-uno-1234, tienda:secreto-dos-1234\nsecreto-sin-nombre")})
	h.finishing()
	task := make(map[string]schemas.TaskID)
	for name, tt := range map[string]struct {
		headers []string
		code    int
	}{
		"bearer":       {[]string{"Authorization", "Bearer secreto-uno-1234"}, http.StatusAccepted},
		"small bearer": {[]string{"Authorization", "bearer  secreto-dos-1234"}, http.StatusAccepted},
		"header":       {[]string{"X-API-Key", "secreto-sin-nombre"}, http.StatusAccepted},
		"none":         {nil, http.StatusUnauthorized},
		"wrong":        {[]string{"X-API-Key", "secreto-uno-12345"}, http.StatusUnauthorized},
		"the name":     {[]string{"X-API-Key", "tienda"}, http.StatusUnauthorized},
		"empty":        {[]string{"Authorization", "Bearer "}, http.StatusUnauthorized},
		"basic":        {[]string{"Authorization", "Basic secreto-uno-1234"}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			code, body, header := h.post(one(`,"use_queue":true`), append(tt.headers, "Idempotency-Key", "k")...)
			if code != tt.code {
				t.Errorf("%d %s; want %v", code, body, tt.code)
			}
			if code == http.StatusUnauthorized {
				golden(t, "unauthorized", code, body)
				if header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("header %v", header)
				}
				return
			}
			task[name] = taskOf(t, body)
		})
	}
	// One key of idempotency is another's nothing.
	if task["bearer"] != task["small bearer"] || task["bearer"] == task["header"] {
		t.Errorf("tasks %v", task)
	}
	if code, body, _ := h.get(request.PathStatus + task["header"].String()); code != http.StatusUnauthorized {
		t.Errorf("task-status without a key: %d %s; want %v", code, body, http.StatusUnauthorized)
	}
	if code, _, _ := h.get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz without a key: %d, want %v", code, http.StatusOK)
	}
}

func TestViewThatIsBehindIsUnavailable(t *testing.T) {
	t.Parallel()
	h := &harness{t: t, log: &memoryLog{}, view: newView()}
	h.Ingress = producer.New(producer.Config{}, producer.Ports{Log: h.log, Statuses: &h.view})
	h.handler = h.Handler()
	unknown := schemas.TaskIDFromKey("", "x").String()
	for name, path := range map[string]string{"readyz_behind": "/readyz", "task_behind": request.PathStatus + unknown} {
		code, body, header := h.get(path)
		if golden(t, name, code, body); header.Get("Retry-After") == "" {
			t.Errorf("%s: header %v", name, header)
		}
	}
	if h.Ready() == nil {
		t.Error("ready while behind")
	}
	close(h.ready)
	if code, body, _ := h.get("/readyz"); code != http.StatusOK || h.Ready() != nil {
		t.Errorf("%d %s; want %v", code, body, http.StatusOK)
	}
}

// An id that another ingress made a moment ago is known to be pending; an old or a foreign one is not.
func TestFreshTaskOfAnotherIngressIsPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		task := schemas.NewTaskID()
		if code, body, _ := h.get(request.PathStatus + task.String()); code != http.StatusOK {
			t.Errorf("%d %s; want %v", code, body, http.StatusOK)
		}
		time.Sleep(schemas.FreshTask)
		if code, body, _ := h.get(request.PathStatus + task.String()); code != http.StatusNotFound {
			t.Errorf("a minute later: %d %s; want %v", code, body, http.StatusNotFound)
		}
		if code, body, _ := h.get(request.PathStatus + "ffffffff-ffff-7fff-bfff-ffffffffffff"); code != http.StatusNotFound {
			t.Errorf("from the far future: %d %s; want %v", code, body, http.StatusNotFound)
		}
	})
}

// Bodies over BigBody hold a slot while they are read; the next one is told to come back, also if it does not say how big it is.
func TestBigBodiesBeyondTheSlotsAreRefused(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		h := setup(t, producer.Config{Uploads: 1})
		big := one(`,"header_type":"image","header_content":"data:;base64,` + base64.StdEncoding.EncodeToString([]byte(png+strings.Repeat("x", 2<<20))) + `","use_queue":true`)
		var second, small int
		var body string
		h.log.before = func(context.Context) {
			h.log.before = nil
			var r io.Reader = strings.NewReader(big)
			if !known {
				r = io.MultiReader(r)
			}
			second, body, _ = h.do(http.MethodPost, request.PathSend, r) //nolint:contextcheck // another client
			small, _, _ = h.post(one(`,"use_queue":true`))               //nolint:contextcheck // another client
		}
		first, _, _ := h.post(big)
		if first != http.StatusAccepted || second != http.StatusServiceUnavailable || small != http.StatusAccepted {
			t.Errorf("size known %v: first %d, second %d, small %d; want %v, %v, %v", known, first, second, small, http.StatusAccepted, http.StatusServiceUnavailable, http.StatusAccepted)
		}
		golden(t, "no_slot", second, body)
		if code, got, _ := h.post(big); code != http.StatusAccepted {
			t.Errorf("the slot did not come back: %d %s; want %v", code, got, http.StatusAccepted)
		}
	}
}

// serve runs the ingress behind a real server on connections within the bubble.
func serve(t *testing.T, h *harness) *testio.Pipes {
	t.Helper()
	l := testio.NewPipes()
	srv := connections.NewServer(h.handler, slog.New(slog.DiscardHandler))
	done := make(chan error)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		time.Sleep(time.Second) // what the server gives a client to read its last answer, and some more
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v, want %v", err, http.ErrServerClosed)
		}
	})
	return l
}

// A client that drips its body is let go, and leaves its slot to others.
func TestSlowBodyIsCutOffAndFreesItsSlot(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		every time.Duration
		piece int
		end   time.Duration
	}{
		"stands still": {time.Hour, 1, 16 * time.Second},
		"drips":        {5 * time.Second, 10, 36 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{})
				conn := dial(t, serve(t, h))
				start := time.Now()
				answer := make(chan string)
				go func() {
					resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Error(err)
						answer <- ""
						return
					}
					defer resp.Body.Close()
					b, _ := io.ReadAll(resp.Body)
					answer <- fmt.Sprintf("%d %s", resp.StatusCode, b)
				}()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{\"x\":[", request.PathSend)
				stop := make(chan struct{})
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(tt.every):
							if _, err := conn.Write(bytes.Repeat([]byte(" "), tt.piece)); err != nil {
								return
							}
						}
					}
				}()
				got := <-answer
				close(stop)
				if took := time.Since(start); !strings.HasPrefix(got, "408 ") || took > tt.end {
					t.Errorf("after %v: %s; want at most %v, %q at its beginning", took, got, tt.end, "408 ")
				}
				conn.Close()
			})
		})
	}
}

// One connection serves a direct broadcast that outlasts every deadline of reading, and then the next request.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{DirectTimeout: 10 * time.Minute})
		conn := dial(t, serve(t, h))
		defer conn.Close()
		in := bufio.NewReader(conn)
		go func() {
			time.Sleep(9 * time.Minute)
			h.put(&schemas.Status{Task: h.log.broadcast(t).GetTask(), Plan: &schemas.TaskOpened{Total: 1}, FinishedMs: 1})
		}()
		for i, want := range []int{http.StatusOK, http.StatusBadRequest, http.StatusNotFound} {
			body, path := one(""), request.PathSend
			switch i {
			case 1:
				body = "{}"
			case 2:
				path = "/x"
			}
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != want || resp.Close {
				t.Errorf("%d %s, close %v; want %v", resp.StatusCode, b, resp.Close, want)
			}
			time.Sleep(50 * time.Second) // longer than any deadline of an answer
		}
	})
}

func TestBrokenBodyIsABadRequest(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	code, _, _ := h.do(http.MethodPost, request.PathSend, io.MultiReader(strings.NewReader(`{"phones":[`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if code != http.StatusBadRequest || len(h.log.of(schemas.TopicBroadcasts)) != 0 {
		t.Errorf("got %d, want %v", code, http.StatusBadRequest)
	}
}

// metrics is what is counted now, by name and labels; of a histogram, how many it holds, if any.
func (h *harness) metrics() map[string]float64 {
	h.t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			if m.GetHistogram() == nil {
				got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			} else if n := m.GetHistogram().GetSampleCount(); n > 0 {
				got[name] = float64(n)
			}
		}
	}
	return got
}

func TestMetricsCountRequestsAndBroadcasts(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.post(one(`,"use_queue":true`))
	h.post(`{}`)
	h.get("/nada")
	got := h.metrics()
	want := map[string]float64{
		"altavoz_broadcasts_accepted_total door=http":        1,
		"altavoz_broadcasts_recipients_total":                1,
		"altavoz_http_rejected_total code=not_found":         1,
		"altavoz_http_rejected_total code=required":          1,
		"altavoz_http_requests_total route=other status=404": 1,
		"altavoz_http_requests_total route=send status=202":  1,
		"altavoz_http_requests_total route=send status=400":  1,
		"altavoz_http_request_seconds route=other":           1,
		"altavoz_http_request_seconds route=send":            2,
		"altavoz_http_slots_in_use slot=answer":              0,
		"altavoz_http_slots_in_use slot=any":                 0,
		"altavoz_http_slots_in_use slot=big":                 0,
		"altavoz_http_slots_in_use slot=dry_run":             0,
		"altavoz_http_slots_in_use slot=export":              0,
		"altavoz_http_slots_in_use slot=feed":                0,
		"altavoz_http_slots_in_use slot=history":             0,
		"altavoz_http_slots_in_use slot=list":                0,
		"altavoz_http_slots_in_use slot=webhook":             0,
		"altavoz_http_slots_in_use slot=big_webhook":         0,
	}
	for _, result := range []string{"accepted", "verified", "refused", "forged", "malformed", "broken", "busy", "unavailable"} {
		want["altavoz_webhooks_total result="+result] = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// pattern repeats a text until so many bytes were read.
type pattern struct {
	text string
	left int
	at   int
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) && p.left > 0 {
		c := copy(b[n:min(len(b), n+p.left)], p.text[p.at:])
		p.at = (p.at + c) % len(p.text)
		p.left -= c
		n += c
	}
	return n, nil
}

// A file of 100 MB in base64 and a million phones, 148 MB in all, go by while the heap stays small.
//
//nolint:paralleltest // it measures the heap
func TestSimThreatS04LargestRequestStaysSmall(t *testing.T) {
	h := setup(t, producer.Config{})
	h.log.forget = true
	const phone = `"573001234567",`
	body := io.MultiReader(
		strings.NewReader(`{"header_type":"document","body_text":"b","header_content":"data:application/pdf;base64,`),
		strings.NewReader(base64.StdEncoding.EncodeToString([]byte("%PDF-1.7\n"))), // 9 bytes, no padding
		&pattern{text: "QUJDREVGR0hJSktM", left: (schemas.MaxDocumentBytes - 9) / 3 * 4},
		strings.NewReader(`","phones":[`),
		&pattern{text: phone, left: 999_999 * len(phone)},
		strings.NewReader(`"573001234567"]}`),
	)
	var peak, before uint64
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	runtime.GC()
	before = heap()
	calls := 0
	h.log.before = func(context.Context) {
		if calls++; calls%16 == 0 {
			peak = max(peak, heap())
		}
	}
	start := time.Now()
	code, got, _ := h.do(http.MethodPost, request.PathSend, body)
	if code != http.StatusAccepted {
		t.Fatal(code, got)
	}
	grown := int64(peak) - int64(before)
	t.Logf("%v, heap grew by %.1f MiB at most", time.Since(start), float64(grown)/(1<<20))
	if grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if n := len(h.log.of(schemas.TopicBlobs)); n != 1000+191 {
		t.Errorf("%d blobs, want %v", n, 1000+191)
	}
}

// oneOf knows these numbers, the default one first.
func oneOf(numbers ...string) func(string) (string, bool) {
	return func(asked string) (string, bool) {
		if asked == "" {
			return numbers[0], true
		}
		return asked, slices.Contains(numbers, asked)
	}
}

func TestUnknownMembersAreTakenByWhoPrefersIt(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.planning()
	const body = `{"phones":["573001234567"],"body_text":"Hola","use_queue":true,"test_mode":true}`
	if code, got, _ := h.post(body); code != http.StatusBadRequest || !strings.Contains(got, `"code":"unknown_field","field":"test_mode"`) {
		t.Errorf("%d %s; want %v, %q in it", code, got, http.StatusBadRequest, `"code":"unknown_field","field":"test_mode"`)
	}
	if n := len(h.log.of(schemas.TopicBroadcasts)); n != 0 {
		t.Errorf("%d broadcasts of a refused request, want 0", n)
	}
	code, got, header := h.post(body, "Prefer", "respond-async, handling=lenient")
	if code != http.StatusAccepted || !strings.Contains(got, `"warnings":["Campo desconocido 'test_mode': se ignora"]`) || header.Get("Preference-Applied") != "handling=lenient" {
		t.Errorf("%d %s %v; want %v", code, got, header, http.StatusAccepted)
	}
}

func TestASlashBehindAPathSaysNothing(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.planning()
	code, got, _ := h.do(http.MethodPost, request.PathSend+"/", strings.NewReader(`{"phones":["573001234567"],"body_text":"Hola","use_queue":true}`))
	if code != http.StatusAccepted {
		t.Fatalf("%d %s; want %v", code, got, http.StatusAccepted)
	}
	for _, path := range []string{request.PathTasks + "/", "/healthz/"} {
		if code, got, _ := h.get(path); code != http.StatusOK {
			t.Errorf("%s: %d %s; want %v", path, code, got, http.StatusOK)
		}
	}
	if code, _, _ := h.get("/"); code != http.StatusNotFound {
		t.Errorf("/: %d, want %v", code, http.StatusNotFound)
	}
}

// TestPhoneInThePlaceOfASender: who writes the number itself is told that its id is wanted.
func TestPhoneInThePlaceOfASender(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1065")})
	for sender, hint := range map[string]bool{"573001234567": true, "+573001234567": true, "16315551234": true, "106540352242922": false, "ventas": false} {
		t.Run(sender, func(t *testing.T) {
			code, got, _ := h.post(`{"phones":["573001234567"],"body_text":"hola","sender":"` + sender + `"}`)
			if code != http.StatusBadRequest || strings.Contains(got, "phone_number_id") != hint {
				t.Errorf("%d %s; want %v", code, got, http.StatusBadRequest)
			}
		})
	}
}
