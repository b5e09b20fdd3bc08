// Package lastresult is the result that was folded last. It is committed beside the position, so that a log which lost its end and goes on
// with other results is noticed: what would be passed over would be outcomes.
package lastresult

import (
	"fmt"
	"hash/crc32"

	"altavoz/stream"
)

// Result is a result by its place and what it is.
type Result struct {
	Offset int64
	Sum    uint32 // 0: none is known
}

// Of returns that of a record.
func Of(rec *stream.Record) Result {
	return Result{rec.Offset, max(1, crc32.ChecksumIEEE(rec.Value))}
}

const format = "1 %d %08x" // a version first

func (l Result) String() string { return fmt.Sprintf(format, l.Offset, l.Sum) }

// Parse reads what String wrote.
func Parse(text string) (l Result, ok bool) {
	_, err := fmt.Sscanf(text, format, &l.Offset, &l.Sum)
	return l, err == nil
}
