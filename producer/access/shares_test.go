package access

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

func TestCallersWithoutASettingShareEqually(t *testing.T) {
	t.Parallel()
	a, b, c := &Caller{Owner: "a", digests: []digest{{1}}}, &Caller{Owner: "b", Feeds: 7}, &Caller{Owner: "c", Uploads: 100, Requests: 1}
	if _, err := NewTable(a, b, c); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c     *Caller
		k     Kind
		total int
		want  int
	}{{a, Feeds, 1024, 341}, {a, Uploads, 8, 2}, {a, Lists, 2, 1}, {b, Feeds, 1024, 7}, {c, Uploads, 8, 8}, {c, Requests, 4096, 1}, {Local(), Feeds, 1024, 0}} {
		if got := tt.c.Share(tt.k, tt.total); got != tt.want {
			t.Errorf("%s has %d of %d, want %d", tt.c.Owner, got, tt.total, tt.want)
		}
	}
	// A request and a feed hold a connection each, so a key that may have so many has connections for them.
	for _, tt := range []struct {
		c    Caller
		want int
	}{{Caller{}, 36}, {Caller{Feeds: 200}, 236}, {Caller{Requests: 100}, 336}, {Caller{Requests: 100, Feeds: 200}, 536}, {Caller{Requests: 1, Feeds: 1}, 40}, {Caller{Uploads: 50}, 36}, {Caller{Feeds: 4000}, 3686}} {
		if tt.c.among = 100; tt.c.Share(Connections, 3686) != tt.want {
			t.Errorf("%d requests and %d feeds at once have %d connections, want %d", tt.c.Requests, tt.c.Feeds, tt.c.Share(Connections, 3686), tt.want)
		}
	}
	var s Shares
	if !s.Take(c, Requests, 4096) || s.Take(c, Requests, 4096) || !s.Take(b, Requests, 4096) {
		t.Error("one at once, of its own")
	}
	if s.Give(c, Requests); !s.Take(c, Requests, 4096) {
		t.Error("what was given back is not there")
	}
	s.Give(c, Requests)
	s.Give(b, Requests)
	if len(s.held) != 0 {
		t.Errorf("%v is kept of who has nothing, want none", s.held)
	}
}

// Whatever the view shows and when: of what is written, no more than the budget of a day, and all of it where it was not refused; what is not
// written costs nothing.
func TestThreatS21BudgetOfADay(t *testing.T) {
	t.Parallel()
	type sent struct {
		day       int64
		n         uint64
		shown     bool
		isWritten bool
	}
	rapid.Check(t, func(t *rapid.T) {
		c := &Caller{Owner: "a", PerDay: rapid.Uint64Range(1, 100).Draw(t, "budget")}
		now := time.UnixMilli(1_800_000_000_000)
		tasks := make(map[schemas.TaskID]*sent)
		known := Accepted{
			Recipients: func(owner string, atMs int64) (n uint64) {
				for _, s := range tasks {
					if s.shown && s.day == dayOf(time.UnixMilli(atMs)) && owner == "a" {
						n += s.n
					}
				}
				return n
			},
			Seen: func(id schemas.TaskID) bool { return tasks[id] != nil && tasks[id].shown },
		}
		var b Budget
		other := &Caller{Owner: "b", PerDay: 1_000_000}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "hours")) * time.Hour)
			case 1:
				for _, s := range tasks {
					s.shown = s.shown || s.isWritten
				}
			case 2:
				b.Reserve(other, schemas.NewTaskID(), 500, known, now)
			default:
				id, n := schemas.NewTaskID(), rapid.Uint32Range(1, 60).Draw(t, "recipients")
				used := uint64(0)
				for _, s := range tasks {
					if s.day == dayOf(now) {
						used += s.n
					}
				}
				left, ok := b.Reserve(c, id, n, known, now)
				if fits := used+uint64(n) <= c.PerDay; ok != fits || !ok && left != c.PerDay-used {
					t.Fatalf("%d after %d of %d: %v, %d left; want %v", n, used, c.PerDay, ok, left, fits)
				}
				if !ok {
					continue
				}
				if rapid.Bool().Draw(t, "written") {
					tasks[id] = &sent{day: dayOf(now), n: uint64(n), isWritten: true}
				} else {
					b.Release(id)
				}
			}
		}
	})
	at := time.Date(2026, 11, 29, 23, 59, 0, 0, time.UTC)
	if next := NextDay(at); !next.Equal(at.Add(time.Minute)) {
		t.Errorf("the next day begins at %v", next)
	}
}
