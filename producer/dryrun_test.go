package producer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/producer"
	"altavoz/producer/dryrun"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// files looks at files as the test says; nil: none is one that a header takes.
type files struct {
	check func(ctx context.Context, m *schemas.MediaRef) (*schemas.MediaRef, error)
}

func (f *files) Check(ctx context.Context, _ schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	return f.check(ctx, m)
}

func numbersOf(rates map[string]float64, ids ...string) producer.Config {
	return producer.Config{Sender: oneOf(ids...), Senders: func() (all []senders.Number) {
		for _, id := range ids {
			all = append(all, senders.Number{ID: id, Name: "Ventas", Rate: rates[id]})
		}
		return all
	}}
}

// dry makes a request one of which nothing is to happen.
func dry(body string) string { return `{"dry_run":true,` + strings.TrimPrefix(body, "{") }

func (h *harness) rehearse(body string, headers ...string) (r dryrun.Report) {
	h.t.Helper()
	code, got, _ := h.post(dry(body), headers...)
	if code != http.StatusOK {
		h.t.Fatalf("%d %s; want 200", code, got)
	}
	if err := json.Unmarshal([]byte(got), &r); err != nil {
		h.t.Fatal(err)
	}
	if !r.DryRun {
		h.t.Fatalf("%s is no dry run", got)
	}
	return r
}

func TestDryRunSaysWhatWouldHappen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, numbersOf(map[string]float64{"1065": 80}, "1065", "1066"))
		h.files.check = func(_ context.Context, m *schemas.MediaRef) (*schemas.MediaRef, error) {
			return &schemas.MediaRef{Url: m.GetUrl(), MimeType: "application/pdf", Size: 4096, Filename: "precios.pdf"}, nil
		}
		list := `{"phones":["573001234567","+57 300 123 4568","28/11/2026","573001234567"],"body_text":"Hola"`
		for name, body := range map[string]string{
			"dry_run":      list + `,"header_type":"document","header_content":"https://cdn.example/precios","button_text":"Ver","button_url":"https://example.com","speed":1}`,
			"dry_run_none": `{"phones":["x"],"body_text":"Hola","sender":"1066","window":{"timezone":"America/Bogota","hours":[{"days":["sat"],"from":"07:00","to":"08:00"}]}}`,
		} {
			code, got, _ := h.post(dry(body))
			golden(t, name, code, got)
		}
		code, got, _ := h.post(dry(list+"}"), "Accept-Language", "en")
		golden(t, "dry_run_english", code, got)
		if n := len(h.log.recs); n != 0 {
			t.Errorf("%d records were written, want 0", n)
		}
	})
}

// Whatever the size: slices and parts of a dry run are looked at and forgotten.
func TestDryRunOfLargeThingsWritesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t, numbersOf(nil, "1065"))
	const total = 35_500
	var body strings.Builder
	body.WriteString(`{"phones":[`)
	for i := range total {
		fmt.Fprintf(&body, `%d,`, 573000000000+i%(total-10))
	}
	file := png + strings.Repeat("x", 1_500_000)
	fmt.Fprintf(&body, `"last"],"header_content":"data:;base64,%s","header_type":"image","body_text":"b"}`, base64.StdEncoding.EncodeToString([]byte(file)))
	r := h.rehearse(body.String())
	if r.Recipients.Total != total+1 || r.Recipients.Pending != total-10 || r.Recipients.Repeated != 10 || r.Recipients.Invalid != 1 || len(r.Recipients.Rows) != 11 {
		t.Errorf("%+v", r.Recipients)
	}
	if want := (dryrun.File{Verdict: dryrun.FileGood, MIMEType: "image/png", Size: uint64(len(file))}); *r.File != want {
		t.Errorf("file %+v, want %+v", *r.File, want)
	}
	if n := len(h.log.recs); n != 0 {
		t.Errorf("%d records were written, want 0", n)
	}
	// Where that was read before nobody said so, it is written: the request is refused.
	late := strings.TrimSuffix(body.String(), "}") + `,"dry_run":true}`
	code, got, _ := h.post(late)
	golden(t, "dry_run_late", code, got)
	for _, rec := range h.log.recs {
		if rec.Topic != schemas.TopicBlobs {
			t.Errorf("a record of %s", rec.Topic)
		}
	}
	// What stands in the request itself may come first.
	if code, got, _ = h.post(one(`,"dry_run":true`)); code != http.StatusOK || !strings.Contains(got, `"dry_run":true`) {
		t.Errorf("%d %s; want 200", code, got)
	}
}

func TestDryRunOfAnInvalidRequestIsTheSameRefusal(t *testing.T) {
	t.Parallel()
	cfg := numbersOf(nil, "1065")
	cfg.MaxPhones = 2
	h := setup(t, cfg)
	for _, body := range []string{
		`{"body_text":"b"}`, `{"phones":["1"]}`, `{"phones":[1,2,3],"body_text":"b"}`, `{"phones":`, one(`,"x":1`), one(`,"speed":0`), one(`,"sender":"7"`), one(`,"task_id":"x"`),
		one(`,"header_type":"image","header_content":"data:image/png;base64,SG9sYQ=="`), one(`,"body_text":"b"`), one(`,"expire_at":"2001-01-01T00:00:00Z"`), one(`,"button_url":"http://10.0.0.1"`),
	} {
		t.Run(body, func(t *testing.T) {
			code, got, _ := h.post(body)
			dryCode, dryGot, _ := h.post(dry(body))
			if i := strings.Index(got, "(byte "); i > 0 { // it is further down
				got, dryGot = got[:i], dryGot[:i]
			}
			if code < 400 || dryCode != code || dryGot != got {
				t.Errorf("%d %s\nwant %d %s", dryCode, dryGot, code, got)
			}
		})
	}
	if code, got, _ := h.post(dry(one("")), "Idempotency-Key", "ñ"); code != http.StatusBadRequest {
		t.Errorf("%d %s; want 400", code, got)
	}
}

// A key, an id and the recipients of a day are as they were before.
func TestDryRunTakesNoIDAndNoRecipients(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, `[{"owner":"a","secrets":["`+sendKey+`"],"scopes":["send"],"recipients_per_day":2}]`)})
	h.planning()
	key := []string{"X-API-Key", sendKey, "Idempotency-Key", "k"}
	body := `{"phones":["573001234567","573001234568"],"body_text":"Hola","use_queue":true}`
	for range 3 {
		if r := h.rehearse(body, key...); r.TaskID != "" {
			t.Errorf("task %s, want none", r.TaskID)
		}
		h.rehearse(body, key[:2]...) // of another task each time
	}
	code, got, header := h.post(body, key...)
	if code != http.StatusAccepted || header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("%d %s %v; want 202", code, got, header)
	}
	// Now there is a task, and a dry run says which it would be; another request under its key is as refused as ever.
	written := len(h.log.recs)
	if r := h.rehearse(body, key...); r.TaskID != taskOf(t, got).String() {
		t.Errorf("task %q, want %s", r.TaskID, taskOf(t, got))
	}
	if code, got, _ := h.post(dry(one("")), key...); code != http.StatusConflict {
		t.Errorf("%d %s; want 409", code, got)
	}
	// So is one for which the day has no room any more.
	code, got, header = h.post(one(""), key[:2]...)
	dryCode, dryGot, dryHeader := h.post(dry(one("")), key[:2]...)
	_, _, later := h.post(one(""), key[:2]...) // it names a time in seconds
	limit := dryHeader.Get("RateLimit")
	if code != http.StatusTooManyRequests || dryCode != code || dryGot != got || limit != header.Get("RateLimit") && limit != later.Get("RateLimit") {
		t.Errorf("%d %s %v; want %d %s %v, or %v", dryCode, dryGot, dryHeader, code, got, header, later)
	}
	if n := len(h.log.recs) - written; n != 0 {
		t.Errorf("%d records were written, want 0", n)
	}
}

func TestDryRunLooksAtTheFile(t *testing.T) {
	t.Parallel()
	h := setup(t, numbersOf(nil, "1065"))
	for _, c := range []struct {
		name  string
		found *schemas.MediaRef
		err   error
		want  dryrun.File
		call  string
	}{
		{
			"taken", &schemas.MediaRef{MimeType: "image/png", Size: 9}, nil,
			dryrun.File{Verdict: dryrun.FileGood, MIMEType: "image/png", Size: 9},
			`"header":{"type":"image","image":{"id":"MEDIA_ID"}}`,
		},
		{
			"passed on", &schemas.MediaRef{Link: "https://cdn.example/a.png"}, nil,
			dryrun.File{Verdict: dryrun.FileLink, Why: es.Say(es.FileLinked).Spanish()},
			`"header":{"type":"image","image":{"link":"https://cdn.example/a.png"}}`,
		},
		{
			"refused", nil, fmt.Errorf("fetching: %w", &schemas.ContentError{Why: es.Say(es.LinkStatus, 404)}),
			dryrun.File{Verdict: dryrun.FileRefused, Why: es.Say(es.LinkStatus, 404).Spanish()},
			`"id":"MEDIA_ID"`,
		},
		{
			"away", nil, errors.New("dial tcp 10.0.0.7:443: refused"),
			dryrun.File{Verdict: dryrun.FileUnknown, Why: es.Say(es.FileNotNow).Spanish()},
			`"id":"MEDIA_ID"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.files.check = func(context.Context, *schemas.MediaRef) (*schemas.MediaRef, error) { return c.found, c.err }
			r := h.rehearse(one(`,"header_type":"image","header_content":"https://cdn.example/a.png"`))
			if diff := cmp.Diff(&c.want, r.File); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if !strings.Contains(string(r.Call), c.call) {
				t.Errorf("call %s, want %s in it", r.Call, c.call)
			}
		})
	}
}

// A file that does not come keeps a dry run no longer than its time.
func TestDryRunDoesNotWaitForAFileForever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, numbersOf(nil, "1065"))
		h.files.check = func(ctx context.Context, _ *schemas.MediaRef) (*schemas.MediaRef, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		r := h.rehearse(one(`,"header_type":"image","header_content":"https://cdn.example/a.png"`))
		if took := time.Since(start); r.File.Verdict != dryrun.FileUnknown || took != 20*time.Second {
			t.Errorf("%+v after %s, want %s after 20s", r.File, took, dryrun.FileUnknown)
		}
	})
}

// Where numbers are configured elsewhere, nothing is guessed.
func TestDryRunDoesNotGuessTheRateOfANumberThatIsNotConfiguredHere(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	for _, c := range []struct {
		members, sender string
		rate            float64
	}{
		{"", "", 0},
		{`,"sender":"7"`, "7", 0},
		{`,"sender":"7","speed":4`, "7", 4}, // no faster than that
	} {
		r := h.rehearse(one(c.members))
		if (r.Sender == nil) != (c.sender == "") || r.Sender != nil && (r.Sender.ID != c.sender || r.Sender.Rate != nil) {
			t.Errorf("%s: sender %+v, want %q", c.members, r.Sender, c.sender)
		}
		if r.Sending.Rate != c.rate || (r.Sending.EndsAt == "") != (c.rate == 0) || !strings.Contains(strings.Join(r.Sending.Assumptions, " "), es.Say(es.AssumedUnknown).Spanish()) {
			t.Errorf("%s: %+v, want rate %v", c.members, r.Sending, c.rate)
		}
		if said := strings.Contains(strings.Join(r.Sending.Assumptions, " "), es.Say(es.AssumedAtBest, 4).Spanish()); said != (c.rate == 4) {
			t.Errorf("%s: %v; that it may be slower is said: %v", c.members, r.Sending.Assumptions, said)
		}
	}
	h.numbers.ready = make(chan struct{})
	if code, got, _ := h.post(dry(one(""))); code != http.StatusServiceUnavailable {
		t.Errorf("before all is read: %d %s; want 503", code, got)
	}
}

// So many at once, of a caller and of all; the next ones are told to come back.
func TestDryRunsHavePlaces(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{"share": twoOwners, "busy": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, most := numbersOf(nil, "1065"), 2
			if keys != "" {
				cfg.Keys, most = file(t, keys), 1
			}
			h := setup(t, cfg)
			held, done := make(chan struct{}), make(chan struct{}, most)
			h.files.check = func(_ context.Context, m *schemas.MediaRef) (*schemas.MediaRef, error) {
				<-held
				return m, nil
			}
			for range most {
				go func() {
					h.post(dry(one(`,"header_type":"image","header_content":"https://cdn.example/a.png"`)), "X-API-Key", shopKey)
					done <- struct{}{}
				}()
			}
			slots := func() float64 { return h.metrics()["altavoz_http_slots_in_use slot=dry_run"] }
			for slots() < float64(most) {
				time.Sleep(time.Millisecond)
			}
			code, got, header := h.post(dry(one("")), "X-API-Key", shopKey)
			if golden(t, "dry_run_"+name, code, got); header.Get("Retry-After") == "" {
				t.Errorf("header %v", header)
			}
			close(held)
			for range most {
				<-done
			}
			if n := slots(); n != 0 {
				t.Errorf("%v places are taken, want 0", n)
			}
			if code, got, _ = h.post(dry(`{"phones":["1"]}`), "X-API-Key", shopKey); code != http.StatusBadRequest || slots() != 0 {
				t.Errorf("a refused one: %d %s, %v places taken", code, got, slots())
			}
		})
	}
}

// A record on Kafka that is a dry run must not be sent.
func TestDryRunIsRefusedWhereThereAreNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{dry(one("")), one(`,"dry_run":1`)} {
		for _, lenient := range []bool{false, true} {
			_, err := request.Read(strings.NewReader(body), nil, request.Limits{Lenient: lenient})
			if field := new(request.FieldError); !errors.As(err, &field) || field.Field != "dry_run" || field.Code != request.CodeValue {
				t.Errorf("%s: %v, want dry_run refused", body, err)
			}
		}
	}
	if r, err := request.Read(strings.NewReader(one(`,"dry_run":false`)), nil, request.Limits{}); err != nil || r.DryRun {
		t.Errorf("%v, %v", r, err)
	}
}
