package aggregator

import (
	"context"
	"fmt"
	"hash/crc32"

	"altavoz/stream"
)

// lastResult is the result that was folded last. It is committed beside the position, so that a log which lost its end and goes on with
// other results is noticed: what would be passed over would be outcomes.
type lastResult struct {
	offset int64
	sum    uint32 // 0: none is known
}

func lastResultOf(rec *stream.Record) lastResult {
	return lastResult{rec.Offset, max(1, crc32.ChecksumIEEE(rec.Value))}
}

const lastFormat = "1 %d %08x" // a version first

func (l lastResult) String() string { return fmt.Sprintf(lastFormat, l.offset, l.sum) }

func parseLastResult(text string) (l lastResult, ok bool) {
	_, err := fmt.Sscanf(text, lastFormat, &l.offset, &l.sum)
	return l, err == nil
}

// verify compares a position with its log. Where they do not agree all that the log has is folded again: the fold is a maximum, so
// that changes nothing but for what was not folded yet. A position that an
// earlier version committed has no result beside it.
func (st *Stage) verify(ctx context.Context, pos stream.Position) (stream.Position, error) {
	same := pos.Offset <= pos.End && (!pos.Begun || pos.Metadata != "")
	if l, ok := parseLastResult(pos.Metadata); same && ok && l.sum != 0 && l.offset >= pos.Begin {
		same = false
		err := st.ports.Table.Range(ctx, pos.Partition, l.offset, l.offset+1, func(rec stream.Record) error {
			same = lastResultOf(&rec) == l
			return nil
		})
		if err != nil {
			return pos, fmt.Errorf("reading the last result again: %w", err)
		}
	}
	if same || pos.Offset == stream.NoOffset && pos.End == pos.Begin {
		return pos, nil
	}
	st.metrics.disagreements.Inc()
	st.log.Error("position and log of results do not agree: all that the log has is folded again", "partition", pos.Partition.Partition,
		"committed", pos.Offset, "begin", pos.Begin, "end", pos.End)
	pos.Offset = pos.Begin
	return pos, nil
}
