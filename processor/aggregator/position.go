package aggregator

import (
	"context"
	"fmt"

	"altavoz/processor/aggregator/lastresult"
	"altavoz/stream"
)

// verify compares a position with its log. Where they do not agree all that the log has is folded again: the fold is a maximum, so
// that changes nothing but for what was not folded yet. A position that an
// earlier version committed has no result beside it.
func (st *Stage) verify(ctx context.Context, pos stream.Position) (stream.Position, error) {
	same := pos.Offset <= pos.End && (!pos.Begun || pos.Metadata != "")
	if l, ok := lastresult.Parse(pos.Metadata); same && ok && l.Sum != 0 && l.Offset >= pos.Begin {
		same = false
		err := st.ports.Table.Range(ctx, pos.Partition, l.Offset, l.Offset+1, func(rec stream.Record) error {
			same = lastresult.Of(&rec) == l
			return nil
		})
		if err != nil {
			return pos, fmt.Errorf("reading the last result again: %w", err)
		}
	}
	if same || pos.Offset == stream.NoOffset && pos.End == pos.Begin {
		return pos, nil
	}
	st.metrics.Disagreements.Inc()
	st.log.Error("position and log of results do not agree: all that the log has is folded again", "partition", pos.Partition.Partition,
		"committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	pos.Offset = pos.Begin
	return pos, nil
}
