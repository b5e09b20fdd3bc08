package aggregator

import (
	"context"
	"fmt"
	"hash/crc32"

	"altavoz/stream"
)

// last is the result that was folded last. It is committed beside the position, so that a log which lost its end and goes on with
// other results is noticed: what would be passed over would be outcomes.
type last struct {
	offset int64
	sum    uint32 // 0: none is known
}

func lastOf(rec *stream.Record) last { return last{rec.Offset, max(1, crc32.ChecksumIEEE(rec.Value))} }

const lastFormat = "1 %d %08x" // a version first

func (l last) String() string { return fmt.Sprintf(lastFormat, l.offset, l.sum) }

func parseLast(text string) (l last, ok bool) {
	_, err := fmt.Sscanf(text, lastFormat, &l.offset, &l.sum)
	return l, err == nil
}

// verify holds a position against its log. Where they do not agree all that the log has is folded again: the fold is a maximum, so
// that changes nothing but for what was not folded yet. A position of the version before says nothing of its result.
func (st *Stage) verify(ctx context.Context, pos stream.Position) (stream.Position, error) {
	same := pos.Offset <= pos.End && (!pos.Begun || pos.Metadata != "")
	if l, ok := parseLast(pos.Metadata); same && ok && l.sum != 0 && l.offset >= pos.Begin {
		same = false
		err := st.ports.Table.Range(ctx, pos.Partition, l.offset, l.offset+1, func(rec stream.Record) error {
			same = lastOf(&rec) == l
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
