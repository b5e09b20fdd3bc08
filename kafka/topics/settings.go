package topics

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// MinCompactionLag is how long every record of a compacted topic stays readable: readers fold every record they see
	// instead of trusting the last one, which may be a zombie's.
	MinCompactionLag = 10 * time.Minute
	compactedSegment = 16 << 20 // bytes; small, so that compaction gets to work and a reader has little to read
	// shortRetention is below which a topic's segments are closed after closing: by default that takes a week, and only a closed one is deleted.
	shortRetention = 2 * day
	closing        = 6 * time.Hour
)

// ConsumerOffsets is the topic in which brokers keep what groups commit: all ledgers lie there.
const ConsumerOffsets = "__consumer_offsets"

// Names of settings.
const (
	minInSync     = "min.insync.replicas"
	unclean       = "unclean.leader.election.enable"
	retentionTime = "retention.ms"
)

// Findings are what is wrong. A promise breaks with each of Wrong, so nothing starts; Weak can be lived with.
type Findings struct {
	Wrong, Weak []string
}

func (f *Findings) wrong(format string, args ...any) {
	f.Wrong = append(f.Wrong, fmt.Sprintf(format, args...))
}

func (f *Findings) weak(format string, args ...any) {
	f.Weak = append(f.Weak, fmt.Sprintf(format, args...))
}

// Topic is a topic as its brokers describe it.
type Topic struct {
	Name     string            // in the cluster
	Settings map[string]string // empty: the broker does not tell
	Replicas int               // of the partition with the fewest; 0: not known
}

// Settings returns the settings with which a topic is created.
func Settings(s schemas.TopicSpec) map[string]string {
	set := map[string]string{"max.message.bytes": strconv.Itoa(maxMessage(s)), "cleanup.policy": policy(s)}
	if s.Compact {
		set["min.compaction.lag.ms"] = strconv.FormatInt(MinCompactionLag.Milliseconds(), 10)
		set["segment.bytes"] = strconv.Itoa(compactedSegment)
	}
	if s.Retention == 0 {
		return set
	}
	set[retentionTime] = strconv.FormatInt(s.Retention.Milliseconds(), 10)
	if s.Retention < shortRetention {
		set["segment.ms"] = strconv.FormatInt(closing.Milliseconds(), 10)
	}
	set["retention.bytes"] = "-1" // accepted work is never thrown away for room
	return set
}

// policy is how a topic's records leave it.
func policy(s schemas.TopicSpec) string {
	switch {
	case s.Compact && s.Retention > 0:
		return "compact,delete"
	case s.Compact:
		return "compact"
	default:
		return "delete"
	}
}

// maxMessage is the largest batch: a record with its key, headers and framing.
func maxMessage(s schemas.TopicSpec) int { return s.MaxRecord + 64<<10 }

// number returns a setting that is one. A setting that the broker does not tell is not judged.
func (t Topic) number(key string) (int64, bool) {
	n, err := strconv.ParseInt(t.Settings[key], 10, 64)
	return n, err == nil
}

// deletes reports whether records leave the topic by their age.
func (t Topic) deletes() bool { return strings.Contains(t.Settings["cleanup.policy"], "delete") }

// CheckTopic compares a topic with the table.
func (f *Findings) CheckTopic(s schemas.TopicSpec, t Topic, brokers int) {
	bad := func(key, why string) { f.wrong("%s has %s=%s, %s", t.Name, key, t.Settings[key], why) }
	compacts, told := t.Settings["cleanup.policy"]
	deletes := t.deletes()
	switch {
	case told && strings.Contains(compacts, "compact") != s.Compact:
		bad("cleanup.policy", "which must be "+policy(s))
	case told && s.Compact && s.Retention == 0 && deletes:
		bad("cleanup.policy", "which would forget tasks by age; it must be "+policy(s))
	}
	if n, ok := t.number("max.message.bytes"); ok && n < int64(s.MaxRecord) {
		bad("max.message.bytes", fmt.Sprintf("which must be at least %d", maxMessage(s)))
	}
	if s.Retention > 0 && deletes {
		if n, ok := t.number(retentionTime); ok && n >= 0 && n < s.Retention.Milliseconds() {
			bad(retentionTime, fmt.Sprintf("which must be at least %d", s.Retention.Milliseconds()))
		}
		if n, ok := t.number("retention.bytes"); ok && n >= 0 {
			bad("retention.bytes", "which throws accepted work away; it must be -1")
		}
	}
	f.CheckReplicas(t, brokers)
}

// CheckReplicas judges how a topic survives the loss of a broker. One replica on one broker is an installation of one node; what
// breaks a promise is a setting by which an acknowledged record is lost although brokers that have it live, or by which nothing
// can be written.
func (f *Findings) CheckReplicas(t Topic, brokers int) {
	if t.Replicas == 0 {
		return
	}
	in, told := t.number(minInSync)
	switch {
	case told && in > int64(t.Replicas):
		f.wrong("%s has %s=%d and %d replicas: nothing can be written to it; lower the one or add replicas (kafka-reassign-partitions.sh)", t.Name, minInSync, in, t.Replicas)
	case t.Replicas == 1 && brokers > 1:
		f.weak("%s has one replica on one of %d brokers: with that broker's disk all of it is lost; add replicas with kafka-reassign-partitions.sh (3, with %s=2)", t.Name, brokers, minInSync)
	case told && t.Replicas > 1 && in == 1:
		f.weak("%s has %d replicas and %s=1: a record may be acknowledged by one broker alone and be lost with it; set %s=2", t.Name, t.Replicas, minInSync, minInSync)
	}
	if t.Replicas > 1 && t.Settings[unclean] == "true" {
		// A warning: it is the default of managed Kafkas, and a log that lost its end is noticed wherever it is read, so nobody is sent to twice.
		f.weak("%s has %s=true: a broker that missed records may be elected, and what was acknowledged, also a broadcast, is gone; set it to false "+
			"(kafka-configs.sh --alter)", t.Name, unclean)
	}
}

// Broker is a broker's own settings.
type Broker struct {
	ID       int32
	Settings map[string]string
}

// CheckBroker judges what of a broker's settings the ledgers rest on. Topics are those of the table, as described.
func (f *Findings) CheckBroker(b Broker, topics map[stream.Topic]Topic) {
	number := func(key string) (int64, bool) {
		n, err := strconv.ParseInt(b.Settings[key], 10, 64)
		return n, err == nil
	}
	if n, ok := number("offset.metadata.max.bytes"); ok && n < stream.MaxMetadata {
		f.wrong("broker %d has offset.metadata.max.bytes=%d: ledgers take up to %d, and a partition whose ledger does not fit stands still; set it to %d or more",
			b.ID, n, stream.MaxMetadata, stream.MaxMetadata)
	}
	minutes, ok := number("offsets.retention.minutes")
	if !ok {
		return
	}
	keeps := time.Duration(minutes) * time.Minute
	for _, s := range schemas.Topics() {
		t := topics[s.Topic]
		kept := s.Retention
		if ms, ok := t.number(retentionTime); ok {
			kept = max(kept, time.Duration(ms)*time.Millisecond)
			if ms < 0 {
				kept = 0
			}
		}
		if t.Name == "" || s.Compact || s.Retention == 0 || kept > 0 && keeps > kept {
			continue
		}
		switch s.Topic {
		case schemas.TopicSendsBulk, schemas.TopicSendsExpress:
			// What counts is how long sends wait, and that ends before the retention that altavoz asks for. What a topic keeps beyond it is over.
			if keeps <= s.Retention {
				f.wrong("broker %d has offsets.retention.minutes=%d, which is not above the retention that %s needs (%s): ledgers would be gone before "+
					"their sends, and those that wait be unknown; set it to %d or more", b.ID, minutes, t.Name, retention(s.Retention), int64((s.Retention + day).Minutes()))
				continue
			}
			f.weak("broker %d has offsets.retention.minutes=%d, and %s keeps its records longer (%s) than altavoz needs (%s): after so long a standstill all that "+
				"lie there are asked for again, and who of them has no outcome is unknown; lower its %s to %d", b.ID, minutes, t.Name, retention(kept), retention(s.Retention),
				retentionTime, s.Retention.Milliseconds())
		case schemas.TopicBroadcasts, schemas.TopicResults:
			f.weak("broker %d has offsets.retention.minutes=%d, which is not above the retention of %s (%s): after so long a standstill broadcasts that were under way "+
				"end as unknown, and all results are folded again; set it to %d or more", b.ID, minutes, t.Name, retention(kept), int64((s.Retention + day).Minutes()))
		case schemas.TopicBlobs, schemas.TopicControls, schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicEvents, schemas.TopicCallbacks, schemas.TopicOptOuts, schemas.TopicInbound, schemas.TopicSent, schemas.TopicPeople, schemas.TopicRejects, schemas.TopicRegistry: // no group reads it, or, of events, nothing older than a day
		}
	}
}

const day = 24 * time.Hour

func retention(d time.Duration) string {
	if d == 0 {
		return "for ever"
	}
	return strconv.FormatFloat(d.Hours()/24, 'g', 3, 64) + " days"
}

// likeResults are the topics that have a partition for each of results: what is written there of a task lies in the partition of the same number.
var likeResults = []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses, schemas.TopicEvents, schemas.TopicCallbacks}

// CheckLayout compares how many partitions topics have with how many they must have, and had when altavoz first started; had is
// empty where that is not known.
func (f *Findings) CheckLayout(names func(stream.Topic) string, have, had map[stream.Topic]int32) {
	for _, t := range likeResults {
		if have[t] != have[schemas.TopicResults] {
			f.wrong("%s has %d partitions and %s has %d: they must have the same number", names(t), have[t], names(schemas.TopicResults), have[schemas.TopicResults])
		}
	}
	for t, why := range map[stream.Topic]string{schemas.TopicControls: "what is said of a task is one order", schemas.TopicRegistry: "it is read whole", schemas.TopicOptOuts: "one broker says up to where it is known"} {
		if n := have[t]; n > 1 {
			f.wrong("%s has %d partitions, which must be 1: %s", names(t), n, why)
		}
	}
	for _, s := range schemas.Topics() {
		if was, n := had[s.Topic], have[s.Topic]; was > 0 && n > 0 && n != was { //mutant:added-partitions-are-wrong
			f.wrong("%s has %d partitions and had %d when altavoz first started: keys would be sought where they are not, and somebody be sent to twice; "+
				"make the topics anew under another ALTAVOZ_KAFKA_TOPIC_PREFIX once all tasks are finished", names(s.Topic), n, was)
		}
	}
}
