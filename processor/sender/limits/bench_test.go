package limits

import (
	"strconv"
	"testing"
	"time"

	"altavoz/schemas"
)

// BenchmarkCooldown: what the cooldown costs a send, at 11,000 a second.
func BenchmarkCooldown(b *testing.B) {
	type pair struct {
		number *int
		phone  schemas.Phone
	}
	var n int
	var p Cooldown[pair]
	phones := make([]pair, 1<<20)
	for i := range phones {
		phones[i] = pair{&n, schemas.Phone("57" + strconv.Itoa(3_000_000_000+i))}
	}
	now := time.Now()
	i := 0
	for b.Loop() {
		k := phones[i%len(phones)]
		now = now.Add(time.Second / 11_000)
		for range 2 { // when it is admitted, and when its turn in its group comes
			if !p.Until(k).Before(now) {
				b.Fatal("held")
			}
		}
		p.Start(k, now)
		p.Reset(k)
		i++
	}
}
