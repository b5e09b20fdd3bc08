// Package upstream is the topics that upstream systems have of their own, and whose each is. The relay takes over what is written there.
package upstream

import (
	"fmt"
	"slices"
	"strings"

	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	maxTopics = 100 // each costs the relay's group some partitions
	// maxName is Kafka's, less a prefix of 64.
	maxName = 249 - 64
)

// Rule says what ALTAVOZ_UPSTREAM_TOPICS holds.
const Rule = "it looks like crm.broadcasts=crm,shop.broadcasts=shop: topics without ALTAVOZ_KAFKA_TOPIC_PREFIX, and whose each is; " + access.OwnerRule

// Source is a topic with an owner of its own.
type Source struct {
	Topic stream.Topic // without prefix
	Owner string
}

// Parse reads entries of the form TOPIC=OWNER.
func Parse(entries []string) ([]Source, error) {
	if len(entries) > maxTopics {
		return nil, fmt.Errorf("%d topics are more than %d", len(entries), maxTopics)
	}
	out := make([]Source, 0, len(entries))
	for _, e := range entries {
		name, owner, ok := strings.Cut(strings.TrimSpace(e), "=")
		s := Source{stream.Topic(name), owner}
		switch {
		case !ok:
			return nil, fmt.Errorf("%q is not TOPIC=OWNER", e)
		case !isTopic(name):
			return nil, fmt.Errorf("%q is no topic: 1 to %d of A-Z a-z 0-9 . _ -", name, maxName)
		case !access.IsOwner(owner):
			return nil, fmt.Errorf("%q, whose the topic %s should be, is no owner", owner, name)
		case slices.ContainsFunc(schemas.Topics(), func(t schemas.TopicSpec) bool { return same(t.Topic, s.Topic) }):
			return nil, fmt.Errorf("the topic %s is altavoz' own", name)
		case slices.ContainsFunc(out, func(o Source) bool { return same(o.Topic, s.Topic) }):
			return nil, fmt.Errorf("the topic %s is there twice", name)
		}
		out = append(out, s)
	}
	return out, nil
}

// same reports whether two topics can't exist beside one another: Kafka takes . and _ for one in the names of metrics.
func same(a, b stream.Topic) bool {
	return strings.ReplaceAll(string(a), "_", ".") == strings.ReplaceAll(string(b), "_", ".")
}

func isTopic(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// Topics returns the table of topics with the sources behind it: such a topic is made, kept and bounded as broadcasts is.
func Topics(sources []Source) []schemas.TopicSpec {
	table := schemas.Topics()
	like := table[slices.IndexFunc(table, func(s schemas.TopicSpec) bool { return s.Topic == schemas.TopicBroadcasts })]
	for _, s := range sources {
		like.Topic = s.Topic
		table = append(table, like)
	}
	return table
}

// Names returns the topics.
func Names(sources []Source) (out []stream.Topic) {
	for _, s := range sources {
		out = append(out, s.Topic)
	}
	return out
}

// Owners returns whose each topic is.
func Owners(sources []Source) map[stream.Topic]string {
	out := make(map[stream.Topic]string, len(sources))
	for _, s := range sources {
		out[s.Topic] = s.Owner
	}
	return out
}
