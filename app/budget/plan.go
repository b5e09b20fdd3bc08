package budget

import (
	"altavoz/kafka/trim"
	"altavoz/processor/sender/dedup"
	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// What is full, as parts of the budget: from trimAt on it is trimmed, down to trimTo. Broadcasts are refused from all of it on, and taken again
// below takeAt, so that the answer does not change with each segment.
const (
	trimAt = 0.80
	trimTo = 0.70
	takeAt = 0.95
)

// sendsReadBack is how many records below its watermark a sender reads again when it takes a partition over: those that it compares marks of, and those
// that it remembers against repeats.
const sendsReadBack = ledger.MaxOpen + dedup.Size

// steps are the topics that are trimmed, in the order in which they can be spared, and how many records below what their group has committed are
// kept. Sends and results are what a task needs to go on; what is committed of them is in marks and statuses. Blobs and broadcasts
// are also what lists of recipients and retries are made of.
var steps = []struct {
	topics   []stream.Topic
	readBack int64
	noGroup  bool // it is read by reference only
}{
	{topics: []stream.Topic{schemas.TopicSendsBulk, schemas.TopicSendsExpress}, readBack: sendsReadBack},
	{topics: []stream.Topic{schemas.TopicResults}, readBack: 1}, // an aggregator reads the last one again
	{topics: []stream.Topic{schemas.TopicBlobs}, noGroup: true},
	{topics: []stream.Topic{schemas.TopicBroadcasts}, readBack: 1},
}

// topics are those of all steps.
func topics() (all []stream.Topic) {
	for _, s := range steps {
		all = append(all, s.topics...)
	}
	return all
}

// needs is what unfinished tasks need: of a partition the first offset. Where nothing is said of a partition of results, blobs and broadcasts, all of
// it may be needed.
type needs map[stream.TopicPartition]int64

// limit returns the offset below which a log may be trimmed, at least where it begins. Its last record stays: the offsets of a log without
// any record begin anew with zero when an embedded Kafka was killed.
func limit(l trim.Log, readBack int64, noGroup bool, need needs) int64 {
	most := l.End - 1 //mutant:a-log-keeps-its-last-record
	if !noGroup {
		most = min(most, l.Committed-readBack) //mutant:nothing-above-the-watermark-is-trimmed
	}
	if l.Partition.Topic != schemas.TopicSendsBulk && l.Partition.Topic != schemas.TopicSendsExpress {
		first, known := need[l.Partition]
		if !known {
			return l.Begin
		}
		most = min(most, first) //mutant:unfinished-work-is-not-trimmed
	}
	return max(l.Begin, most)
}

// DoneSends returns the offset below which nobody needs the records of a partition of sends any more, at least where it begins: those
// senders are done with, but for what a takeover reads back. A search for a phone begins there.
func DoneSends(l trim.Log) int64 { return limit(l, sendsReadBack, false, nil) }

// plan returns up to where logs are to be trimmed so that as many bytes are freed, as far as possible. Bytes are taken to be spread evenly over
// the records of a log. What one step cannot free the next one does.
func plan(free int64, logs []trim.Log, need needs) map[stream.TopicPartition]int64 {
	cuts := make(map[stream.TopicPartition]int64)
	for _, s := range steps {
		if free <= 0 {
			break
		}
		var can float64
		for _, t := range s.topics {
			for _, l := range logs {
				if l.Partition.Topic == t {
					can += bytesBelow(l, limit(l, s.readBack, s.noGroup, need))
				}
			}
		}
		part := min(1, float64(free)/max(1, can))
		for _, t := range s.topics {
			for _, l := range logs {
				if l.Partition.Topic != t {
					continue
				}
				most := limit(l, s.readBack, s.noGroup, need)
				if to := min(most, l.Begin+int64(part*float64(most-l.Begin))+1); to > l.Begin {
					cuts[l.Partition] = to
				}
			}
		}
		free -= int64(can)
	}
	return cuts
}

// bytesBelow returns how many bytes lie below an offset.
func bytesBelow(l trim.Log, offset int64) float64 {
	if l.End <= l.Begin {
		return 0
	}
	return float64(l.Bytes) * float64(offset-l.Begin) / float64(l.End-l.Begin)
}
