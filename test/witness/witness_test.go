package witness_test

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/witness"
)

func TestUnknownIsExplainedByAFaultBetweenItsStartAndItsWord(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(1_750_000_000+int64(seconds), 0) }
	death := []witness.Fault{{What: "kill", From: at(10), To: at(10)}}
	long := []witness.Fault{{What: "pause", From: at(10), To: at(20)}}
	for name, c := range map[string]struct {
		starts []time.Time
		said   time.Time
		faults []witness.Fault
		want   bool
	}{
		"died in between":                    {[]time.Time{at(9)}, at(30), death, true},
		"never started":                      {nil, at(30), death, false},
		"started by who took over":           {[]time.Time{at(25)}, at(25), death, false},
		"said before it was started":         {[]time.Time{at(31)}, at(30), death, false},
		"started again after the death":      {[]time.Time{at(9), at(25)}, at(30), death, false},
		"started again after it was said":    {[]time.Time{at(9), at(35)}, at(30), death, true},
		"over before the death":              {[]time.Time{at(5)}, at(8), death, false},
		"started while it lasts":             {[]time.Time{at(15)}, at(30), long, true},
		"started and said while it lasts":    {[]time.Time{at(15)}, at(16), long, true},
		"nothing happened":                   {[]time.Time{at(15)}, at(16), nil, false},
		"said in the millisecond of its end": {[]time.Time{at(10).Add(300 * time.Microsecond)}, at(10), death, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := witness.Explains(c.starts, c.said, c.faults) != nil; got != c.want {
				t.Errorf("explained %v, want %v", got, c.want)
			}
		})
	}
}

func TestCommitsTellWhenARecordBecameStarted(t *testing.T) {
	t.Parallel()
	var c witness.Commits
	tp := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 3}
	at := time.Unix(1_750_000_000, 0)
	// Runs of a ledger as the sender of version 1 wrote them: nothing; one started record; nothing.
	for i, metadata := range []string{"", oneStarted, oneStarted, "", oneStarted} {
		if err := c.Saw(stream.Position{Partition: tp, Offset: 7, Metadata: metadata}, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	got := c.Started(tp, 7)
	if len(got) != 2 || !got[0].Equal(at.Add(time.Second)) || !got[1].Equal(at.Add(4*time.Second)) {
		t.Errorf("started at %v, want 2 of them", got)
	}
	if n := len(c.Started(tp, 8)); n != 0 {
		t.Errorf("the record behind it was started %d times, want 0", n)
	}
	if err := c.Saw(stream.Position{Partition: tp, Metadata: "no ledger"}, at); err == nil {
		t.Error("what is no ledger is taken for one")
	}
}

// oneStarted is the ledger of one started record, as version 1 writes it: gamma(1), and the second of the states that can follow done.
const oneStarted = "AcA"

func TestHitsAreOfTheProcessThatCalled(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(1_750_000_000+int64(seconds), 0) }
	faults := []witness.Fault{
		{From: at(10), To: at(10), Of: "sender-0"}, {From: at(10), To: at(30), Of: "sender-1"}, {From: at(12), To: at(14)},
	}
	for name, c := range map[string]struct {
		from, to int
		process  string
		want     int
	}{
		"its own death": {9, 10, "sender-0", 1}, "before": {1, 9, "sender-0", 0}, "everybody's": {9, 13, "sender-0", 2},
		"another's": {20, 21, "sender-0", 0}, "while it is stopped": {20, 21, "sender-1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			if n := witness.Hits(at(c.from), at(c.to), c.process, faults); n != c.want {
				t.Errorf("%d, want %d", n, c.want)
			}
		})
	}
}
