package fanout

import (
	"fmt"
	"testing"
	"time"

	"altavoz/schemas"
)

// What a turn costs beside the log: reading phones, finding repeats, encoding sends.
func BenchmarkExpandTurn(b *testing.B) {
	s := &slot{st: &Stage{cfg: Config{Region: "CO"}}}
	t := &task{id: schemas.NewTaskID(), ref: schemas.NewBlobRef(1, []int64{7}), slice: &slice{phones: phonesFrom(0, maxTurn)}}
	t.fill(&schemas.Broadcast{Sender: "100", Total: 1_000_000, AcceptedMs: time.Now().UnixMilli()})
	for b.Loop() {
		t.seen = newSeen()
		if n := len(s.expand(&turn{t: t, n: maxTurn}, time.Now())); n != maxTurn {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/maxTurn, "ns/recipient")
}

func BenchmarkTurnAmong(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := newModel(1e6, bulkSeconds)
			for range n {
				m.add(1 << 31)
			}
			for b.Loop() {
				if e, _ := m.step(); e == nil {
					for e := range m.served {
						m.q.move(e, e.end, e.end)
					}
				}
			}
		})
	}
}

// A full ledger is made anew for each commit.
func BenchmarkEncodeFullLedger(b *testing.B) {
	var l ledger
	for len(l.append(nil, 0)) < ledgerBytes-lineBytes {
		l.next++
		l.entries = append(l.entries, line{offset: l.next, cursor: 500_000, lease: 1000})
	}
	for b.Loop() {
		if _, err := l.encode(0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(l.entries)), "lines")
}
