package logtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/stream"
)

var part = stream.TopicPartition{Topic: "results"}

// recorder is a stage that keeps the values of what it is given.
type recorder struct {
	mu   sync.Mutex
	from []stream.Position
	got  []string
}

func (r *recorder) Start()                                             {}
func (r *recorder) OnRevoked(context.Context, []stream.TopicPartition) {}
func (r *recorder) OnLost([]stream.TopicPartition)                     {}
func (r *recorder) Stop(context.Context) error                         { return nil }

func (r *recorder) OnAssigned(_ context.Context, p stream.Position) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from = append(r.from, p)
	return max(0, p.Offset), nil
}

func (r *recorder) Process(_ stream.TopicPartition, recs []stream.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range recs {
		r.got = append(r.got, string(rec.Value))
	}
}

func (r *recorder) values() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func write(b *Broker, values ...string) {
	for _, v := range values {
		b.Append(stream.Record{Topic: part.Topic, Partition: part.Partition, Key: []byte(v[:1]), Value: []byte(v)})
	}
}

func run(b *Broker, name string, o Options) (*Member, *recorder) {
	m, r := b.Join(name, o), new(recorder)
	m.Run(r)
	m.Assign(part)
	return m, r
}

func end(t *testing.T, ms ...*Member) {
	t.Helper()
	for _, m := range ms {
		if err := m.End(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestRecordsComeInOrderFromTheCommittedOffsetOverGapsAndPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		write(b, "a1", "b1", "a2")
		b.Skip(part, 3)
		write(b, "c1")
		b.Compact(part, 3)
		b.Positions[part] = stream.Position{Offset: 1}
		m, r := run(b, "m", Options{Batch: 2})
		if got, want := r.values(), []string{"b1", "a2", "c1"}; !slices.Equal(got, want) {
			t.Errorf("from offset 1, with a1 compacted away: %q, want %q", got, want)
		}
		if p := r.from[0]; p.Offset != 1 || p.End != 7 {
			t.Errorf("assigned %+v, want offset 1 of 7", p)
		}
		m.Pause(part)
		write(b, "d1")
		if got := r.values(); len(got) != 3 {
			t.Errorf("while fetching is paused: %q, want nothing new", got)
		}
		m.Resume(part)
		if got := r.values(); len(got) != 4 {
			t.Errorf("after that: %q, want d1 too", got)
		}
		end(t, m)
	})
}

func TestCommitsOfAnEarlierGenerationAreRefusedAndThoseOfMembersTakenWhoeverOwnsThePartition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		old, _ := run(b, "old", Options{Batch: 1})
		g := old.Generation()
		owner, _ := run(b, "owner", Options{Batch: 1})
		commit := func(m *Member, g stream.Generation, offset int64) error {
			refused, err := m.Commit(t.Context(), g, []stream.Position{{Partition: part, Offset: offset}})
			return errors.Join(err, refused[part])
		}
		if err := commit(old, g, 1); err != nil {
			t.Errorf("of a member that owns nothing any more: %v, want it taken", err)
		}
		b.Lock()
		b.Regroup(owner)
		b.Unlock()
		if err := commit(old, g, 2); !errors.Is(err, ErrFenced) {
			t.Errorf("of an earlier generation: %v, want %v", err, ErrFenced)
		}
		if err := commit(owner, owner.Generation(), 3); err != nil || b.Positions[part].Offset != 3 {
			t.Errorf("of the present one: %v, committed %+v, want 3", err, b.Positions[part])
		}
		end(t, old, owner)
	})
}

// A commit whose answer is lost is made, and the member commits nothing more before it is back, unless the group is slow.
func TestMemberWhoseCommitIsNotAnsweredCommitsNothingBeforeItIsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault Fault
		want  int64
	}{
		"the commit is lost": {Fault{Lose: true}, stream.NoOffset}, "the answer is lost": {Fault{LoseAnswer: true}, 5},
		"the group is slow": {Fault{LoseAnswer: true, Unnoticed: true}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := New()
				m, _ := run(b, "m", Options{Batch: 1})
				g := m.Generation()
				m.OnCommit(func([]stream.Position) Fault { return c.fault })
				if _, err := m.Commit(t.Context(), g, []stream.Position{{Partition: part, Offset: 5}}); !errors.Is(err, ErrUnknown) {
					t.Errorf("answered %v, want %v", err, ErrUnknown)
				}
				if got := b.Position(part).Offset; got != c.want {
					t.Errorf("committed %d, want %d", got, c.want)
				}
				m.OnCommit(nil)
				if refused, _ := m.Commit(t.Context(), g, []stream.Position{{Partition: part, Offset: 6}}); c.fault.Unnoticed != (refused[part] == nil) {
					t.Errorf("before it is back it commits and is told %v, want it refused unless the group is slow", refused[part])
				}
				m.Rejoin()
				if refused, err := m.Commit(t.Context(), m.Generation(), []stream.Position{{Partition: part, Offset: 7}}); err != nil || len(refused) > 0 {
					t.Errorf("as a new member: %v, %v, want it taken", refused, err)
				}
				end(t, m)
			})
		})
	}
}

func TestWritesOfAKilledMemberNeverArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		m, _ := run(b, "m", Options{Batch: 1, InOrder: true})
		m.HoldWrites()
		m.Append(stream.Record{Topic: "marks"}, func(stream.Record, error) { t.Error("a killed member was answered") })
		m.Kill()
		m.ReleaseWrites()
		time.Sleep(time.Minute)
		if n := b.End(stream.TopicPartition{Topic: "marks"}); n != 0 {
			t.Errorf("%d records arrived, want none", n)
		}
		end(t, m)
	})
}

func TestWritesInOrderArriveInTheirOrderWhateverTheyTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New()
		m, _ := run(b, "m", Options{Batch: 1, InOrder: true})
		wait := 10 * time.Second
		m.OnWrite(func(stream.Record) Fault { wait -= time.Second; return Fault{Before: wait} })
		for _, v := range []string{"1", "2", "3"} {
			m.Append(stream.Record{Topic: "marks", Value: []byte(v)}, func(stream.Record, error) {})
		}
		time.Sleep(time.Minute)
		var got []string
		for _, rec := range b.All(stream.TopicPartition{Topic: "marks"}, 0) {
			got = append(got, string(rec.Value))
		}
		if want := []string{"1", "2", "3"}; !slices.Equal(got, want) {
			t.Errorf("arrived %q, want %q", got, want)
		}
		end(t, m)
	})
}
