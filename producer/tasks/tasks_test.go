package tasks_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

func everybody(string) bool { return true }

// anyStatus draws a status as the aggregator may write it.
func anyStatus(t *rapid.T) *schemas.Status {
	total := rapid.Uint32Range(1, 1000).Draw(t, "total")
	s := &schemas.Status{
		Plan:   &schemas.TaskOpened{Total: total, AcceptedMs: rapid.Int64Range(1, 9).Draw(t, "accepted"), ScheduleMs: rapid.Int64Range(0, 20).Draw(t, "schedule")},
		Cursor: rapid.Uint32Range(0, total).Draw(t, "cursor"),
		Phase:  schemas.Phase(rapid.IntRange(0, 6).Draw(t, "phase")),
		Pipe:   rapid.Uint32Range(0, 2000).Draw(t, "pipe"),
		Rate:   rapid.Float64Range(0, 100).Draw(t, "rate"),
	}
	left := total
	for m := schemas.RecipientState(1); m < 250 && left > 0; m += schemas.RecipientState(rapid.IntRange(1, 60).Draw(t, "mark")) {
		n := rapid.Uint32Range(0, left).Draw(t, "count")
		s.Counts = append(s.Counts, &schemas.StateCount{Mark: uint32(m), Count: n})
		left -= n
	}
	if left == 0 {
		s.FinishedMs = 1
	}
	return s
}

// Whatever a status says, what is made of it adds up, and a task is called over only when everybody is decided or the
// task as a whole failed.
func TestEveryStatusReadsWell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, now := anyStatus(t), time.UnixMilli(10)
		d := tasks.DetailOf(schemas.TaskID{}, s, 80, now, es.Spanish)
		r := d.Result
		if r.Successful+r.Failed+r.Pending != r.Total {
			t.Errorf("%d + %d + %d is not %d", r.Successful, r.Failed, r.Pending, r.Total)
		}
		byTemplate := uint32(0)
		for _, c := range s.GetCounts() {
			if schemas.RecipientState(c.GetMark()).GotTemplate() {
				byTemplate += c.GetCount()
			}
		}
		if r.ByTemplate != byTemplate || byTemplate > r.Successful {
			t.Errorf("%d by template of %d successful; want %d", r.ByTemplate, r.Successful, byTemplate)
		}
		sum := uint32(0)
		for _, o := range d.Outcomes {
			sum += o.Count
		}
		if sum != r.Successful+r.Failed {
			t.Errorf("%d of %d decided are among the outcomes; want %v", sum, r.Successful+r.Failed, r.Successful+r.Failed)
		}
		if d.InPipe > r.Pending || tasks.Leaving(s) > r.Pending {
			t.Errorf("%d in the pipe, %d may leave, of %d that are pending; want at most %v, at most %v", d.InPipe, tasks.Leaving(s), r.Pending, r.Pending, r.Pending)
		}
		if d.Status.Over() != (s.GetFinishedMs() != 0 || s.GetPhase() == schemas.Phase_PHASE_FAILED) {
			t.Errorf("%s in phase %v, finished %d", d.Status, s.GetPhase(), s.GetFinishedMs())
		}
		if d.Status.Over() && !tasks.Closed(s) {
			t.Error("over, and still open to controls")
		}
		brief := tasks.BriefOf(schemas.TaskID{}, s, now, es.Spanish)
		if (brief.Result == nil) != (brief.Status == tasks.Pending) || d.Status != brief.Status {
			t.Errorf("%s has the result %v; want %v", brief.Status, brief.Result, d.Status)
		}
	})
}

// Page by page gives what one look gives, each task once, whatever the size of a page.
func TestPagesAreTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := map[schemas.TaskID]*schemas.Status{}
		for range rapid.IntRange(0, 60).Draw(t, "tasks") {
			table[schemas.NewTaskID()] = anyStatus(t)
		}
		each := func(f func(schemas.TaskID, *schemas.Status) bool) {
			for id, s := range table {
				if !f(id, s) {
					return
				}
			}
		}
		read := func(values url.Values) tasks.List {
			q, err := tasks.ReadQuery(values)
			if err != nil {
				t.Fatal(err)
			}
			return q.Page(everybody, each, time.UnixMilli(10), es.Spanish)
		}
		filter := url.Values{"status": {rapid.SampledFrom([]string{"", "PENDING,STARTED", "SUCCESS"}).Draw(t, "status")}}
		whole := maps.Clone(filter)
		whole.Set("limit", "500")
		want := read(whole)
		page := maps.Clone(filter)
		page.Set("limit", rapid.SampledFrom([]string{"1", "2", "7", "60"}).Draw(t, "limit"))
		var got []tasks.Row
		for {
			l := read(page)
			got = append(got, l.Tasks...)
			if l.NextCursor == "" {
				break
			}
			page.Set("cursor", l.NextCursor)
		}
		if diff := cmp.Diff(want.Tasks, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-whole +pages)\n%s", diff)
		}
		if !slices.IsSortedFunc(got, func(a, b tasks.Row) int { return strings.Compare(b.AcceptedAt, a.AcceptedAt) }) {
			t.Error("not the newest first")
		}
	})
}

func FuzzReadQuery(f *testing.F) {
	f.Add("status=PAUSED&limit=3&cursor=AAABnK7ZQwNQxHYUGiJVO47oFcKX8rM7&since=2026-03-02T14:02:00+01:00")
	f.Add("limit=-1&cursor=%%%&until=x")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		if q, err := tasks.ReadQuery(values); err == nil {
			q.Page(everybody, func(func(schemas.TaskID, *schemas.Status) bool) {}, time.UnixMilli(10), es.Spanish)
		}
	})
}

func FuzzReadSpeed(f *testing.F) {
	f.Add([]byte(`{"speed":20}`))
	f.Add([]byte(`{"speed":null,"x":[{}]}`))
	f.Fuzz(func(_ *testing.T, body []byte) { _, _ = tasks.ReadSpeed(body) })
}

// BenchmarkPage makes the first page of a full view.
func BenchmarkPage(b *testing.B) {
	table := make([]*schemas.Status, 100_000)
	ids := make([]schemas.TaskID, len(table))
	for i := range table {
		ids[i] = schemas.NewTaskID()
		table[i] = &schemas.Status{
			Plan:   &schemas.TaskOpened{Total: 1000, AcceptedMs: int64(i*7919%len(table) + 1)},
			Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 900}, {Mark: uint32(schemas.StateUnknown), Count: 3}}, Cursor: 950,
		}
	}
	each := func(f func(schemas.TaskID, *schemas.Status) bool) {
		for i, s := range table {
			if !f(ids[i], s) {
				return
			}
		}
	}
	for _, query := range []string{"", "status=PAUSED", "limit=500&status=STARTED"} {
		b.Run(query, func(b *testing.B) {
			values, err := url.ParseQuery(query)
			if err != nil {
				b.Fatal(err)
			}
			q, err := tasks.ReadQuery(values)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				q.Page(everybody, each, time.UnixMilli(10), es.Spanish)
			}
		})
	}
}
