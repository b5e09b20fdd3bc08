package operator

import (
	"slices"
	"strings"
	"testing"

	"altavoz/processor"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestThreatS14RightsAreThoseOfTheTopology: a role gets what its stage reads and writes, nobody may make or change topics, and upstream reads nothing.
func TestThreatS14RightsAreThoseOfTheTopology(t *testing.T) {
	t.Parallel()
	users := make(map[string]User)
	for _, u := range Users("p.", nil, false) {
		users[u.Name] = u
		for _, g := range u.Grants {
			if !slices.Contains([]string{"Read", "Write", "Describe", "DescribeConfigs"}, g.Operation) {
				t.Errorf("%s may %s", u.Name, g.Operation)
			}
			if u.Name == Upstream && g.Operation != "Write" {
				t.Errorf("upstream may %s %q", g.Operation, g.Names)
			}
		}
	}
	may := func(user, operation string, topic stream.Topic) bool {
		return slices.ContainsFunc(users[user].Grants, func(g Grant) bool {
			return g.Operation == operation && g.Kind == OnTopic && slices.Contains(g.Names, "p."+string(topic))
		})
	}
	for _, s := range processor.Topology() {
		for _, spec := range schemas.Topics() {
			registry := spec.Topic == schemas.TopicRegistry
			if want := registry || slices.Contains(s.Consumes, spec.Topic) || slices.Contains(s.Reads, spec.Topic); may(s.Name, "Read", spec.Topic) != want {
				t.Errorf("%s reads %s: %v", s.Name, spec.Topic, !want)
			}
			if want := registry || slices.Contains(s.Writes, spec.Topic); may(s.Name, "Write", spec.Topic) != want {
				t.Errorf("%s writes %s: %v", s.Name, spec.Topic, !want)
			}
		}
	}
}

// Where sends are trimmed senders may remove them, and nobody may remove anything else.
func TestOnlySendersMayRemoveAndOnlySends(t *testing.T) {
	t.Parallel()
	for _, u := range Users("p.", nil, true) {
		for _, g := range u.Grants {
			if g.Operation == "Delete" && (u.Name != processor.Sender || g.Kind != OnTopic || !slices.Equal(g.Names, []string{"p.sends.bulk", "p.sends.express"})) {
				t.Errorf("%s may remove %q", u.Name, g.Names)
			}
		}
	}
	if a, b := len(slices.Concat(grants(true)...)), len(slices.Concat(grants(false)...)); a != b+1 {
		t.Errorf("%d rights with trimming, and %d without, want one more", a, b)
	}
}

func grants(trims bool) (all [][]Grant) {
	for _, u := range Users("p.", nil, trims) {
		all = append(all, u.Grants)
	}
	return all
}

func TestPrintedRightsAreOneWordOfAShellEach(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := PrintACLs(&out, "a'b;c ", "CN=x y,OU=%s", []string{"k:1", "l:2"}, nil, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		" --bootstrap-server k:1,l:2 ", " --allow-principal 'User:CN=x y,OU=sender' ", ` --topic 'a'\''b;c sends.bulk'`, ` --group 'a'\''b;c sender'`, " --operation DescribeConfigs --cluster\n",
		"ACL SETUSER 'CN=x y,OU=fanout' reset on '>PASSWORD' '~altavoz:media:*' ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
