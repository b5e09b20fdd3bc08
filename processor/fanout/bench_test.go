package fanout

import (
	"testing"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// What a turn costs beside the log: reading phones, finding repeats, encoding sends.
func BenchmarkExpandTurn(b *testing.B) {
	s := &worker{st: &Stage{cfg: Config{Region: "CO"}}}
	t := &task.Task{Loaded: task.Loaded{Ref: schemas.NewBlobRef(1, []int64{7}), Slice: &task.Slice{Phones: phonesFrom(0, schedule.MaxQuantum)}}}
	t.ID = schemas.NewTaskID()
	t.Fill(&schemas.Broadcast{Sender: "100", Total: 1_000_000, AcceptedMs: time.Now().UnixMilli()})
	for b.Loop() {
		t.Seen = recipients.NewSeen()
		if n := len(s.expand(&quantum{t: t, n: schedule.MaxQuantum}, time.Now())); n != schedule.MaxQuantum {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/schedule.MaxQuantum, "ns/recipient")
}
