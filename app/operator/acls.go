package operator

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"altavoz/app/upstream"
	"altavoz/processor"
	"altavoz/schemas"
	"altavoz/stream"
)

// Kind is what a right is on.
type Kind string

// The kinds, as kafka-acls.sh names them.
const (
	OnTopic   Kind = "topic"
	OnGroup   Kind = "group"
	OnCluster Kind = "cluster"
)

// Grant is one operation on some resources. Read and Write hold Describe.
type Grant struct {
	Operation string
	Kind      Kind
	Names     []string // as they are called in the cluster; none for the cluster
}

// User is one user of Kafka with the rights that it needs, and no more.
type User struct {
	Name   string
	Grants []Grant
	Redis  bool // it is a user of Redis too
}

// The users besides those of roles.
const (
	Upstream  = "upstream"  // a system that writes broadcasts itself
	Operators = "operators" // people with the altavoz command
)

// consumerOffsets is the brokers' topic of offsets: how it is kept is looked at at the start.
const consumerOffsets = "__consumer_offsets"

// Users returns the users of an installation, made of the same table as the work itself (processor.Topology). Names of
// topics and groups begin with prefix. Upstream systems with a topic of their own have a user each, by the topic's owner. Where sends are trimmed the
// senders may remove them.
func Users(prefix string, sources []upstream.Source, trims bool) []User {
	var out []User
	relay := processor.Relay(upstream.Names(sources))
	for _, s := range processor.Topology() {
		u := User{Name: s.Name, Redis: s.Name == processor.Fanout || s.Name == processor.Sender}
		var groups []string
		var own []stream.Topic                              // of upstream systems
		if s.Name == processor.Fanout && len(sources) > 0 { // the relay works there, and writes nothing else
			own, groups = relay.Consumes, append(groups, prefix+relay.Name)
		}
		if len(s.Consumes) > 0 {
			groups = append(groups, prefix+s.Name)
		}
		reads := append(slices.Concat(s.Consumes, s.Reads, own), schemas.TopicRegistry)
		u.Grants = append(atStart(prefix, own), onTopics("Read", prefix, reads), onTopics("Write", prefix, append(slices.Clone(s.Writes), schemas.TopicRegistry)))
		if len(groups) > 0 {
			u.Grants = append(u.Grants, Grant{"Read", OnGroup, groups})
		}
		if trims && s.Name == processor.Sender {
			u.Grants = append(u.Grants, onTopics("Delete", prefix, s.Consumes))
		}
		out = append(out, u)
	}
	all := slices.Clone(relay.Reads)
	for _, s := range schemas.Topics() {
		all = append(all, s.Topic)
	}
	replayed := append(slices.Clone(relay.Reads), schemas.TopicBroadcasts, schemas.TopicResults, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicRejects)
	out = append(out,
		User{Name: Upstream, Grants: []Grant{onTopics("Write", prefix, []stream.Topic{schemas.TopicBroadcasts, schemas.TopicBlobs})}},
		User{Name: Operators, Grants: append(atStart(prefix, relay.Reads), onTopics("Read", prefix, all), onTopics("Write", prefix, replayed))},
	)
	return append(out, owners(prefix, sources)...)
}

// owners returns the users of upstream systems with topics of their own, which write there and nowhere else.
func owners(prefix string, sources []upstream.Source) (out []User) {
	for _, s := range sources {
		name := Upstream + "-" + s.Owner
		i := slices.IndexFunc(out, func(u User) bool { return u.Name == name })
		if i < 0 {
			i, out = len(out), append(out, User{Name: name, Grants: []Grant{{Operation: "Write", Kind: OnTopic}}})
		}
		out[i].Grants[0].Names = append(out[i].Grants[0].Names, prefix+string(s.Topic))
	}
	return out
}

// atStart is what the check of topics and brokers at each start asks for. own are topics of upstream systems among them.
func atStart(prefix string, own []stream.Topic) []Grant {
	var all []string
	for _, s := range schemas.Topics() {
		all = append(all, prefix+string(s.Topic))
	}
	for _, t := range own {
		all = append(all, prefix+string(t))
	}
	all = append(all, consumerOffsets)
	return []Grant{{"Describe", OnTopic, all}, {"DescribeConfigs", OnTopic, all}, {"DescribeConfigs", OnCluster, nil}}
}

func onTopics(operation, prefix string, of []stream.Topic) Grant {
	g := Grant{Operation: operation, Kind: OnTopic}
	for _, t := range of {
		if name := prefix + string(t); !slices.Contains(g.Names, name) {
			g.Names = append(g.Names, name)
		}
	}
	slices.Sort(g.Names)
	return g
}

// PrintACLs writes the commands that give each user its rights: kafka-acls.sh for Kafka, a line of an ACL file or of redis-cli for Redis. as names a
// user of Kafka, with a %s for the role; servers is where Kafka is.
func PrintACLs(w io.Writer, prefix, as string, servers []string, sources []upstream.Source, trims bool) error {
	if strings.Count(as, "%s") != 1 || strings.Count(as, "%") != 1 {
		return hinted(fmt.Errorf("%q does not say where the role goes", as), "one %s, as in altavoz-%s")
	}
	var b strings.Builder
	for _, u := range Users(prefix, sources, trims) {
		fmt.Fprintf(&b, "# %s\n", u.Name)
		for _, g := range u.Grants {
			fmt.Fprintf(&b, "kafka-acls.sh --bootstrap-server %s --command-config admin.properties --add --allow-principal %s --operation %s",
				strings.Join(servers, ","), quoted("User:"+fmt.Sprintf(as, u.Name)), g.Operation)
			if g.Kind == OnCluster {
				b.WriteString(" --cluster")
			}
			for _, name := range g.Names {
				fmt.Fprintf(&b, " --%s %s", g.Kind, quoted(name))
			}
			b.WriteByte('\n')
		}
		if u.Redis {
			fmt.Fprintf(&b, "%s\n", RedisACL(fmt.Sprintf(as, u.Name)))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("printing the rights: %w", err)
	}
	return nil
}

// RedisACL is the least that a user of Redis needs: the ids of uploaded files, and what a connection begins with.
func RedisACL(user string) string {
	return "ACL SETUSER " + quoted(user) + " reset on '>PASSWORD' '~altavoz:media:*' +get +set +ping +hello +auth +select '+client|setname'"
}

// quoted keeps a name of a person's choice one word of a shell.
func quoted(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:=-,") == "" && text != "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
