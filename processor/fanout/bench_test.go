package fanout

import (
	"testing"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/turns"
	"altavoz/schemas"
)

// What a turn costs beside the log: reading phones, finding repeats, encoding sends.
func BenchmarkExpandTurn(b *testing.B) {
	s := &slot{st: &Stage{cfg: Config{Region: "CO"}}}
	t := &task{id: schemas.NewTaskID(), ref: schemas.NewBlobRef(1, []int64{7}), slice: &slice{phones: phonesFrom(0, turns.MaxTurn)}}
	t.fill(&schemas.Broadcast{Sender: "100", Total: 1_000_000, AcceptedMs: time.Now().UnixMilli()})
	for b.Loop() {
		t.seen = recipients.NewSeen()
		if n := len(s.expand(&turn{t: t, n: turns.MaxTurn}, time.Now())); n != turns.MaxTurn {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/turns.MaxTurn, "ns/recipient")
}
