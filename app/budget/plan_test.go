package budget

import (
	"testing"

	"pgregory.net/rapid"

	"altavoz/kafka/trim"
	"altavoz/schemas"
	"altavoz/stream"
)

// drawn is logs of all topics that are trimmed, and what unfinished tasks need of them.
func drawn(t *rapid.T) (logs []trim.Log, need needs) {
	need = make(needs)
	offset := rapid.Int64Range(0, 200_000)
	for _, topic := range topics() {
		for p := range rapid.Int32Range(1, 3).Draw(t, "partitions") {
			of := stream.TopicPartition{Topic: topic, Partition: p}
			begin := offset.Draw(t, "begin")
			l := trim.Log{Partition: of, Bytes: rapid.Int64Range(0, 1<<30).Draw(t, "bytes"), Begin: begin, End: begin + offset.Draw(t, "records"), Committed: stream.NoOffset}
			if rapid.Bool().Draw(t, "committed") {
				l.Committed = rapid.Int64Range(0, l.End).Draw(t, "watermark")
			}
			if rapid.Bool().Draw(t, "known") {
				need[of] = rapid.OneOf(rapid.Just(l.End), rapid.Int64Range(0, l.End)).Draw(t, "needed")
			}
			logs = append(logs, l)
		}
	}
	return logs, need
}

func isSends(t stream.Topic) bool {
	return t == schemas.TopicSendsBulk || t == schemas.TopicSendsExpress
}

func TestNothingThatIsNeededIsTrimmed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		logs, need := drawn(t)
		cuts := plan(rapid.Int64Range(0, 1<<34).Draw(t, "free"), logs, need)
		for _, l := range logs {
			to, cut := cuts[l.Partition]
			if !cut {
				continue
			}
			first, known := need[l.Partition]
			switch topic := l.Partition.Topic; {
			case to <= l.Begin || to >= l.End:
				t.Errorf("%s is trimmed to %d, want it above %d and below its end %d", l.Partition, to, l.Begin, l.End)
			case isSends(topic) && to > l.Committed-sendsReadBack:
				t.Errorf("%s is trimmed to %d, committed is %d, and a takeover reads %d records back", l.Partition, to, l.Committed, sendsReadBack)
			case topic != schemas.TopicBlobs && to > l.Committed:
				t.Errorf("%s is trimmed to %d, above the watermark %d", l.Partition, to, l.Committed)
			case !isSends(topic) && (!known || to > first):
				t.Errorf("%s is trimmed to %d; an unfinished task needs it from %d (known: %v)", l.Partition, to, first, known)
			}
		}
	})
}

// A step that can free enough spares the steps after it, and one that cannot gives all that it may.
func TestWhatIsSparedLongestIsTrimmedLast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		logs, need := drawn(t)
		free := rapid.Int64Range(1, 1<<34).Draw(t, "free")
		cuts := plan(free, logs, need)
		left := free
		for _, s := range steps {
			var can, does float64
			for _, topic := range s.topics {
				for _, l := range logs {
					if l.Partition.Topic != topic {
						continue
					}
					can += bytesBelow(l, limit(l, s.readBack, s.noGroup, need))
					if to, ok := cuts[l.Partition]; ok {
						does += bytesBelow(l, to)
						if left <= 0 {
							t.Errorf("%s is trimmed, and what comes before it suffices", l.Partition)
						}
					}
				}
			}
			if want := min(can, float64(left)); left > 0 && does+1 < want {
				t.Errorf("%v frees %.0f bytes, want %.0f of the %.0f that it can", s.topics, does, want, can)
			}
			left -= int64(can)
		}
	})
}
