package producer_test

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/identity"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const (
	shopKey, crmKey, bossKey = "secret-of-the-shop", "secret-of-the-crm", "secret-of-the-boss"

	twoOwners = `[
		{"owner":"tienda","secrets":["` + shopKey + `"],"scopes":["send","read","control"]},
		{"owner":"crm","secrets":["` + crmKey + `"],"scopes":["send","read","control"]},
		{"owner":"jefe","secrets":["` + bossKey + `"],"scopes":["send","read","control","admin"]}]`
)

// owned puts a task of an owner into the view that goes on.
func (h *harness) owned(name, owner string) schemas.TaskID {
	task := schemas.TaskIDFromKey("owned", name)
	h.put(&schemas.Status{Task: task.Bytes(), Version: 1, Cursor: 1, Plan: &schemas.TaskOpened{Total: 3, Owner: owner, AcceptedMs: 1, Origin: &schemas.Origin{Offset: 7}}})
	return task
}

// TestThreatS03AnothersTaskIsNone: whatever is asked of a task of another owner, and of one that has none, is answered like what is asked
// of a task that does not exist, byte for byte but for the id that was asked for; nothing is recorded of it. An administrator sees and steers all.
func TestThreatS03AnothersTaskIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, twoOwners)})
		shops, nobodys := h.owned("a", "tienda"), h.owned("b", "")
		missing := schemas.TaskIDFromKey("no", "such")
		for _, route := range []string{
			"GET " + request.PathStatus + "%s", "HEAD " + request.PathStatus + "%s", "GET " + request.PathTasks + "/%s", "HEAD " + request.PathTasks + "/%s",
			"PATCH " + request.PathTasks + "/%s", "POST " + request.PathTasks + "/%s/pause", "POST " + request.PathTasks + "/%s/resume",
			"POST " + request.PathTasks + "/%s/cancel", "GET " + request.PathTasks + "/%s/events",
			"GET " + request.PathTasks + "/%s/recipients", "POST " + request.PathTasks + "/%s/retry",
		} {
			method, path, _ := strings.Cut(route, " ")
			ask := func(task schemas.TaskID, secret string) (int, string) {
				code, body, header := h.do(method, fmt.Sprintf(path, task), strings.NewReader(bodyFor(method, path)), "X-API-Key", secret)
				return code, fmt.Sprint(strings.ReplaceAll(body, task.String(), "TASK"), slices.Sorted(maps.Keys(header)))
			}
			code, none := ask(missing, crmKey)
			if code != http.StatusNotFound {
				t.Fatalf("%s of no task: %d %s; want %v", route, code, none, http.StatusNotFound)
			}
			for name, task := range map[string]schemas.TaskID{"another's": shops, "nobody's": nobodys} {
				if code, got := ask(task, crmKey); code != http.StatusNotFound || got != none {
					t.Errorf("%s of %s task: %d %s; want %v, %v", route, name, code, got, http.StatusNotFound, none)
				}
			}
			if strings.HasSuffix(path, "/events") {
				continue // a feed goes on: see TestThreatS03FeedsShowOnesOwn
			}
			shown := func(code int) bool {
				return code == http.StatusOK || code == http.StatusAccepted || code == http.StatusGone && strings.HasSuffix(path, "/recipients") || // nobody wrote the list
					code == http.StatusConflict && strings.HasSuffix(path, "/retry") // it goes on
			}
			for who, secret := range map[string]string{"its owner": shopKey, "an administrator": bossKey} {
				if code, got := ask(shops, secret); !shown(code) {
					t.Errorf("%s by %s: %d %s", route, who, code, got)
				}
			}
			if code, got := ask(nobodys, bossKey); !shown(code) {
				t.Errorf("%s of nobody's task by an administrator: %d %s", route, code, got)
			}
		}
		for _, rec := range h.log.of(schemas.TopicControls) {
			if c := controlOf(t, rec); c.GetBy() != "tienda" && c.GetBy() != "jefe" {
				t.Errorf("a control by %q was recorded", c.GetBy())
			}
		}
	})
}

func TestThreatS03ListsShowOnesOwn(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, twoOwners)})
	shops, crms, nobodys := h.owned("a", "tienda"), h.owned("b", "crm"), h.owned("c", "")
	for query, want := range map[string]map[string][]schemas.TaskID{
		"":              {shopKey: {shops}, crmKey: {crms}, bossKey: {shops, crms, nobodys}},
		"?owner=tienda": {shopKey: {shops}, crmKey: nil, bossKey: {shops}},
		"?limit=1":      {shopKey: {shops}, crmKey: {crms}},
	} {
		t.Run(query, func(t *testing.T) {
			for secret, tasks := range want {
				code, body, _ := h.do(http.MethodGet, request.PathTasks+query, nil, "X-API-Key", secret)
				shown := strings.Count(body, `"task_id"`)
				if code != http.StatusOK || shown != len(tasks) || strings.Contains(body, "next_cursor") {
					t.Errorf("%s with %s: %d %s; want %v, no %q in it", query, secret, code, body, http.StatusOK, "next_cursor")
				}
				for _, task := range tasks {
					if !strings.Contains(body, task.String()) {
						t.Errorf("%s with %s lacks %s: %s", query, secret, task, body)
					}
				}
			}
		})
	}
}

// TestThreatS03FeedsShowOnesOwn: a feed that was opened on an id that was just made ends without a word when the task turns out to be
// another's, and one whose key was taken away tells nothing more.
func TestThreatS03FeedsShowOnesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table atomic.Pointer[access.Table]
		table.Store(file(t, twoOwners)())
		h := setup(t, producer.Config{Keys: table.Load})
		l := serve(t, h)
		open := func(task schemas.TaskID, secret string) *bufio.Reader {
			conn := dial(t, l)
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := fmt.Fprintf(conn, "GET %s/%s/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: close\r\n\r\n", request.PathTasks, task, secret); err != nil {
				t.Fatal(err)
			}
			return bufio.NewReader(conn)
		}
		rest := func(r *bufio.Reader) <-chan string {
			got := make(chan string, 1)
			go func() {
				var all strings.Builder
				_, _ = r.WriteTo(&all) // it ends with the connection
				got <- all.String()
			}()
			return got
		}
		fresh := schemas.NewTaskID()
		spy, owner := rest(open(fresh, crmKey)), rest(open(fresh, shopKey))
		time.Sleep(time.Second)
		h.put(&schemas.Status{Task: fresh.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 3, Owner: "tienda"}})
		time.Sleep(time.Second)
		if got := <-spy; !strings.HasPrefix(got, "HTTP/1.1 200") || strings.Contains(got, fresh.String()) || strings.Contains(got, "total") {
			t.Errorf("the spy reads %q, want %q at its beginning, no %q in it", got, "HTTP/1.1 200", "total")
		}
		without, err := access.ParseFile([]byte(`[{"owner":"crm","secrets":["`+crmKey+`"],"scopes":["read"]}]`), nil)
		if err != nil {
			t.Fatal(err)
		}
		now, err := access.NewTable(without...)
		if err != nil {
			t.Fatal(err)
		}
		table.Store(now)
		h.put(&schemas.Status{Task: fresh.Bytes(), Version: 2, Plan: &schemas.TaskOpened{Total: 3, Owner: "tienda"}, Cursor: 2})
		if got := <-owner; strings.Count(got, fresh.String()) != 1 || !strings.Contains(got, "id: 1") || strings.Contains(got, "id: 2") {
			t.Errorf("the owner, whose key was taken away, reads %q, want %q in it, no %q in it", got, "id: 1", "id: 2")
		}
	})
}

// TestThreatS01SecretThatIsTakenOutEndsItsFeeds: of a key with two secrets, the feed of the one that is taken out tells nothing more, and
// the other one's goes on.
func TestThreatS01SecretThatIsTakenOutEndsItsFeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const leaked, kept = "secret-that-leaked-out", "secret-that-replaces-it"
		key := func(secrets string) *access.Table {
			return file(t, `[{"owner":"tienda","secrets":[`+secrets+`],"scopes":["read"]}]`)()
		}
		var table atomic.Pointer[access.Table]
		table.Store(key(`"` + leaked + `","` + kept + `"`))
		h := setup(t, producer.Config{Keys: table.Load})
		l, task := serve(t, h), h.owned("a", "tienda")
		read := func(secret string) *strings.Builder {
			conn := dial(t, l)
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := fmt.Fprintf(conn, "GET %s/%s/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: close\r\n\r\n", request.PathTasks, task, secret); err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			go func() { _, _ = bufio.NewReader(conn).WriteTo(&all) }() // it ends with the connection
			return &all
		}
		spy, owner := read(leaked), read(kept)
		time.Sleep(time.Second)
		table.Store(key(`"` + kept + `"`))
		h.put(&schemas.Status{Task: task.Bytes(), Version: 2, Plan: &schemas.TaskOpened{Total: 3, Owner: "tienda"}, Cursor: 2})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := spy.String(); !strings.Contains(got, "id: 1") || strings.Contains(got, "id: 2") {
			t.Errorf("with the secret that was taken out: %q, want %q in it, no %q in it", got, "id: 1", "id: 2")
		}
		if got := owner.String(); !strings.Contains(got, "id: 2") {
			t.Errorf("with the other one: %q, want %q in it", got, "id: 2")
		}
	})
}

// Nobody steers a task of which it is not known yet whose it is: its owner as soon as it is known.
func TestThreatS03FreshTaskIsSteeredByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]int{shopKey: http.StatusAccepted, crmKey: http.StatusNotFound, bossKey: http.StatusAccepted} {
		t.Run(secret, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{Keys: file(t, twoOwners)})
				task := schemas.NewTaskID()
				go func() {
					time.Sleep(time.Second)
					h.put(&schemas.Status{Task: task.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 3, Owner: "tienda"}})
				}()
				code, body, _ := h.do(http.MethodPost, request.PathTasks+"/"+task.String()+"/cancel", nil, "X-API-Key", secret)
				if n := len(h.log.of(schemas.TopicControls)); code != want || (n == 1) != (want == http.StatusAccepted) {
					t.Errorf("%d %s, %d controls; want %v", code, body, n, want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, twoOwners)})
		code, body, header := h.do(http.MethodPost, request.PathTasks+"/"+schemas.NewTaskID().String()+"/cancel", nil, "X-API-Key", shopKey)
		if code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || len(h.log.of(schemas.TopicControls)) != 0 {
			t.Errorf("a task that nobody knows: %d %s; want %v", code, body, http.StatusServiceUnavailable)
		}
	})
}

// TestThreatS03IdsCannotBeSquatted: B takes every id that can be worked out for A's next request, and A's request is accepted all
// the same. An id that A chose is A's: B's request for it, the same one or another, learns no more than that it is taken.
func TestThreatS03IdsCannotBeSquatted(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, twoOwners)})
	h.planning()
	send := func(secret, members string, headers ...string) (int, string, http.Header) {
		return h.post(one(`,"use_queue":true`+members), append(headers, "X-API-Key", secret)...)
	}
	const key = "pedido 1"
	for _, squatted := range []schemas.TaskID{schemas.TaskIDFromKey("tienda", key), schemas.TaskIDFromKey("", key)} {
		if code, body, _ := send(crmKey, `,"task_id":"`+squatted.String()+`"`); code != http.StatusAccepted {
			t.Fatal(code, body)
		}
	}
	code, first, header := send(shopKey, "", "Idempotency-Key", key)
	if code != http.StatusAccepted || header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("A's request after B's squatting: %d %s %v; want %v", code, first, header, http.StatusAccepted)
	}
	if code, again, header := send(shopKey, "", "Idempotency-Key", key); code != http.StatusAccepted || again != first || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("A's repeat: %d %s %v; want %v, %v", code, again, header, http.StatusAccepted, first)
	}
	if code, body, _ := send(crmKey, "", "Idempotency-Key", key); code != http.StatusAccepted || taskOf(t, body) == taskOf(t, first) {
		t.Errorf("B's own request with the same key: %d %s; want %v", code, body, http.StatusAccepted)
	}

	chosen := `,"task_id":"` + schemas.NewTaskID().String() + `"`
	if code, body, _ := send(shopKey, chosen); code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	_, own, _ := send(shopKey, chosen+`,"footer_text":"otro"`)
	for _, members := range []string{chosen, chosen + `,"footer_text":"otro"`} {
		for _, secret := range []string{crmKey, bossKey} {
			code, body, header := send(secret, members)
			if code != http.StatusConflict || body != own || strings.Contains(body, "tienda") || header.Get("Idempotent-Replayed") != "" {
				t.Errorf("B asks for A's id: %d %s; want %v, %v, no %q in it", code, body, http.StatusConflict, own, "tienda")
			}
		}
	}
	if code, body, header := send(shopKey, chosen); code != http.StatusAccepted || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("A repeats: %d %s; want %v", code, body, http.StatusAccepted)
	}
}

// TestThreatS03TaskWithoutAnOwnerSquatsNoKey: whoever writes to broadcasts may take an id that needs no secret, for a task that is nobody's.
// Another request with the key is accepted all the same; under an id that the caller itself chose it is not.
func TestThreatS03TaskWithoutAnOwnerSquatsNoKey(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"", "erp"} {
		h := setup(t, producer.Config{Keys: file(t, twoOwners), Upstream: "erp"})
		h.planning()
		squatted := schemas.TaskIDFromKey("tienda", "k")
		h.put(&schemas.Status{Task: squatted.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 1, Owner: owner, RequestSha256: []byte("another request")}})
		code, first, header := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k")
		if code != http.StatusAccepted || taskOf(t, first) == squatted || header.Get("Idempotent-Replayed") != "" {
			t.Fatalf("%q: %d %s; want %v", owner, code, first, http.StatusAccepted)
		}
		if code, again, header := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k"); code != http.StatusAccepted || again != first || header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%q, repeated: %d %s; want %v, %v", owner, code, again, http.StatusAccepted, first)
		}
		if code, body, _ := h.post(one(`,"use_queue":true,"task_id":"`+squatted.String()+`"`), "X-API-Key", shopKey); code != http.StatusConflict {
			t.Errorf("%q, the id itself: %d %s; want %v", owner, code, body, http.StatusConflict)
		}
	}
}

// Two ask for one id at the same time: who comes second is not shown the first one's task, though it is the same request.
func TestThreatS03RaceForAnIdIsLostWithoutAWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{Keys: file(t, twoOwners)})
		h.log.after = func(rec stream.Record) {
			if s := statusOf(t, rec); s != nil {
				s.Plan.Origin.Offset += 100
				s.Plan.Owner = "tienda"
				go func() { time.Sleep(time.Second); h.put(s) }()
			}
		}
		code, body, _ := h.post(one(`,"use_queue":true,"task_id":"`+schemas.NewTaskID().String()+`"`), "X-API-Key", crmKey)
		if code != http.StatusConflict || strings.Contains(body, "tienda") {
			t.Errorf("%d %s; want %v, no %q in it", code, body, http.StatusConflict, "tienda")
		}
	})
}

// TestThreatS03IdThatAnIngressMadeIsNotChosen: whoever learns the id of another's new task can't send under it, before anything is known of that.
// Its own caller gets the task by it.
func TestThreatS03IdThatAnIngressMadeIsNotChosen(t *testing.T) {
	t.Parallel()
	ring := identity.Random()
	h := setup(t, producer.Config{Keys: file(t, twoOwners), Identity: ring})
	h.planning()
	code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey)
	if task := taskOf(t, body); code != http.StatusAccepted || !ring.Made(task) {
		t.Fatal(code, body)
	}
	written := h.log.broadcast(t)
	before := len(h.log.of(schemas.TopicBroadcasts))
	task := ring.NewTaskID()
	for _, key := range []string{crmKey, shopKey} {
		code, body, _ := h.post(one(`,"use_queue":true,"task_id":"`+task.String()+`"`), "X-API-Key", key)
		if code != http.StatusConflict || len(h.log.of(schemas.TopicBroadcasts)) != before {
			t.Errorf("%d %s; want %v", code, body, http.StatusConflict)
		}
	}
	h.put(&schemas.Status{Task: task.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 1, Owner: "tienda", RequestSha256: written.GetRequestSha256()}})
	for key, want := range map[string]int{crmKey: http.StatusConflict, shopKey: http.StatusAccepted} {
		code, body, _ := h.post(one(`,"use_queue":true,"task_id":"`+task.String()+`"`), "X-API-Key", key)
		if code != want || len(h.log.of(schemas.TopicBroadcasts)) != before {
			t.Errorf("%d %s; want %v", code, body, want)
		}
	}
}

// A key is the same task before and after an upgrade to ids that are made with a secret, and before and after another secret took
// the first place.
func TestKeyIsTheSameTaskAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	const old, newer schemas.Secret = "the secret that was the first one", "the secret that came after the first"
	for name, tt := range map[string]struct {
		task  func() schemas.TaskID
		owner string
	}{
		"of the version before owners":     {func() schemas.TaskID { return schemas.TaskIDFromKey("tienda", "k") }, ""},
		"of that, taken for an upstream's": {func() schemas.TaskID { return schemas.TaskIDFromKey("tienda", "k") }, "erp"},
		"of an earlier secret": {func() schemas.TaskID {
			id, _ := identity.NewRing(old).TaskIDs("tienda", "k")
			return id
		}, "tienda"},
	} {
		t.Run(name, func(t *testing.T) {
			h := setup(t, producer.Config{Keys: file(t, twoOwners), Identity: identity.NewRing(newer, old), Upstream: "erp"})
			h.planning()
			if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey); code != http.StatusAccepted {
				t.Fatal(code, body)
			}
			sha := h.log.broadcast(t).GetRequestSha256()
			task := tt.task()
			h.put(&schemas.Status{Task: task.Bytes(), Version: 1, Plan: &schemas.TaskOpened{Total: 1, Owner: tt.owner, RequestSha256: sha}})
			code, body, header := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k")
			if code != http.StatusAccepted || taskOf(t, body) != task || header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("%d %s; want %v", code, body, http.StatusAccepted)
			}
			h.log.broadcast(t) // the one that gave the digest
			want := http.StatusConflict
			if tt.owner != "tienda" { // may be anybody's who writes to broadcasts, which keeps nobody's request back
				want = http.StatusAccepted
			}
			if code, body, _ := h.post(one(`,"use_queue":true,"footer_text":"otro"`), "X-API-Key", shopKey, "Idempotency-Key", "k"); code != want {
				t.Errorf("another request: %d %s; want %v", code, body, want)
			}
			if want == http.StatusAccepted {
				return
			}
			h.evict(task, false)
			if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k"); code != http.StatusServiceUnavailable {
				t.Errorf("which can't be read: %d %s; want %v", code, body, http.StatusServiceUnavailable)
			}
		})
	}
}

// A process that has not read all statuses yet can't know whether a key was used before: it says so, and makes no second task.
func TestKeyIsNotTakenForNewBeforeTheViewIsWhole(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, twoOwners)})
	h.planning()
	h.ready = make(chan struct{})
	code, body, header := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k")
	if code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || len(h.log.of(schemas.TopicBroadcasts)) != 0 {
		t.Errorf("%d %s %v; want %v", code, body, header, http.StatusServiceUnavailable)
	}
	close(h.ready)
	if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k"); code != http.StatusAccepted {
		t.Errorf("once it is: %d %s; want %v", code, body, http.StatusAccepted)
	}
}

// What is written for a key says which other ids it may have, signed, so that whoever carries it out knows a repeat under another one.
func TestBroadcastOfAKeyNamesItsOtherIds(t *testing.T) {
	t.Parallel()
	const old, newer schemas.Secret = "the secret that was the first one", "the secret that came after the first"
	ring := identity.NewRing(newer, old)
	h := setup(t, producer.Config{Keys: file(t, twoOwners), Identity: ring})
	h.planning()
	if code, body, _ := h.post(one(`,"use_queue":true`), "X-API-Key", shopKey, "Idempotency-Key", "k"); code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	_, want := ring.TaskIDs("tienda", "k")
	if got := ring.Earlier(h.log.broadcast(t)); !slices.Equal(got, append(want, schemas.TaskIDFromKey("tienda", "k"))) {
		t.Errorf("%v, want %v and the one without a secret", got, want)
	}
}
