package ledger

import "testing"

// A full ledger is made anew for each commit.
func BenchmarkEncodeFullLedger(b *testing.B) {
	var l Ledger
	for len(l.Append(nil, 0)) < Bytes-LineBytes {
		l.Next++
		l.Lines = append(l.Lines, Line{Offset: l.Next, Cursor: 500_000, Lease: 1000})
	}
	for b.Loop() {
		if _, err := l.Encode(0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(l.Lines)), "lines")
}
