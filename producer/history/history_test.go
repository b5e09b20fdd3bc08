package history_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/producer/history"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const maria = "573001234567"

func query(t *testing.T, phone string, more ...string) *history.Query {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	q, err := history.ReadQuery(phone, values, "CO")
	if err != nil {
		t.Fatal(err)
	}
	q.Language = es.English
	return q
}

func since(t *testing.T, p *history.Person) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, p.Since)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// places names what was found, in its order.
func places(p *history.Person) []string {
	all := []string{}
	for _, s := range p.Sends {
		all = append(all, fmt.Sprint(s.TaskID, "/", s.Index))
	}
	return all
}

func TestAPersonsSendsTheNewestFirstWithTheirOutcomes(t *testing.T) {
	t.Parallel()
	w, now := newWorld(), time.Now()
	long, short, stopped := w.task(), w.task(), w.task()
	w.statuses[stopped].Phase = schemas.Phase_PHASE_STOPPED
	w.statuses[stopped].Cause = schemas.Because(schemas.Reason_REASON_REFUSED, es.Sentence{}).Cause()
	w.others(schemas.LaneBulk, 1000, now.Add(-time.Hour), time.Millisecond)
	w.send(schemas.LaneBulk, long, 40_001, maria, now.Add(-50*time.Minute))
	w.send(schemas.LaneExpress, short, 0, maria, now.Add(-40*time.Minute))
	w.send(schemas.LaneBulk, long, 40_001, maria, now.Add(-30*time.Minute)) // a lease that was repeated
	w.send(schemas.LaneBulk, stopped, 3, maria, now.Add(-20*time.Minute))
	w.send(schemas.LaneExpress, schemas.NewTaskID(), 0, maria, now.Add(-10*time.Minute)) // another's
	w.mark(long, 40_001, schemas.StateRead)
	w.mark(long, 40_001, schemas.StateSent) // a zombie writes last
	w.mark(long, 40_002, schemas.Failed(131026))
	w.mark(short, 0, schemas.Undelivered(131049))
	got := w.read(t, "+57 300 123-4567")
	want := []history.Send{
		{TaskID: stopped.String(), Index: 3, Phone: maria, Sender: "1065", Outcome: "pending"},
		{TaskID: short.String(), Phone: maria, Sender: "1065", Outcome: "undelivered", Code: 131049, Reason: schemas.Undelivered(131049).In(es.English)},
		{TaskID: long.String(), Index: 40_001, Phone: maria, Sender: "1065", Outcome: "read"},
	}
	for i, ago := range []time.Duration{20 * time.Minute, 40 * time.Minute, 50 * time.Minute} {
		want[i].DispatchedAt = now.Add(-ago).UTC().Format(time.RFC3339Nano)
	}
	if diff := gocmp.Diff(want, got.Sends); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if at := since(t, got); got.Phone != maria || got.StoppedBy != "" || at.After(now.Add(-schemas.SendLife+time.Minute)) {
		t.Errorf("of %s since %s, stopped by %q; want all of %s", got.Phone, at, got.StoppedBy, maria)
	}
}

// Both notations of a line are one person, and two keys.
func TestBothNotationsOfAPersonAreRead(t *testing.T) {
	t.Parallel()
	for asked, twin := range map[string]string{"5491123456789": "541123456789", "541123456789": "5491123456789", "5511987654321": "551187654321", "551187654321": "5511987654321"} {
		w := newWorld()
		id := w.task()
		w.send(schemas.LaneExpress, id, 0, asked, time.Now())
		w.send(schemas.LaneBulk, id, 1, twin, time.Now().Add(-time.Second))
		got := w.read(t, "+"+asked)
		phones := []string{}
		for _, s := range got.Sends {
			phones = append(phones, s.Phone)
		}
		slices.Sort(phones)
		if want := []string{min(asked, twin), max(asked, twin)}; !slices.Equal(phones, want) {
			t.Errorf("of %s: %v, want %v", asked, phones, want)
		}
	}
}

func TestSomebodyOfWhomNothingIsKnownGotNothing(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 100} {
		w := newWorld()
		w.others(schemas.LaneBulk, others, time.Now(), 0)
		if got := w.read(t, maria); len(got.Sends) != 0 || got.Sends == nil || got.StoppedBy != "" || time.Since(since(t, got)) < schemas.SendLife-time.Minute {
			t.Errorf("%+v, want no sends since %s ago", got, schemas.SendLife)
		}
	}
}

// Whatever lies in the partitions and wherever the reading stops: nothing since then is missing, and what is there is what a plain look at
// all records gives.
func TestSimulatedNothingSinceIsMissing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w, now := newWorld(), time.Now()
		var all []history.Send
		mine := []schemas.TaskID{w.task(), w.task()}
		foreign := schemas.NewTaskID()
		for _, l := range []schemas.Lane{schemas.LaneExpress, schemas.LaneBulk} {
			at := now.Add(-time.Duration(rapid.IntRange(1, 10*24).Draw(rt, "hours")) * time.Hour)
			for range rapid.IntRange(0, 3).Draw(rt, "runs") {
				n := rapid.SampledFrom([]int{0, 10, 40_000}).Draw(rt, "others")
				w.others(l, n, at, time.Millisecond)
				at = at.Add(time.Duration(n)*time.Millisecond + time.Minute)
				for range rapid.IntRange(0, 4).Draw(rt, "sends") {
					id := rapid.SampledFrom(append([]schemas.TaskID{foreign}, mine...)).Draw(rt, "task")
					index := uint32(len(all))
					w.send(l, id, index, maria, at)
					if id != foreign {
						all = append(all, history.Send{TaskID: id.String(), Index: index, DispatchedAt: at.UTC().Format(time.RFC3339Nano)})
					}
					at = at.Add(time.Second)
				}
			}
		}
		slices.SortFunc(all, func(a, b history.Send) int { return cmp.Or(-cmp.Compare(a.DispatchedAt, b.DispatchedAt)) })
		limit := rapid.SampledFrom([]int{1, 2, 5, 500}).Draw(rt, "limit")
		got := w.read(t, maria, "limit", fmt.Sprint(limit))
		at := since(t, got)
		if len(got.Sends) > limit || (got.StoppedBy == history.ByLimit) != (len(all) > limit) {
			rt.Fatalf("%d sends of %d, stopped by %q, limit %d", len(got.Sends), len(all), got.StoppedBy, limit)
		}
		for i, s := range all[:min(limit, len(all))] {
			if when, _ := time.Parse(time.RFC3339Nano, s.DispatchedAt); i >= len(got.Sends) || got.Sends[i].DispatchedAt != s.DispatchedAt && !when.Before(at) {
				rt.Fatalf("%v since %s; want %v", places(got), at, all)
			}
		}
	})
}

// A person of whom there are enough sends at the end of the partitions costs two steps, however long the partitions are.
func TestSimulatedEnoughSendsEndTheReading(t *testing.T) {
	t.Parallel()
	w, now := newWorld(), time.Now()
	id := w.task()
	for _, l := range []schemas.Lane{schemas.LaneExpress, schemas.LaneBulk} {
		w.others(l, 300_000, now.Add(-300*time.Second), time.Millisecond)
	}
	for i := range uint32(10) {
		w.send(schemas.LaneBulk, id, i, maria, now)
	}
	got := w.read(t, maria, "limit", "5")
	if len(got.Sends) != 5 || got.StoppedBy != history.ByLimit || since(t, got).Before(now.Add(-time.Second)) || w.reads > 70_000 {
		t.Errorf("%d sends, stopped by %q, since %s, after %d offsets; want 5 in two steps", len(got.Sends), got.StoppedBy, got.Since, w.reads)
	}
}

func TestSimulatedReadingStopsAtItsBounds(t *testing.T) {
	t.Parallel()
	t.Run("records", func(t *testing.T) {
		t.Parallel()
		w, now := newWorld(), time.Now()
		w.send(schemas.LaneBulk, w.task(), 0, maria, now.Add(-3*time.Hour))
		w.others(schemas.LaneBulk, 1_200_000, now.Add(-2*time.Hour), time.Millisecond)
		got := w.read(t, maria)
		// 1,048,576 of 1,200,000: the 151,424 before them took 151 s.
		if want := now.Add(-2*time.Hour + 151*time.Second); len(got.Sends) != 0 || got.StoppedBy != history.ByRecords || since(t, got).Before(want) || since(t, got).After(want.Add(time.Minute)) || w.reads > 1<<20 {
			t.Errorf("%+v after %d offsets; want none since %s", got, w.reads, want)
		}
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, now := newWorld(), time.Now()
			w.send(schemas.LaneBulk, w.task(), 0, maria, now.Add(-3*time.Hour))
			w.others(schemas.LaneBulk, 500_000, now.Add(-2*time.Hour), time.Millisecond)
			w.each = 4 * time.Second
			got := w.read(t, maria)
			if took := time.Since(now); len(got.Sends) != 0 || got.StoppedBy != history.ByTime || took > 13*time.Second || since(t, got).Before(now.Add(-2*time.Hour)) {
				t.Errorf("%+v after %s; want none since less than two hours", got, took)
			}
		})
	})
	t.Run("tasks", func(t *testing.T) {
		t.Parallel()
		w, now := newWorld(), time.Now()
		w.send(schemas.LaneBulk, w.task(), 0, maria, now.Add(-24*time.Hour))
		for i := range 12_000 {
			w.send(schemas.LaneBulk, schemas.NewTaskID(), 0, maria, now.Add(time.Duration(i-12_000)*time.Second))
		}
		w.send(schemas.LaneBulk, w.task(), 0, maria, now)
		got := w.read(t, maria)
		if want := now.Add(-10_000 * time.Second); len(got.Sends) != 1 || got.StoppedBy != history.ByTasks || w.looks > 10_000 || since(t, got).Sub(want).Abs() > time.Minute {
			t.Errorf("%+v after %d looks; want one since %s", got, w.looks, want)
		}
	})
}

// What is trimmed is not asked for.
func TestAPartitionBeginsWhereItsLogDoes(t *testing.T) {
	t.Parallel()
	w, now := newWorld(), time.Now()
	w.others(schemas.LaneBulk, 100, now.Add(-time.Hour), time.Second)
	w.starts[stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: home(schemas.TopicSendsBulk, []byte(maria))}] = 60
	if got := w.read(t, maria); got.StoppedBy != "" || w.reads != 40 {
		t.Errorf("%+v after %d offsets, want 40", got, w.reads)
	}
}

func TestWhoseATaskIsMustBeKnown(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.send(schemas.LaneBulk, w.task(), 0, maria, time.Now())
	w.fails = errLook
	if p, err := w.source().Read(t.Context(), query(t, maria), w); !errors.Is(err, errLook) {
		t.Errorf("%+v, error %v; want %v", p, err, errLook)
	}
}

func TestPhonesAndParametersThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ phone, query, want string }{
		{"12", "", "phone invalid_value"},
		{"hola", "", "phone invalid_value"},
		{maria, "limit=0", "limit invalid_value"},
		{maria, "limit=501", "limit invalid_value"},
		{maria, "limit=1&limit=2", "limit duplicate_field"},
	} {
		values, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = history.ReadQuery(tt.phone, values, "CO")
		var f *request.FieldError
		if !errors.As(err, &f) || f.Field+" "+f.Code != tt.want || f.Hint.In(es.English) == "" || f.Says.In(es.English) == "" {
			t.Errorf("%s?%s: %+v, want %s with a hint", tt.phone, tt.query, f, tt.want)
		}
	}
}
