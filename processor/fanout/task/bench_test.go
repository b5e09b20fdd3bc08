package task_test

import (
	"fmt"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/schedule"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// What a quantum costs beside the log: reading phones, finding repeats, encoding sends.
func BenchmarkExpandQuantum(b *testing.B) {
	phones := make([]string, schedule.MaxQuantum)
	for i := range phones {
		phones[i] = fmt.Sprintf("57300%07d", i)
	}
	t := &task.Task{Loaded: task.Loaded{Ref: blob.NewRef(1, []int64{7}), Slice: &task.Slice{Phones: phones}}}
	t.ID, t.Quantum = schemas.NewTaskID(), schedule.MaxQuantum
	t.Fill(&schemas.Broadcast{Sender: "100", Total: 1_000_000, AcceptedMs: time.Now().UnixMilli()})
	for b.Loop() {
		t.Seen = recipients.NewSeen()
		if recs, _ := t.Expand(time.Now(), task.Sender{Region: "CO", Owner: 1}); len(recs) != schedule.MaxQuantum {
			b.Fatal(len(recs))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/schedule.MaxQuantum, "ns/recipient")
}
