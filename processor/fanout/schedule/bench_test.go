package schedule

import (
	"fmt"
	"testing"

	"altavoz/schemas"
)

// What it costs to find whose turn it is.
func BenchmarkTurnAmong(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := newModel(1e6, schemas.LaneBulk)
			for range n {
				m.add(1 << 31)
			}
			for b.Loop() {
				if e, _ := m.step(); e == nil {
					for e := range m.served {
						m.q.Move(e, e.End, e.End)
					}
				}
			}
		})
	}
}
