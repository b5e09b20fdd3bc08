package templates_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/schemas/template"
	"altavoz/whatsapp/simulator"
	"altavoz/whatsapp/simulator/webhooks"
	"altavoz/whatsapp/templates"
)

const number, token = "106540352242922", "EAAGm0PX4ZCpsBA-secret"

// book is one under test, and what is said of its templates.
type book struct {
	*templates.Book

	said atomic.Int64
}

// serve returns a book of what a server has.
func serve(t *testing.T, h http.Handler) *book {
	t.Helper()
	pipes := testio.NewPipes()
	srv := &http.Server{Handler: h}
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(pipes) })
	b := new(book)
	var err error
	b.Book, err = templates.New(templates.Config{
		ChangedAt: func(string, string) time.Time { return time.UnixMilli(b.said.Load()) },
		BaseURL:   "http://graph.test/gateway/", Version: "-", Dial: pipes.Dial, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Token:   func(string) (schemas.Secret, bool) { return token, true },
		Account: func(s string) string { return map[string]string{number: webhooks.AccountID}[s] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		_ = srv.Close()
		done.Wait()
	})
	return b
}

// simulated is a book of the simulator's templates; asked counts the questions.
func simulated(t *testing.T) (b *book, asked *int, control func(body string)) {
	t.Helper()
	sim := simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: number, Token: token}}}).Handler()
	asked = new(int)
	b = serve(t, http.StripPrefix("/gateway", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		sim.ServeHTTP(w, r)
	})))
	return b, asked, func(body string) {
		r, err := http.NewRequest(http.MethodPost, "http://sim/_simulator/templates", strings.NewReader(body))
		w := &status{}
		if sim.ServeHTTP(w, r); err != nil || w.code != http.StatusNoContent {
			t.Fatal(err, w.code)
		}
	}
}

type status struct{ code int }

func (s *status) Header() http.Header         { return http.Header{} }
func (s *status) Write(b []byte) (int, error) { return len(b), nil }
func (s *status) WriteHeader(code int)        { s.code = code }

var hello = &template.Use{Name: "hello_world", Language: "en_US"}

// check returns the codes of what is wrong.
func check(t *testing.T, b *book, u *template.Use) string {
	t.Helper()
	_, problems, err := b.Check(t.Context(), number, u)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, 0, len(problems))
	for _, p := range problems {
		out = append(out, p.Field+" "+p.Code)
	}
	return strings.Join(out, ", ")
}

// TestATemplateIsReadOnceInFiveMinutes: what was read counts for five minutes, and for ten seconds where it refuses.
func TestATemplateIsReadOnceInFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, asked, control := simulated(t)
		for range 10 {
			if got := check(t, b, hello); got != "" || *asked != 1 {
				t.Errorf("got %s after %d questions, want none after 1", got, *asked)
			}
		}
		control(`{"name":"hello_world","language":"en_US","status":"PAUSED"}`)
		time.Sleep(templates.Age - time.Second)
		if got := check(t, b, hello); got != "" || *asked != 1 {
			t.Errorf("got %s after %d questions, want what was kept", got, *asked)
		}
		time.Sleep(time.Second)
		if got := check(t, b, hello); got != "name template_unusable" || *asked != 2 {
			t.Errorf("got %q after %d questions, want that it is paused after 2", got, *asked)
		}
		control(`{"name":"hello_world","language":"en_US","status":"APPROVED"}`)
		if got := check(t, b, hello); got == "" || *asked != 2 {
			t.Errorf("got %q after %d questions, want what was kept", got, *asked)
		}
		time.Sleep(templates.RefusalAge)
		if got := check(t, b, hello); got != "" || *asked != 3 {
			t.Errorf("got %q after %d questions, want nothing after 3", got, *asked)
		}
		part := &template.Use{Name: "hello", Language: "en_US"}
		if got := check(t, b, part); got != "name template_unusable" { // a part of a name
			t.Errorf("got %q", got)
		}
		control(`{"name":"hello","language":"en_US","components":[{"type":"BODY","text":"Hola"}]}`)
		time.Sleep(templates.RefusalAge)
		if got := check(t, b, part); got != "" {
			t.Errorf("got %q of a template that was created meanwhile, want nothing", got)
		}
	})
}

// TestAChangedTemplateIsReadAnew: what a webhook says of a template counts at once, also against an answer that is on its way.
func TestAChangedTemplateIsReadAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, asked, control := simulated(t)
		check(t, b, hello)
		control(`{"name":"hello_world","language":"en_US","status":"DISABLED"}`)
		b.said.Add(1) // in whole seconds, as Meta has them
		if got := check(t, b, hello); got == "" || *asked != 2 {
			t.Errorf("got %q after %d questions", got, *asked)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var b *book
		b = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			b.said.Add(1)
			fmt.Fprint(w, `{"data":[{"name":"hello_world","language":"en_US","status":"APPROVED"}]}`)
		}))
		for range 2 {
			if all, err := b.Named(t.Context(), number, "hello_world", templates.Age); err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
		}
		if got := kept(t, b); got {
			t.Error("an answer of before the change is kept")
		}
	})
}

// kept reports whether hello_world is answered without a question.
func kept(t *testing.T, b *book) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Named(ctx, number, "hello_world", templates.Age)
	synctest.Wait()
	return err == nil
}

// TestWhoWaitsForTheSameTemplateAsksOnce: one question for all, bounded in time and in number.
func TestWhoWaitsForTheSameTemplateAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		b := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked.Add(1); <-r.Context().Done() }))
		began := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, _, err := b.Check(t.Context(), number, hello); !errors.Is(err, template.ErrUnanswered) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != templates.Timeout || asked.Load() != 1 {
			t.Errorf("%d questions, %v; want one, %v", asked.Load(), took, templates.Timeout)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b, asked, _ := simulated(t)
		limited := 0
		for n := range 700 {
			if _, err := b.Named(t.Context(), number, fmt.Sprint("n", n), templates.Age); errors.Is(err, template.ErrUnanswered) {
				limited++
			}
		}
		if *asked != 600 || limited != 100 {
			t.Errorf("%d questions, %d were too many; want 600, 100", *asked, limited)
		}
		time.Sleep(time.Hour)
		if _, err := b.Named(t.Context(), number, "later", templates.Age); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatMetaAnswersInsteadOfTemplates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"refused":   {400, `{"error":{"message":"(#10) no permission","code":10,"fbtrace_id":"A"}}`, "(#10) (#10) no permission"},
		"a page":    {502, `<html>`, "no answer about templates: status 502"},
		"no list":   {200, `{}`, "no answer about templates: no list of templates"},
		"too large": {200, strings.Repeat(" ", 5<<20), "no answer about templates: the answer is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			if _, err := b.Page(t.Context(), number, template.Query{}); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, err := b.Page(t.Context(), "7", template.Query{}); !errors.Is(err, template.ErrNoAccount) {
				t.Errorf("got %v", err)
			}
			if _, err := b.Named(t.Context(), "7", "x", 0); !errors.Is(err, template.ErrNoAccount) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestATemplateOfATaskIsJudged as over HTTP, but for one that is paused: what was accepted waits for it.
func TestATemplateOfATaskIsJudged(t *testing.T) {
	t.Parallel()
	b, _, control := simulated(t)
	content := func(name string) *schemas.Content {
		return &schemas.Content{Template: &schemas.Template{Name: name, Language: "en_US"}}
	}
	control(`{"name":"paused","language":"en_US","status":"PAUSED","category":"MARKETING","components":[{"type":"BODY","text":"x"}]}`)
	control(`{"name":"rejected","language":"en_US","status":"REJECTED","components":[{"type":"BODY","text":"x"}]}`)
	for name, want := range map[string]struct{ category, code string }{
		"hello_world": {"UTILITY", ""}, "paused": {"MARKETING", ""}, "rejected": {"UTILITY", "template_status"}, "unknown": {"", "template_unknown"},
	} {
		category, why, err := b.Judge(t.Context(), number, content(name))
		if err != nil || category != want.category || string(why.Code) != want.code {
			t.Errorf("%s: %q, %v, %v; want %v", name, category, why, err, want)
		}
	}
}
