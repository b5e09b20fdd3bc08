package sender

import (
	"context"

	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// takeOver reads the ledger that was committed and compares it with the log. changed reports whether it has to be committed anew.
func (st *Stage) takeOver(ctx context.Context, pos stream.Position) (l *ledger.Ledger[*send], changed bool, err error) {
	l, at, why, err := ledger.TakeOver[*send](pos, func(offset int64) (uint32, bool, error) {
		rec, found, err := st.ports.Records.Record(ctx, pos.Partition, offset)
		if err != nil || !found {
			return 0, false, err
		}
		// Which record a newer version wrote only that version can say: this one waits for it.
		if err := schemas.CheckVersion(&rec); err != nil { //mutant:ledger-of-newer-records-is-left-as-it-is
			return 0, false, err
		}
		in := decode(&rec)
		return in.checksum(), true, nil
	})
	if err != nil || why == "" {
		return l, false, err //nolint:wrapcheck // OnAssigned says what it is about
	}
	st.metrics.disagreements.Inc()
	st.log.Error("ledger and log do not agree; sends that may have been made are unknown", "disagreement", string(why), "topic", pos.Partition.Topic,
		"partition", pos.Partition.Partition, "committed", pos.Offset, "begin", pos.Begin, "end", pos.End, "unknown_from", at.From, "unknown_to", at.To)
	return l, true, nil
}
