package topics

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"altavoz/kafka"
	"altavoz/stream"
)

// inspect asks how the topics and the brokers are set, and returns how many partitions each topic has and what is wrong. table is what there
// must be, have what was listed of it, name what topics are called in the cluster, and had how many partitions they had at the first start.
func inspect(ctx context.Context, adm *kadm.Client, table kafka.TopicTable, have kadm.TopicDetails, name func(stream.Topic) string, had map[stream.Topic]int32) (
	layout map[stream.Topic]int32, found Findings, err error,
) {
	configs, err := adm.DescribeTopicConfigs(ctx, append(have.Names(), ConsumerOffsets)...)
	if err != nil {
		return nil, found, fmt.Errorf("reading the settings of topics: %w", err)
	}
	all := brokers(ctx, adm)
	layout = make(map[stream.Topic]int32)
	topics := make(map[stream.Topic]Topic)
	for _, s := range table {
		d, ok := have[name(s.Topic)]
		if !ok || d.Err != nil {
			if ok && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
				return nil, found, fmt.Errorf("topic %s: %w", name(s.Topic), d.Err)
			}
			found.wrong("%s does not exist", name(s.Topic))
			continue
		}
		layout[s.Topic], topics[s.Topic] = int32(len(d.Partitions)), describe(d, configs)
		found.CheckTopic(s, topics[s.Topic], len(all))
	}
	found.CheckLayout(name, layout, had)
	for _, b := range all {
		found.CheckBroker(b, topics)
	}
	if offsets, err := adm.ListTopicsWithInternal(ctx, ConsumerOffsets); err == nil && offsets.Has(ConsumerOffsets) {
		found.CheckReplicas(describe(offsets[ConsumerOffsets], configs), len(all))
	}
	return layout, found, nil
}

func describe(d kadm.TopicDetail, configs kadm.ResourceConfigs) Topic {
	is := Topic{Name: d.Topic, Settings: make(map[string]string)}
	for _, p := range d.Partitions {
		if n := len(p.Replicas); is.Replicas == 0 || n < is.Replicas {
			is.Replicas = n
		}
	}
	if rc, err := configs.On(d.Topic, nil); err == nil && rc.Err == nil {
		for _, kv := range rc.Configs {
			is.Settings[kv.Key] = kv.MaybeValue()
		}
	}
	return is
}

// brokers describes every broker; not everybody may ask for their settings.
func brokers(ctx context.Context, adm *kadm.Client) (out []Broker) {
	known, err := adm.ListBrokers(ctx)
	if err != nil {
		return nil
	}
	described, err := adm.DescribeBrokerConfigs(ctx, known.NodeIDs()...)
	for _, id := range known.NodeIDs() {
		b := Broker{ID: id, Settings: make(map[string]string)}
		if rc, on := described.On(strconv.Itoa(int(id)), nil); err == nil && on == nil && rc.Err == nil {
			for _, kv := range rc.Configs {
				b.Settings[kv.Key] = kv.MaybeValue()
			}
		}
		out = append(out, b)
	}
	return out
}
