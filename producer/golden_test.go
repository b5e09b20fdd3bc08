package producer_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/producer"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

var update = flag.Bool("update", false, "write the golden files anew")

var anyTask = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// golden compares an answer with the file of its name, byte for byte but for task ids.
func golden(t *testing.T, name string, code int, body string) {
	t.Helper()
	if !json.Valid([]byte(body)) {
		t.Errorf("%s: not JSON: %s", name, body)
	}
	got := fmt.Sprintf("%d %s\n", code, anyTask.ReplaceAllString(body, "TASK"))
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-before +now):\n%s", name, diff)
	}
}

// one is the smallest good request with more members.
func one(members string) string {
	return `{"phones":["573001234567"],"body_text":"Hola"` + members + `}`
}

// hours is a window of such members.
func hours(members string) string { return `,"window":{` + members + `}` }

// Every answer in words. Those of the public contract stand in TestContractAnswersKeepTheirBytes too, where no flag rewrites them.
func TestAnswersAreThoseOfTheGoldenFiles(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Sender: oneOf("1065", "1066"), MaxBody: 4000, MaxPhones: 2})
	h.finishing()
	queue := `,"use_queue":true`
	for name, body := range map[string]string{
		"direct":                 one(""),
		"unknown_field":          one(`,"scheduled_at":"2026-03-02T12:00:00Z"`),
		"phones_by_other_name":   `{"to":["573001234567"],"body_text":"b"}`,
		"direct_warnings":        one(`,"button_text":"<b> {x}"`),
		"queued":                 one(queue),
		"queued_warnings":        one(queue + `,"button_text":"Ver"`),
		"phones_missing":         `{"body_text":"b"}`,
		"phones_too_many":        `{"phones":[1,2,3],"body_text":"b"}`,
		"phones_wrong":           `{"phones":"573001234561,573001234562","body_text":"b"}`,
		"body_text_missing":      `{"phones":["1"]}`,
		"body_text_type":         `{"phones":["1"],"body_text":1}`,
		"body_text_long":         `{"phones":["1"],"body_text":"` + strings.Repeat("ñ", 1025) + `"}`,
		"json":                   `{"phones":`,
		"json_empty":             ``,
		"json_array":             `[1]`,
		"json_trailing":          one("") + "x",
		"json_duplicate":         one(`,"body_text":"b"`),
		"json_deep":              one(`,"x":` + strings.Repeat("[", 40)),
		"body_too_large":         one(`,"x":"` + strings.Repeat("x", 4000) + `"`),
		"header_type":            one(`,"header_type":"sticker","header_content":"x"`),
		"header_type_missing":    one(`,"header_content":"x"`),
		"header_content_missing": one(`,"header_type":"image"`),
		"header_text_long":       one(`,"header_type":"text","header_content":"` + strings.Repeat("x", 61) + `"`),
		"header_url":             one(`,"header_type":"image","header_content":"ftp://example.com/<a>"`),
		"header_base64":          one(`,"header_type":"image","header_content":"data:image/png;base64,@@@"`),
		"header_image":           one(`,"header_type":"image","header_content":"data:image/png;base64,SG9sYQ=="`),
		"header_video":           one(`,"header_type":"video","header_content":"data:;base64,SG9sYQ=="`),
		"header_document":        one(`,"header_type":"document","header_content":"data:;base64,iVBORw0KGgo="`),
		"header_lie":             one(`,"header_type":"document","header_content":"data:application/pdf;base64,SG9sYQ=="`),
		"button_url":             one(`,"button_url":"javascript:alert(1)"`),
		"use_queue":              one(`,"use_queue":"yes"`),
		"on_unknown":             one(`,"on_unknown":"x"`),
		"category":               one(`,"category":"x"`),
		"speed":                  one(`,"speed":0`),
		"schedule_at":            one(`,"schedule_at":"mañana"`),
		"schedule_at_far":        one(`,"schedule_at":"2999-01-01T00:00:00Z"`),
		"expire_at":              one(`,"expire_at":"2001-01-01T00:00:00Z"`),
		"expire_at_order":        one(`,"expire_at":"2001-01-01T00:00:00Z","schedule_at":"2001-01-01T00:00:00Z"`),
		"window":                 one(`,"window":7`),
		"window_name":            one(`,"window":"ley-1"`),
		"window_member":          one(`,"window":{"timezone":"America/Bogota","hours":[],"days":[]}`),
		"window_timezone":        one(hours(`"timezone":"America/Bogotá","hours":[{"days":["mon"],"from":"07:00","to":"19:00"}]`)),
		"window_none":            one(hours(`"timezone":"America/Bogota"`)),
		"window_days":            one(hours(`"timezone":"America/Bogota","hours":[{"days":["lunes"],"from":"07:00","to":"19:00"}]`)),
		"window_times":           one(hours(`"timezone":"America/Bogota","hours":[{"days":["mon"],"from":"19:00","to":"07:00"}]`)),
		"window_holidays":        one(hours(`"timezone":"America/Bogota","hours":[{"days":["mon"],"from":"07:00","to":"19:00"}],"holidays":"XX"`)),
		"task_id":                one(`,"task_id":"x"`),
		"sender":                 one(`,"sender":"7"`),
		"sender_chosen":          one(queue + `,"sender":"1066"`),
		"task_id_chosen":         one(queue + `,"task_id":"0192f0c0-0000-7000-8000-000000000001"`),
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.post(body)
			golden(t, name, code, got)
		})
	}
	for name, body := range map[string]string{
		"bulk_direct":      `{"recipients":[{"phone":"573001234567","body_text":"Hola Ana"},{"phone":"573001234568","body_text":"Hola Luis"}]}`,
		"bulk_queued":      `{"recipients":[{"phone":"573001234567","variables":{"nombre":"Ana"}}],"body_text":"Hola {{nombre}}","use_queue":true}`,
		"bulk_phones":      `{"phones":["573001234567"],"body_text":"Hola"}`,
		"bulk_missing":     `{"body_text":"Hola"}`,
		"bulk_too_many":    `{"recipients":["1","2","3"],"body_text":"Hola"}`,
		"bulk_unknown":     `{"recipients":[{"phone":"1","nombre":"Ana"}],"body_text":"Hola"}`,
		"bulk_body":        `{"recipients":[{"phone":"1","body_text":"x"},{"phone":"2"}]}`,
		"bulk_placeholder": `{"recipients":[{"phone":"1","variables":{"nombre":"Ana"}}],"body_text":"Hola {{nombr}}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.do(http.MethodPost, request.PathBulk, strings.NewReader(body))
			golden(t, name, code, got)
		})
	}
	for name, body := range map[string]string{
		"recipients_warning": `{"recipients":[{"phone":"573001234567","variables":{"nombre":"Ana","saldo":7}}],"body_text":"Hola {{nombre}}"}`,
		"recipients_own":     `{"recipients":[{"phone":"1","body_text":"x"}],"body_text":"Hola"}`,
		"recipients_phones":  `{"recipients":[{"phone":"1"}],"phones":["1"],"body_text":"Hola"}`,
		"recipients_empty":   `{"recipients":[],"body_text":"Hola"}`,
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.post(body)
			golden(t, name, code, got)
		})
	}
	h.post(one(`,"task_id":"0192f0c0-0000-7000-8000-0000000000ff"`))
	code, got, _ := h.post(one(`,"footer_text":"f","task_id":"0192f0c0-0000-7000-8000-0000000000ff"`))
	golden(t, "conflict", code, got)
	for name, headers := range map[string][]string{
		"content_encoding":    {"Content-Encoding", "gzip"},
		"cross_origin":        {"Sec-Fetch-Site", "cross-site", "Origin", "https://example.com"},
		"idempotency_key":     {"Idempotency-Key", "ñ"},
		"idempotency_task_id": {"Idempotency-Key", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.post(one(`,"task_id":"0192f0c0-0000-7000-8000-000000000001"`), headers...)
			golden(t, name, code, got)
		})
	}
	code, got, _ = h.do(http.MethodGet, request.PathSend, nil)
	golden(t, "method", code, got)
	for name, path := range map[string]string{
		"route": "/api/x", "task_unknown": request.PathStatus + schemas.TaskIDFromKey("", "x").String(), "task_no_id": request.PathStatus + "x",
		"task_fresh": request.PathStatus + schemas.NewTaskID().String(), "healthz": "/healthz", "readyz": "/readyz",
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.get(path)
			golden(t, name, code, got)
		})
	}
}

// The answers that clients of the service before this one depend on, byte for byte.
func TestContractAnswersKeepTheirBytes(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	h.log.after = func(rec stream.Record) {
		if s := statusOf(t, rec); s != nil {
			s.FinishedMs = 1
			s.Counts = []*schemas.StateCount{
				{Mark: uint32(schemas.StateSent), Count: 2}, {Mark: uint32(schemas.Failed(schemas.CodeInvalidPhone)), Count: 1},
			}
			s.Errors = []*schemas.ErrorLine{{Index: 2, Phone: "573001234567", Mark: uint32(schemas.Failed(schemas.CodeInvalidPhone))}}
			h.put(s)
		}
	}
	three := `{"phones":["573001234561","573001234562","573001234567"],"body_text":"Hola"`
	for _, tt := range []struct{ body, want string }{
		{three + `}`, `200 {"success":true,"message":"Mensaje broadcast procesado","result":{"total":3,"successful":2,"failed":1,"errors":["Error para 573001234567: Invalid phone number format"]},"task_id":"TASK"}`},
		{three + `,"use_queue":true}`, `202 {"success":true,"message":"Mensaje broadcast enviado a cola","task_id":"TASK"}`},
		{`{}`, `400 {"error":"Se requiere el campo 'phones' con un array de números telefónicos","code":"required","field":"phones","hint":"agregue el campo; GET /openapi.json los describe"}`},
		{`{"phones":["1"]}`, `400 {"error":"Se requiere el campo 'body_text'","code":"required","field":"body_text","hint":"agregue el campo; GET /openapi.json los describe"}`},
	} {
		t.Run(tt.body, func(t *testing.T) {
			code, got, header := h.post(tt.body)
			if got = fmt.Sprintf("%d %s", code, anyTask.ReplaceAllString(got, "TASK")); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.body, got, tt.want)
			}
			if ct := header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
				t.Errorf("content type %q, want %q", ct, "application/json; charset=utf-8")
			}
		})
	}
}

func TestTaskStatusGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	count := func(pairs ...uint32) (out []*schemas.StateCount) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, &schemas.StateCount{Mark: pairs[i], Count: pairs[i+1]})
		}
		return out
	}
	sent := uint32(schemas.StateSent)
	refused := uint32(schemas.Failed(131030))
	far := time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli()
	for name, s := range map[string]*schemas.Status{
		"pending":         {Plan: &schemas.TaskOpened{Total: 3}},
		"pending_no_plan": {Counts: count(sent, 1)},
		"pending_eta":     {Plan: &schemas.TaskOpened{Total: 3, ScheduleMs: far}, Phase: schemas.Phase_PHASE_WAITING, Why: "programado"},
		"started":         {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 2},
		"started_some":    {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 2, Counts: count(sent, 1)},
		"started_why":     {Plan: &schemas.TaskOpened{Total: 3}, Phase: schemas.Phase_PHASE_WAITING, Why: "Token vencido desde las 10:00"},
		"started_running": {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 1, Phase: schemas.Phase_PHASE_RUNNING, Why: "nada"},
		"success":         {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 3, FinishedMs: 5, Counts: count(sent, 3)},
		"success_all_failed": {
			Plan: &schemas.TaskOpened{Total: 2}, Cursor: 2, FinishedMs: 5, Counts: count(refused, 2),
			Errors: []*schemas.ErrorLine{{Index: 0, Phone: "573001234567", Mark: refused}, {Index: 1, Mark: refused, Reason: "(131030) otra"}},
		},
		"success_every_outcome": {
			Plan: &schemas.TaskOpened{Total: 45}, Cursor: 45, FinishedMs: 5, Counts: count(
				sent, 1, uint32(schemas.StateDelivered), 2, uint32(schemas.StateRead), 3, uint32(schemas.StateDuplicate), 4, uint32(schemas.StateExpired), 5,
				uint32(schemas.StateUnknown), 6, uint32(schemas.Undelivered(131026)), 7, refused, 8, uint32(schemas.Failed(1)), 9,
			),
		},
		"failure": {
			Plan: &schemas.TaskOpened{Total: 2}, FinishedMs: 5, Phase: schemas.Phase_PHASE_FAILED, Why: "La imagen no existe (404)",
			Counts: count(uint32(schemas.Failed(schemas.CodeContent)), 2),
		},
		"revoked": {Plan: &schemas.TaskOpened{Total: 2}, FinishedMs: 5, Counts: count(sent, 1, uint32(schemas.StateCancelled), 1)},
		"revoked_late": { // everybody was in the pipe already
			Plan: &schemas.TaskOpened{Total: 2}, Cursor: 2, FinishedMs: 5, Phase: schemas.Phase_PHASE_CANCELLED, Why: "Cancelada por solicitud", Counts: count(sent, 2),
		},
		"cancelling": {
			Plan: &schemas.TaskOpened{Total: 9}, Cursor: 9, Phase: schemas.Phase_PHASE_CANCELLED, Counts: count(sent, 2, uint32(schemas.StateCancelled), 4),
		},
		"cancelling_first": {Plan: &schemas.TaskOpened{Total: 9}, Cursor: 5, Phase: schemas.Phase_PHASE_CANCELLED, Counts: count(sent, 2)},
		"stopping": {
			Plan: &schemas.TaskOpened{Total: 900}, Cursor: 900, Phase: schemas.Phase_PHASE_STOPPED, Why: "(131009) Valor de parámetro inválido",
			Counts: count(uint32(schemas.Failed(131009)), 40, uint32(schemas.StateCancelled), 850),
		},
		"stopped": {
			Plan: &schemas.TaskOpened{Total: 900}, Cursor: 900, FinishedMs: 5, Phase: schemas.Phase_PHASE_STOPPED, Why: "(131009) Valor de parámetro inválido",
			Counts: count(uint32(schemas.Failed(131009)), 50, uint32(schemas.StateCancelled), 850),
		},
		"paused":          {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 2, Phase: schemas.Phase_PHASE_PAUSED, Counts: count(sent, 1)},
		"paused_why":      {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 2, Phase: schemas.Phase_PHASE_PAUSED, Why: "Fallan 45 de los primeros 50: (131047)", Counts: count(sent, 1)},
		"paused_eta":      {Plan: &schemas.TaskOpened{Total: 3, ScheduleMs: far}, Phase: schemas.Phase_PHASE_PAUSED},
		"paused_finished": {Plan: &schemas.TaskOpened{Total: 3}, Cursor: 3, FinishedMs: 5, Phase: schemas.Phase_PHASE_PAUSED, Counts: count(sent, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			task := schemas.TaskIDFromKey("golden", name)
			s.Task = task.Bytes()
			h.put(s)
			code, got, _ := h.get(request.PathStatus + strings.ToUpper(task.String()))
			golden(t, "status_"+name, code, got)
			var b struct {
				Result *struct{ Total, Successful, Failed, Pending int }
			}
			if err := json.Unmarshal([]byte(got), &b); err != nil {
				t.Fatal(err)
			}
			if r := b.Result; r != nil && r.Successful+r.Failed+r.Pending != r.Total {
				t.Errorf("%s does not add up: %s", name, got)
			}
		})
	}
}
