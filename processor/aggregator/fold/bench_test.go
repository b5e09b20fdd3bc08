package fold

import (
	"testing"

	"altavoz/schemas"
)

// BenchmarkFold is the pure fold: one operation is one outcome.
func BenchmarkFold(b *testing.B) {
	task := NewTask(task1)
	if _, err := task.Fold(planOf(schemas.MaxRecipients), nil); err != nil {
		b.Fatal(err)
	}
	var o schemas.FlatOutcome
	var i uint32
	for b.Loop() {
		o.Index, o.Mark, o.AtMs = i%schemas.MaxRecipients, uint32(schemas.StateSent), 2000
		if i%100 == 0 {
			o.Mark = uint32(schemas.Failed(131026))
		}
		if _, err := task.FoldOutcome(&o, nil); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "outcomes/s")
}
