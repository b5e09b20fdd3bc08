package topics_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

func spec(t *testing.T, of stream.Topic) schemas.TopicSpec {
	t.Helper()
	for _, s := range schemas.Topics() {
		if s.Topic == of {
			return s
		}
	}
	t.Fatalf("no topic %s", of)
	return schemas.TopicSpec{}
}

// says reports whether one of the findings has all the words.
func says(found []string, words ...string) bool {
	for _, f := range found {
		all := true
		for _, w := range words {
			all = all && strings.Contains(f, w)
		}
		if all {
			return true
		}
	}
	return false
}

func TestTopicAsItIsCreatedIsRight(t *testing.T) {
	t.Parallel()
	for _, s := range schemas.Topics() {
		for brokers, replicas := range map[int]int{1: 1, 3: 3} {
			var f topics.Findings
			is := topics.Topic{Name: "a." + string(s.Topic), Settings: topics.Settings(s), Replicas: replicas}
			is.Settings["min.insync.replicas"] = fmt.Sprint((replicas + 1) / 2)
			is.Settings["unclean.leader.election.enable"] = "false"
			if f.CheckTopic(s, is, brokers); len(f.Wrong)+len(f.Weak) > 0 {
				t.Errorf("got %+v, want no finding", f)
			}
		}
	}
}

func TestReplicasAreJudgedByWhetherAPromiseBreaks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replicas, brokers int
		in, unclean       string
		wrong, weak       string
	}{
		"one node":                         {1, 1, "1", "true", "", ""},
		"one replica on three":             {1, 3, "1", "false", "", "one replica on one of 3 brokers"},
		"three, one acknowledges":          {3, 3, "1", "false", "", "may be acknowledged by one broker alone"},
		"three, two acknowledge":           {3, 3, "2", "false", "", ""},
		"more must acknowledge than have":  {1, 1, "2", "false", "nothing can be written", ""},
		"a broker that missed may lead":    {3, 3, "2", "true", "", "unclean.leader.election.enable=true"},
		"the broker does not tell":         {3, 3, "", "", "", ""},
		"nobody may ask for the replicas ": {0, 0, "1", "true", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f topics.Findings
			f.CheckReplicas(topics.Topic{Name: "a.sends.bulk", Replicas: c.replicas, Settings: map[string]string{
				"min.insync.replicas": c.in, "unclean.leader.election.enable": c.unclean,
			}}, c.brokers)
			if (c.wrong == "") != (len(f.Wrong) == 0) || c.wrong != "" && !says(f.Wrong, "a.sends.bulk", c.wrong) {
				t.Errorf("wrong is %q, want %q", f.Wrong, c.wrong)
			}
			if (c.weak == "") != (len(f.Weak) == 0) || c.weak != "" && !says(f.Weak, "a.sends.bulk", c.weak) {
				t.Errorf("weak is %q, want %q", f.Weak, c.weak)
			}
		})
	}
}

func TestBrokersAreJudgedByWhatTheyKeepOfLedgers(t *testing.T) {
	t.Parallel()
	week, month := "10080", "44640"
	sends := func(retention string) map[string]string {
		return map[string]string{"retention.ms": retention}
	}
	for name, c := range map[string]struct {
		broker, sends map[string]string
		wrong, weak   string
	}{
		"as Kafka is set by default": {map[string]string{"offset.metadata.max.bytes": "4096", "offsets.retention.minutes": week}, nil, "", "a.broadcasts (14 days)"},
		"offsets kept for a month":   {map[string]string{"offset.metadata.max.bytes": "4096", "offsets.retention.minutes": month}, nil, "", ""},
		"little metadata":            {map[string]string{"offset.metadata.max.bytes": "1024", "offsets.retention.minutes": month}, nil, "offset.metadata.max.bytes=1024", ""},
		"offsets kept for five days": {map[string]string{"offsets.retention.minutes": "7200"}, nil, "a.sends.bulk needs (6 days)", "a.broadcasts"},
		"five days, sends for ever":  {map[string]string{"offsets.retention.minutes": "7200"}, sends("-1"), "a.sends.bulk needs (6 days)", "a.broadcasts"},
		"sends kept for longer":      {map[string]string{"offsets.retention.minutes": week}, sends("864000000"), "", "a.sends.bulk keeps its records longer (10 days)"},
		"sends kept for ever":        {map[string]string{"offsets.retention.minutes": month}, sends("-1"), "", "a.sends.bulk keeps its records longer (for ever)"},
		"the broker does not tell":   {map[string]string{}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := make(map[stream.Topic]topics.Topic)
			for _, s := range schemas.Topics() {
				all[s.Topic] = topics.Topic{Name: "a." + string(s.Topic)}
			}
			all[schemas.TopicSendsBulk] = topics.Topic{Name: "a.sends.bulk", Settings: c.sends}
			var f topics.Findings
			f.CheckBroker(topics.Broker{ID: 7, Settings: c.broker}, all)
			if (c.wrong == "") != (len(f.Wrong) == 0) || c.wrong != "" && !says(f.Wrong, "broker 7", c.wrong) {
				t.Errorf("wrong is %q, want %q", f.Wrong, c.wrong)
			}
			if (c.weak == "") != (len(f.Weak) == 0) || c.weak != "" && !says(f.Weak, "broker 7", c.weak) {
				t.Errorf("weak is %q, want %q", f.Weak, c.weak)
			}
		})
	}
}

func TestChangedNumberOfPartitionsIsWrong(t *testing.T) {
	t.Parallel()
	name := func(t stream.Topic) string { return "a." + string(t) }
	had := make(map[stream.Topic]int32)
	for _, s := range schemas.Topics() {
		had[s.Topic] = s.Partitions
	}
	var f topics.Findings
	if f.CheckLayout(name, had, had); len(f.Wrong) > 0 {
		t.Errorf("got %q, want none", f.Wrong)
	}
	if f.CheckLayout(name, had, nil); len(f.Wrong) > 0 {
		t.Errorf("where nothing is remembered: %q, want none", f.Wrong)
	}
	for _, s := range schemas.Topics() {
		have := maps.Clone(had)
		have[s.Topic]++
		var f topics.Findings
		if f.CheckLayout(name, have, had); !says(f.Wrong, name(s.Topic)+" has ", "first started") {
			t.Errorf("%s: wrong is %q, want the number of partitions it has and was first started with", s.Topic, f.Wrong)
		}
	}
	if want := spec(t, schemas.TopicControls); want.Partitions != 1 {
		t.Errorf("%d partitions of controls, want 1", want.Partitions)
	}
}
