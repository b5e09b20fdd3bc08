package group_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/group"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// lookingBack is a stage that reads again some of what lies below its position, as the sender does.
type lookingBack struct{ *kafkatest.Probe }

func (l *lookingBack) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	from, err := l.Probe.OnAssigned(ctx, pos)
	return max(0, from), err
}

func disagreements(t *testing.T, reg *prometheus.Registry, kind string, n float64) {
	t.Helper()
	want := map[string]float64{"begin": 0, "end": 0, "foreign": 0, "gone": 0}
	if n > 0 {
		want[kind] = n
	}
	if d := cmp.Diff(want, kafkatest.MetricValues(t, reg, "altavoz_log_disagreements_total", "kind")); d != "" {
		t.Error(d)
	}
}

// The log ends below what the group has committed. The stage is told, and so are people; a stage that would wait for offsets which
// are given out again ends the group.
func TestLogThatEndsBelowTheCommittedOffsetIsNoticed(t *testing.T) {
	t.Parallel()
	for _, looksBack := range []bool{false, true} {
		t.Run(fmt.Sprintf("looks back %v", looksBack), func(t *testing.T) {
			t.Parallel()
			_, c := kafkatest.Embedded(t)
			reg := prometheus.NewRegistry()
			l := kafkatest.Layout(t, c)
			p := kafkatest.Publisher(t, c, l)
			tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("1"))}
			if _, err := p.Publish(t.Context(), kafkatest.ExpressSend("1"), kafkatest.ExpressSend("1"), kafkatest.ExpressSend("1")); err != nil {
				t.Fatal(err)
			}
			first := kafkatest.NewProbe()
			g, leave := kafkatest.Join(t, c, first)
			kafkatest.Until(t, "assigned", func() bool { return len(first.Owned()) == 4 })
			if refused, err := g.Commit(t.Context(), g.Generation(), []stream.Position{{Partition: tp, Offset: 8}}); err != nil || len(refused) > 0 {
				t.Fatal(refused, err)
			}
			leave() // committed 8, and the log ends at 3: five records are gone
			second := kafkatest.NewProbe()
			c.Registerer = reg
			var st group.Stage = second
			if looksBack {
				second.Rewind = 20_000
				st = &lookingBack{second}
			}
			_, done := kafkatest.JoinAs(t, c, st)
			kafkatest.Take(t, second.Events, "assignment")
			if !looksBack {
				for range 8 { // it grows beyond what was committed
					if _, err := p.Publish(t.Context(), kafkatest.ExpressSend("1")); err != nil {
						t.Fatal(err)
					}
				}
				select {
				case err := <-done:
					if !errors.Is(err, group.ErrOffsetOutsideLog) {
						t.Errorf("ended with %v, want %v", err, group.ErrOffsetOutsideLog)
					}
					done <- err
				case <-time.After(kafkatest.Patience):
					t.Error("nobody noticed")
				}
				return
			}
			kafkatest.Until(t, "all records", func() bool { return len(second.Records) == 3 })
			kafkatest.Until(t, "all partitions", func() bool { return len(second.Owned()) == 4 })
			second.Mu.Lock()
			pos := second.Positions[tp]
			second.Mu.Unlock()
			if pos.Offset != 8 || pos.Begin != 0 || pos.End != 3 {
				t.Errorf("the stage was told %+v, want Offset 8, Begin 0, End 3", pos)
			}
			disagreements(t, reg, "end", 1)
		})
	}
}

// A group that has committed in a partition and has no offset there has lost it; one that has an offset of somebody else's was
// set. Where it never committed everything is as it is at the first start.
func TestOffsetsThatAreGoneOrForeignAreToldFromNewOnes(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		kafkatest.PublishSends(t, kafkatest.Publisher(t, c, l), 100)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		const mine, never = 0, 3
		start := func(want float64, kind string) map[int32]stream.Position {
			t.Helper()
			reg := prometheus.NewRegistry()
			c := c
			c.Registerer = reg
			p := kafkatest.NewProbe()
			g, leave := kafkatest.Join(t, c, p)
			defer leave()
			kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
			disagreements(t, reg, kind, want)
			p.Mu.Lock()
			out := make(map[int32]stream.Position)
			for s, pos := range p.Positions {
				out[s.Partition] = pos
			}
			p.Mu.Unlock()
			var ps []stream.Position
			for _, s := range p.Owned() {
				if s.Partition != never {
					ps = append(ps, stream.Position{Partition: s, Offset: 1, Metadata: "ours"})
				}
			}
			if refused, err := g.Commit(t.Context(), g.Generation(), ps); err != nil || len(refused) > 0 {
				t.Fatal(refused, err)
			}
			return out
		}
		for s, pos := range start(0, "") {
			if pos.Begun || pos.Offset != stream.NoOffset || pos.End == 0 {
				t.Errorf("at the first start, %d: %+v; want Offset %v, End other than 0", s, pos, stream.NoOffset)
			}
		}
		if pos := start(0, "")[mine]; pos.Begun || pos.Offset != 1 || pos.Metadata != "ours" {
			t.Errorf("as it was left: %+v, want Offset 1, Metadata %q", pos, "ours")
		}
		topic, group := c.Prefix+string(schemas.TopicSendsExpress), c.Prefix+"sender"
		set := make(kadm.Offsets)
		set.AddOffset(topic, mine, 5, -1)
		if err := adm.CommitAllOffsets(t.Context(), group, set); err != nil {
			t.Fatal(err)
		}
		if pos := start(1, "foreign")[mine]; !pos.Begun || pos.Offset != 5 {
			t.Errorf("set by somebody else: %+v, want Offset 5", pos)
		}
		if _, err := adm.DeleteGroup(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		all := start(3, "gone")
		if pos := all[mine]; !pos.Begun || pos.Offset != stream.NoOffset {
			t.Errorf("gone: %+v, want Offset %v", pos, stream.NoOffset)
		}
		if pos := all[never]; pos.Begun {
			t.Errorf("never committed: %+v", pos)
		}
	})
}

// picky can't take one partition over, until it is mended.
type picky struct {
	*kafkatest.Probe
	mended chan struct{}
}

func (p *picky) OnAssigned(ctx context.Context, pos stream.Position) (int64, error) {
	if pos.Partition.Partition == 2 {
		select {
		case <-p.mended:
		default:
			return 0, errors.New("not a ledger")
		}
	}
	return p.Probe.OnAssigned(ctx, pos)
}

// One partition whose ledger can't be read stops that partition and says so; the others go on, and so does it once it can be read.
func TestOneUnreadableLedgerStopsOnePartition(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	reg := prometheus.NewRegistry()
	l := kafkatest.Layout(t, c)
	c.Registerer = reg
	p := &picky{kafkatest.NewProbe(), make(chan struct{})}
	kafkatest.JoinAs(t, c, p)
	kafkatest.Until(t, "three are taken over", func() bool { return len(p.Owned()) == 3 })
	kafkatest.PublishSends(t, kafkatest.Publisher(t, c, l), 100)
	held := func() float64 { return kafkatest.MetricValues(t, reg, "altavoz_partitions_held", "stage")["sender"] }
	var got []stream.Record
	for len(got) < 60 {
		got = append(got, kafkatest.Take(t, p.Records, "record"))
	}
	if slices.ContainsFunc(got, func(r stream.Record) bool { return r.Partition == 2 }) || held() != 1 {
		t.Errorf("%v are held, and records of the one were handed over, want 1", held())
	}
	close(p.mended)
	for len(got) < 100 {
		got = append(got, kafkatest.Take(t, p.Records, "record"))
	}
	var last int64 = -1
	for _, r := range got {
		if r.Partition == 2 {
			if r.Offset != last+1 {
				t.Errorf("offset %d came after %d; want %v", r.Offset, last, last+1)
			}
			last = r.Offset
		}
	}
	if held() != 0 || last < 0 {
		t.Errorf("%v are held at the end, want 0", held())
	}
}

// A partition that is held is given up at once, and whoever stops does not wait for it.
func TestPartitionThatIsHeldIsGivenUp(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	kafkatest.Layout(t, c)
	p := &picky{kafkatest.NewProbe(), make(chan struct{})}
	_, leave := kafkatest.Join(t, c, p)
	kafkatest.Until(t, "three are taken over", func() bool { return len(p.Owned()) == 3 })
	began := time.Now()
	leave()
	if took := time.Since(began); took > kafkatest.Patience/2 {
		t.Errorf("stopping took %s, want at most %v", took, kafkatest.Patience/2)
	}
	q := kafkatest.NewProbe()
	kafkatest.Join(t, c, q)
	kafkatest.Until(t, "another one has all", func() bool { return len(q.Owned()) == 4 })
}

// A log that loses its beginning, or its end, while it is read: its partitions are taken over anew, from where they begin now.
func TestLogThatIsTrimmedWhileItIsReadIsTakenOverAnew(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	pub := kafkatest.Publisher(t, c, l)
	p := kafkatest.NewProbe()
	g, _ := kafkatest.JoinAs(t, c, p)
	kafkatest.Until(t, "assigned", func() bool { return len(p.Owned()) == 4 })
	tp := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("1"))}
	g.Pause(tp)
	time.Sleep(time.Second) // a fetch under way still brings what is written
	for range 20 {
		if _, err := pub.Publish(t.Context(), kafkatest.ExpressSend("1")); err != nil {
			t.Fatal(err)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	to := make(kadm.Offsets)
	to.AddOffset(c.Prefix+string(tp.Topic), tp.Partition, 10, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	for len(p.Events) > 0 {
		<-p.Events
	}
	g.Resume(tp)
	kafkatest.Until(t, "taken over anew", func() bool {
		for len(p.Events) > 0 {
			if e := <-p.Events; strings.HasPrefix(e, "assign "+tp.String()) {
				return true
			}
		}
		return false
	})
	for {
		if r := kafkatest.Take(t, p.Records, "record"); r.Partition == tp.Partition && r.Offset >= 10 {
			if r.Offset != 10 {
				t.Errorf("reading goes on at %d, want 10", r.Offset)
			}
			return
		}
	}
}
