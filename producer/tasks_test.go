package producer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// known puts a task of 100 recipients into the view, 40 dispatched and 30 of them decided, and returns its path.
func (h *harness) known(name string, change func(*schemas.Status)) string {
	h.t.Helper()
	task := schemas.TaskIDFromKey("known", name)
	accepted := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC).UnixMilli()
	s := &schemas.Status{
		Task: task.Bytes(), Version: 7, Cursor: 40, StartedMs: accepted + 1000, UpdatedMs: accepted + 60_000, Rate: 40,
		Plan: &schemas.TaskOpened{Total: 100, Sender: "1065", AcceptedMs: accepted},
		Counts: []*schemas.StateCount{
			{Mark: uint32(schemas.StateDuplicate), Count: 2},
			{Mark: uint32(schemas.Failed(schemas.CodeInvalidPhone)), Count: 3},
			{Mark: uint32(schemas.Failed(131026)), Count: 4},
			{Mark: uint32(schemas.StateSent), Count: 10},
			{Mark: uint32(schemas.StateConfirmed), Count: 5},
			{Mark: uint32(schemas.Undelivered(131026)), Count: 1},
			{Mark: uint32(schemas.StateDelivered), Count: 3},
			{Mark: uint32(schemas.StateRead), Count: 2},
		},
		Errors: []*schemas.ErrorLine{{Index: 8, Phone: "12", Mark: uint32(schemas.Failed(schemas.CodeInvalidPhone))}},
	}
	if change != nil {
		change(s)
	}
	h.put(s)
	return request.PathTasks + "/" + task.String()
}

func TestTaskDetailGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Rate: func(number string) float64 { return map[string]float64{"1065": 80}[number] }})
	at := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC).UnixMilli()
	far := time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli()
	for name, change := range map[string]func(*schemas.Status){
		"running":   nil,
		"no_limit":  func(s *schemas.Status) { s.Plan.Sender = "1066" },
		"own_speed": func(s *schemas.Status) { s.Plan.Speed = 5 },
		"new_speed": func(s *schemas.Status) { s.Plan.Speed, s.Controls, s.Speed = 5, 3, 9 },
		"no_speed":  func(s *schemas.Status) { s.Plan.Speed, s.Controls, s.Rate = 5, 3, 0 },
		"paused":    func(s *schemas.Status) { s.Phase, s.PhaseMs = schemas.Phase_PHASE_PAUSED, at },
		"waiting": func(s *schemas.Status) {
			s.Phase, s.PhaseMs, s.Why = schemas.Phase_PHASE_WAITING, at, "El token del número 1065 venció"
		},
		"scheduled": func(s *schemas.Status) {
			s.Plan.ScheduleMs, s.Plan.ExpireMs, s.Cursor, s.Counts, s.Errors, s.Rate = far, far+1000, 0, nil, nil, 0
		},
		"window": func(s *schemas.Status) {
			s.Plan.Window = schemas.Preset(schemas.PresetLey2300)
			s.Phase, s.PhaseMs, s.Cause = schemas.Phase_PHASE_WAITING, at, schemas.Until(schemas.Reason_REASON_WINDOW, time.UnixMilli(far), s.Plan.Window.GetTimezone()).Cause()
		},
		"success": func(s *schemas.Status) {
			s.Plan.Total, s.Plan.Direct, s.Cursor, s.FinishedMs = 30, true, 30, at
		},
		"cancelling": func(s *schemas.Status) { s.Phase, s.PhaseMs = schemas.Phase_PHASE_CANCELLED, at },
		"no_plan":    func(s *schemas.Status) { s.Plan = nil },
	} {
		t.Run(name, func(t *testing.T) {
			code, got, header := h.get(h.known(name, change))
			golden(t, "detail_"+name, code, got)
			if header.Get("ETag") != `W/"7"` || header.Get("Cache-Control") != "no-cache" {
				t.Errorf("header %v", header)
			}
		})
	}
	code, got, header := h.get(request.PathTasks + "/" + schemas.NewTaskID().String())
	if golden(t, "detail_fresh", code, got); header.Get("ETag") != "" {
		t.Errorf("header %v", header)
	}
	code, got, _ = h.get(request.PathTasks + "/" + schemas.TaskIDFromKey("", "x").String())
	golden(t, "task_unknown", code, got)
}

// TestWhySaysSimulated: nobody takes what a simulator does for what Meta does.
func TestWhySaysSimulated(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Simulated: true, Rate: func(string) float64 { return 80 }})
	for name, want := range map[string]struct {
		change func(*schemas.Status)
		why    string
	}{
		"running": {nil, `"why":"El número 1065 está limitado a 80 mensajes por segundo (simulado)"`},
		"waiting": {func(s *schemas.Status) {
			s.Phase, s.Why = schemas.Phase_PHASE_WAITING, "El token del número 1065 venció"
		}, `"why":"El token del número 1065 venció (simulado)"`},
	} {
		path := h.known("simulated "+name, want.change)
		if _, got, _ := h.get(path); !strings.Contains(got, want.why) {
			t.Errorf("%s: %s; want %q in it", name, got, want.why)
		}
		if name != "waiting" {
			continue
		}
		status := request.PathStatus + strings.TrimPrefix(path, request.PathTasks+"/")
		for _, from := range []string{request.PathTasks, status} {
			if _, got, _ := h.get(from); !strings.Contains(got, want.why) {
				t.Errorf("%s at %s: %s; want %q in it", name, from, got, want.why)
			}
		}
	}
	if _, got, _ := h.get(h.known("simulated done", func(s *schemas.Status) {
		s.Plan.Total, s.Cursor, s.FinishedMs = 30, 30, 1
	})); strings.Contains(got, "simulado") {
		t.Errorf("got %s, want no %q in it", got, "simulado")
	}
}

func TestTaskDetailIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.known("etag", nil)
	for tag, want := range map[string]int{
		`W/"7"`: http.StatusNotModified, `"7"`: http.StatusNotModified, `"1", W/"7"`: http.StatusNotModified, "*": http.StatusNotModified,
		`W/"6"`: http.StatusOK, "": http.StatusOK, "7": http.StatusOK,
	} {
		t.Run(tag, func(t *testing.T) {
			code, body, header := h.do(http.MethodGet, path, nil, "If-None-Match", tag)
			if code != want || (body == "") != (want == http.StatusNotModified) || header.Get("ETag") != `W/"7"` {
				t.Errorf("%d %q %v; want %v", code, body, header, want)
			}
		})
	}
}

func TestTaskListFiltersAndPages(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	later := func(d time.Duration) func(*schemas.Status) {
		return func(s *schemas.Status) { s.Plan.AcceptedMs = at.Add(d).UnixMilli() }
	}
	ids := map[string]string{}
	for name, change := range map[string]func(*schemas.Status){
		"1 running": later(0),
		"2 paused": func(s *schemas.Status) {
			later(time.Minute)(s)
			s.Phase = schemas.Phase_PHASE_PAUSED
		},
		"3 other number": func(s *schemas.Status) {
			later(2 * time.Minute)(s)
			s.Plan.Sender = "1066"
		},
		"4 scheduled": func(s *schemas.Status) {
			later(3 * time.Minute)(s)
			s.Plan.ScheduleMs, s.Cursor, s.Counts = time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli(), 0, nil
		},
		"5 done": func(s *schemas.Status) {
			later(3 * time.Minute)(s) // at the same time: the id decides
			s.FinishedMs = 1
		},
		"no plan": func(s *schemas.Status) { s.Plan = nil },
	} {
		path := h.known(name, change)
		ids[strings.TrimPrefix(path, request.PathTasks+"/")] = name
	}
	list := func(query string) (names []string, next string) {
		t.Helper()
		code, body, _ := h.get(request.PathTasks + "?" + query)
		var l struct {
			Tasks []struct {
				TaskID string `json:"task_id"`
			} `json:"tasks"`
			NextCursor string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(body), &l); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d %s; want %v", query, code, body, http.StatusOK)
		}
		for _, row := range l.Tasks {
			names = append(names, ids[row.TaskID][:1])
		}
		return names, l.NextCursor
	}
	all, next := list("")
	if got := strings.Join(all, ""); got != "54321" && got != "45321" || next != "" {
		t.Fatalf("all: %v, next %q; want %q", all, next, "")
	}
	for query, want := range map[string]string{
		"status=PAUSED": "2", "status=paused,%20pending": "42", "status=PAUSED&status=SUCCESS": "52", "sender=1066": "3",
		"since=2026-03-02T14:02:00Z": strings.Join(all[:3], ""), "until=2026-03-02T14:02:00Z": "21",
		"since=2026-03-02T15:01:00+01:00&until=2026-03-02T14:03:00Z": "32", "status=FAILURE": "", "limit=500": strings.Join(all, ""),
	} {
		if got, next := list(query); strings.Join(got, "") != want || next != "" {
			t.Errorf("%s: %v, next %q; want %s", query, got, next, want)
		}
	}
	var paged []string
	for query := "limit=2"; ; {
		names, next := list(query)
		if paged = append(paged, names...); next == "" {
			break
		}
		if len(names) != 2 {
			t.Fatalf("%v, and more to come, want 2 of them", names)
		}
		query = "limit=2&cursor=" + next
		h.known("newer", later(time.Hour)) // moves no page
	}
	if strings.Join(paged, "") != strings.Join(all, "") {
		t.Errorf("by pages %v, at once %v", paged, all)
	}
}

func TestTaskListGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	code, got, _ := h.get(request.PathTasks)
	golden(t, "list_empty", code, got)
	h.known("a", nil)
	h.known("b", func(s *schemas.Status) {
		s.Plan.AcceptedMs++
		s.Plan.ScheduleMs, s.Cursor, s.Counts, s.Rate = time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli(), 0, nil, 0
	})
	h.known("c", func(s *schemas.Status) {
		s.Plan.AcceptedMs += 2
		s.Phase, s.Why = schemas.Phase_PHASE_PAUSED, "En pausa por solicitud"
	})
	h.known("d", func(s *schemas.Status) {
		s.Plan.AcceptedMs += 3
		s.FinishedMs, s.Phase = 9, schemas.Phase_PHASE_CANCELLED
	})
	lenientFor := map[string][]string{"list_warnings": {"Prefer", "handling=lenient"}}
	for name, query := range map[string]string{
		"list":           "",
		"list_warnings":  "?estado=PAUSED&limit=1",
		"list_status":    "?status=DONE",
		"list_since":     "?since=ayer",
		"list_limit":     "?limit=501",
		"list_limit_nan": "?limit=x",
		"list_cursor":    "?cursor=x",
		"list_unknown":   "?estado=PAUSED",
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.do(http.MethodGet, request.PathTasks+query, nil, lenientFor[name]...)
			golden(t, name, code, got)
		})
	}
	code, got, header := h.do(http.MethodPost, request.PathTasks, nil)
	if golden(t, "list_method", code, got); header.Get("Allow") != "GET, HEAD" {
		t.Errorf("header %v", header)
	}
}

// A list looks at every task, so only some are made at once.
func TestTaskListsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.known("a", nil)
		h.mu.Lock() // the view stands still
		codes := make(chan string)
		for range 5 {
			go func() {
				code, body, header := h.get(request.PathTasks)
				codes <- fmt.Sprint(code, " ", header.Get("Retry-After"), " ", body)
			}()
		}
		refused := <-codes
		h.mu.Unlock()
		if !strings.HasPrefix(refused, "503 2 ") {
			t.Errorf("the fifth: %s, want %q at its beginning", refused, "503 2 ")
		}
		for range 4 {
			if got := <-codes; !strings.HasPrefix(got, "200 ") {
				t.Errorf("got %q, want %q at its beginning", got, "200 ")
			}
		}
	})
}

func TestTaskRoutesWithoutKey(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: keys(t, "a:secreto")})
	path := h.known("a", nil)
	for _, route := range []string{
		"GET " + request.PathTasks, "GET " + path, "PATCH " + path, "POST " + path + "/pause", "POST " + path + "/resume", "POST " + path + "/cancel",
		"GET " + path + "/events",
	} {
		method, at, _ := strings.Cut(route, " ")
		if code, body, _ := h.do(method, at, nil); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s; want %v", route, code, body, http.StatusUnauthorized)
		}
		if method == http.MethodGet {
			continue
		}
		code, body, _ := h.do(method, at, nil, "X-API-Key", "secreto", "Sec-Fetch-Site", "cross-site", "Origin", "https://example.com")
		if code != http.StatusForbidden {
			t.Errorf("%s from a page: %d %s; want %v", route, code, body, http.StatusForbidden)
		}
	}
	if n := len(h.log.of(schemas.TopicControls)); n != 0 {
		t.Errorf("%d controls, want 0", n)
	}
}

func TestTaskRoutesBehind(t *testing.T) {
	t.Parallel()
	h := &harness{t: t, log: &memoryLog{}, view: newView()}
	h.Ingress = producer.New(producer.Config{}, producer.Ports{Log: h.log, Statuses: &h.view, Tasks: &h.view})
	h.handler = h.Handler()
	one := request.PathTasks + "/" + schemas.TaskIDFromKey("", "x").String()
	for _, route := range []string{"GET " + request.PathTasks, "GET " + one, "POST " + one + "/pause", "GET " + one + "/events"} {
		method, at, _ := strings.Cut(route, " ")
		if code, body, header := h.do(method, at, nil); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s; want %v", route, code, body, http.StatusServiceUnavailable)
		}
	}
}
