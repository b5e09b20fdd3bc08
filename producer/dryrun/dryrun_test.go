package dryrun

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// monday is noon in Bogotá on a Monday.
var monday = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)

func office(t *testing.T) *schemas.Window {
	t.Helper()
	w := &schemas.Window{}
	if err := w.UnmarshalJSON([]byte(`{"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}]}`)); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSendingGoesAtTheRateWithinTheHours(t *testing.T) {
	t.Parallel()
	limited := Number{Row: &senders.Row{State: senders.Sending, Rate: &senders.Rate{Configured: 80, Share: 64, Now: 64}}, Configured: true}
	free := Number{Row: &senders.Row{State: senders.Sending}, Configured: true}
	elsewhere := Number{Row: &senders.Row{State: senders.Sending}}
	hours := func(n int) int64 { return monday.Add(time.Duration(n) * time.Hour).UnixMilli() }
	for _, c := range []struct {
		name    string
		req     request.Request
		pending uint32
		number  Number
		rate    float64
		starts  string
		ends    string
		expired uint32
	}{
		{"the number's share", request.Request{}, 6400, limited, 64, "2026-03-02T17:00:00Z", "2026-03-02T17:01:40Z", 0},
		{"a speed below it", request.Request{Speed: 10}, 600, limited, 10, "2026-03-02T17:00:00Z", "2026-03-02T17:01:00Z", 0},
		{"a speed above it", request.Request{Speed: 100}, 6400, limited, 64, "2026-03-02T17:00:00Z", "2026-03-02T17:01:40Z", 0},
		{"a speed of a number without a limit", request.Request{Speed: 100}, 6000, free, 100, "2026-03-02T17:00:00Z", "2026-03-02T17:01:00Z", 0},
		{"no limit", request.Request{}, 6000, free, 0, "2026-03-02T17:00:00Z", "", 0},
		{"a number that is configured elsewhere", request.Request{}, 6000, elsewhere, 0, "2026-03-02T17:00:00Z", "", 0},
		{"and its speed", request.Request{Speed: 2}, 60, elsewhere, 2, "2026-03-02T17:00:00Z", "2026-03-02T17:00:30Z", 0},
		{"nobody", request.Request{}, 0, limited, 64, "2026-03-02T17:00:00Z", "2026-03-02T17:00:00Z", 0},
		{"part of a second counts as one", request.Request{}, 3, limited, 64, "2026-03-02T17:00:00Z", "2026-03-02T17:00:01Z", 0},
		{"a schedule", request.Request{ScheduleMs: hours(2)}, 64, limited, 64, "2026-03-02T19:00:00Z", "2026-03-02T19:00:01Z", 0},
		{"hours that are open", request.Request{Window: office(t), Speed: 1}, 3600, limited, 1, "2026-03-02T17:00:00Z", "2026-03-02T18:00:00Z", 0},
		{"hours that end before", request.Request{Window: office(t), Speed: 1}, 8 * 3600, limited, 1, "2026-03-02T17:00:00Z", "2026-03-03T13:00:00Z", 0},
		{"hours that open later", request.Request{Window: office(t), Speed: 1, ScheduleMs: hours(10)}, 3600, limited, 1, "2026-03-03T12:00:00Z", "2026-03-03T13:00:00Z", 0},
		{"over a weekend", request.Request{Window: office(t), Speed: 1, ScheduleMs: hours(96)}, 8 * 3600, limited, 1, "2026-03-06T17:00:00Z", "2026-03-09T13:00:00Z", 0},
		{"an end before all are sent to", request.Request{Speed: 1, ExpireMs: hours(1)}, 4000, limited, 1, "2026-03-02T17:00:00Z", "2026-03-02T18:00:00Z", 400},
		{"an end in a night", request.Request{Window: office(t), Speed: 1, ExpireMs: hours(10)}, 8 * 3600, limited, 1, "2026-03-02T17:00:00Z", "2026-03-03T03:00:00Z", 3600},
		{"the life of a task", request.Request{Speed: 1}, 16_000_000, limited, 1, "2026-03-02T17:00:00Z", "2026-03-15T17:00:00Z", 16_000_000 - 13*24*3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := &List{total: c.pending, pending: c.pending, allKnown: true}
			s := l.sendingOf(&c.req, c.number, monday, es.English)
			if s.Rate != c.rate || s.StartsAt != c.starts || s.EndsAt != c.ends || s.Expired != c.expired {
				t.Errorf("%+v; want rate %v, %s to %s, %d expired", s, c.rate, c.starts, c.ends, c.expired)
			}
			if c.rate > 0 && math.Abs(s.Seconds-float64(c.pending-c.expired)/c.rate) > 1e-9 {
				t.Errorf("%v seconds of sending", s.Seconds)
			}
			if len(s.Assumptions) < 2 {
				t.Errorf("assumptions %v, want at least 2", s.Assumptions)
			}
		})
	}
}

// Whatever the hours: what run says is what walking through every minute finds, but for what is sent in one.
func TestSendingIsWhatGoesOutMinuteByMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Uint32Range(0, 23*60).Draw(t, "from")
		w := &schemas.Window{Timezone: "America/Bogota", Hours: []*schemas.Hours{{
			Days: rapid.Uint32Range(1, 127).Draw(t, "days"), From: from, To: rapid.Uint32Range(from+1, 24*60).Draw(t, "to"),
		}}}
		rate, pending := rapid.Float64Range(0.01, 200).Draw(t, "rate"), rapid.Uint32Range(1, 5_000_000).Draw(t, "pending")
		until := monday.Add(time.Duration(rapid.IntRange(1, 2*24*60).Draw(t, "life")) * time.Minute)
		end, sent := run(w, monday, until, rate, pending)
		var out float64
		at := monday
		for ; at.Before(until) && out < float64(pending); at = at.Add(time.Minute) {
			if w.Open(at) {
				out += rate * 60
			}
		}
		out = min(out, float64(pending))
		if diff := math.Abs(out - float64(sent)); diff > 1 || sent > pending {
			t.Fatalf("%d of %d are sent to, want %v", sent, pending, out)
		}
		if sent == pending && (end.After(at) || end.Before(at.Add(-time.Minute))) || sent < pending && !end.Equal(until) {
			t.Fatalf("it ends at %s, want %s", end, at)
		}
	})
}

func TestSendingSaysWhatItTakesForGranted(t *testing.T) {
	t.Parallel()
	row := func(state senders.State) Number {
		return Number{Row: &senders.Row{State: state, Rate: &senders.Rate{Share: 64}}, Configured: true}
	}
	for _, c := range []struct {
		name  string
		list  List
		n     Number
		wants es.Sentence
		not   es.Sentence
	}{
		{"a number that sends", List{total: 100, allKnown: true}, row(senders.Sending), es.Say(es.AssumedRate, 64), es.Say(es.AssumedHalted)},
		{"a number that does not", List{total: 100, allKnown: true}, row(senders.Token), es.Say(es.AssumedHalted), es.Say(es.AssumedUnknown)},
		{"a list that has first recipients", List{total: 101, allKnown: true}, row(senders.Slowed), es.Say(es.AssumedFirst, 50), es.Say(es.AssumedHalted)},
		{"one that has none", List{total: 100, allKnown: true}, row(senders.Slowed), es.Say(es.AssumedPhones), es.Say(es.AssumedFirst, 50)},
		{"a list of which not all is remembered", List{total: 100}, Number{}, es.Say(es.AssumedRepeats), es.Say(es.AssumedHalted)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := make(map[string]bool)
			for _, a := range c.list.sendingOf(&request.Request{}, c.n, monday, es.English).Assumptions {
				said[a] = true
			}
			if !said[c.wants.In(es.English)] || said[c.not.In(es.English)] {
				t.Errorf("%v; want %q, and not %q", said, c.wants.In(es.English), c.not.In(es.English))
			}
		})
	}
}

// A long list takes bounded memory: rows are a sample, and who came before is remembered as far as there is room.
func TestSimulatedLongListTakesBoundedMemory(t *testing.T) {
	t.Parallel()
	l := NewList("CO", nil)
	const people = 800_000
	for i := range people {
		l.judge(fmt.Sprintf("CO.%019d", i), "") // business-scoped user ids are kept whole
		if l.seen != nil && l.seen.Bytes() > maxSeenBytes+1024 {
			t.Fatalf("%d bytes are remembered after %d, want %d at most", l.seen.Bytes(), i, maxSeenBytes)
		}
	}
	if l.allKnown || l.seen != nil {
		t.Fatalf("all are remembered: %d bytes", l.seen.Bytes())
	}
	for range 1000 {
		l.judge("573001234567", "")
		l.judge("x", "")
	}
	r := l.recipients(es.Spanish)
	if r.Total != people+2000 || r.Pending != people+1000 || r.Invalid != 1000 || r.Pending+r.Invalid+r.Repeated != r.Total || len(r.Rows) != maxRows {
		t.Errorf("%d of %d, %d invalid, %d repeated, %d rows", r.Pending, r.Total, r.Invalid, r.Repeated, len(r.Rows))
	}
}

// A process that fetches no files for broadcasts fetches none for dry runs, and says so; what came with the request it has seen.
func TestAFileIsOnlyLookedAtWhereFilesAreFetched(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		m    *schemas.MediaRef
		want *File
		ref  *schemas.MediaRef
	}{
		{"none", nil, nil, nil},
		{"by URL", &schemas.MediaRef{Url: "https://cdn.example/a.pdf", Filename: "a.pdf"}, &File{Verdict: FileUnknown, Why: es.Say(es.FileUnchecked).Spanish(), Filename: "a.pdf"}, &schemas.MediaRef{MediaId: mediaID, Filename: "a.pdf"}},
		{"in the request", &schemas.MediaRef{MimeType: "application/pdf", Size: 9}, &File{Verdict: FileGood, MIMEType: "application/pdf", Size: 9, Filename: "documento.pdf"}, &schemas.MediaRef{MediaId: mediaID, Filename: "documento.pdf"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			content := &schemas.Content{Body: "b", Header: schemas.HeaderKind_HEADER_KIND_DOCUMENT, Media: c.m}
			f, got := new(Ports).file(t.Context(), &request.Request{Content: content}, es.Spanish)
			if diff := cmp.Diff(c.want, f); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if !proto.Equal(got.GetMedia(), c.ref) || !proto.Equal(content.GetMedia(), c.m) {
				t.Errorf("the call has %v, want %v", got.GetMedia(), c.ref)
			}
		})
	}
}
