package limits

import (
	"fmt"
	"testing"
	"time"

	"altavoz/schemas"
)

// BenchmarkShut is what a window costs each time a send has its turn.
func BenchmarkShut(b *testing.B) {
	for _, w := range []*schemas.Window{nil, schemas.Preset(schemas.PresetLey2300)} {
		b.Run(fmt.Sprint(w != nil), func(b *testing.B) {
			o, now := &Opening{Window: w}, time.Now()
			for b.Loop() {
				o.ClosedUntil(now)
			}
		})
	}
}
