package repo

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/schemas/people"
	"altavoz/schemas/reply"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// asyncAPI is the document of the topics.
type asyncAPI struct {
	Channels map[string]struct {
		Address  string
		Messages map[string]reference
		Bindings struct{ Kafka topicBinding }
	}
	Operations map[string]struct{ Channel reference }
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Enum []string }
		}
		Messages map[string]struct {
			Payload  reference
			Protobuf string `yaml:"x-protobuf"`
		}
	}
}

type reference struct {
	Ref string `yaml:"$ref"`
}

type topicBinding struct {
	Partitions int32
	Settings   struct {
		Cleanup    []string `yaml:"cleanup.policy"`
		Retention  string   `yaml:"retention.ms"`
		MaxMessage string   `yaml:"max.message.bytes"`
	} `yaml:"topicConfiguration"`
}

func readAsyncAPI(t *testing.T) (doc asyncAPI) {
	t.Helper()
	text, err := os.ReadFile(path.Join(Root, "schemas/asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// upstream is the channel of topics that are configured.
const upstream = "upstream"

func TestAsyncAPIHasEveryTopicAsItIsCreated(t *testing.T) {
	t.Parallel()
	doc := readAsyncAPI(t)
	got, want := make(map[string]topicBinding), make(map[string]topicBinding)
	for name, channel := range doc.Channels {
		if name == upstream {
			continue
		}
		got[name] = channel.Bindings.Kafka
		if channel.Address != "altavoz."+name {
			t.Errorf("%s has the address %s", name, channel.Address)
		}
	}
	for _, spec := range schemas.Topics() {
		set, binding := topics.Settings(spec), topicBinding{Partitions: spec.Partitions}
		c := &binding.Settings
		c.Cleanup, c.Retention, c.MaxMessage = strings.Split(set["cleanup.policy"], ","), set["retention.ms"], set["max.message.bytes"]
		want[string(spec.Topic)] = binding
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-as created +document):\n%s", diff)
	}
	for name, operation := range doc.Operations {
		if channel := path.Base(operation.Channel.Ref); doc.Channels[channel].Address == "" {
			t.Errorf("%s is of the channel %s, which there is not", name, channel)
		}
	}
}

func TestAsyncAPIHasTheEventsOfEachTopic(t *testing.T) {
	t.Parallel()
	doc := readAsyncAPI(t)
	task := schemas.TaskIDFromKey("a", "b")
	records := map[stream.Topic][]proto.Message{}
	for _, e := range []struct {
		record stream.Record
		event  proto.Message
	}{
		{schemas.EncodeBroadcast(&schemas.Broadcast{}), &schemas.Broadcast{}},
		{schemas.EncodeSlice("key", &schemas.Slice{}), &schemas.Slice{}},
		{schemas.EncodeContent(task, &schemas.Content{}), &schemas.Content{}},
		{schemas.EncodeControl(&schemas.Control{Task: task.Bytes()}), &schemas.Control{}},
		{standing.Encode(&schemas.NumberEvent{}), &schemas.NumberEvent{}},
		{(&optout.Entry{}).Encode(""), &schemas.OptOut{}},
		{(&lastinbound.Entry{}).Encode(), &schemas.Inbound{}},
		{(&people.Claim{}).Encode(), &schemas.PeopleClaim{}},
		{reply.SentRecord(true, task, []*schemas.Outcome{{Mark: uint32(schemas.StateSent), Wamid: "w"}}), &schemas.Sent{}},
		{schemas.EncodeSend(schemas.LaneExpress, &schemas.Send{}), &schemas.Send{}},
		{schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{}), &schemas.Send{}},
		{schemas.EncodeResult(&schemas.Result{Task: task.Bytes()}), &schemas.Result{}},
		{schemas.EncodePage(0, &schemas.StatePage{Task: task.Bytes()}), &schemas.StatePage{}},
		{schemas.EncodeStatus(0, &schemas.Status{Task: task.Bytes()}), &schemas.Status{}},
	} {
		records[e.record.Topic] = append(records[e.record.Topic], e.event)
	}
	want := []string{schemas.Version, schemas.Version2}
	if got := doc.Components.Schemas["Version"].Properties[schemas.VersionHeader].Enum; !slices.Equal(got, want) {
		t.Errorf("the document has the versions %q, want %q", got, want)
	}
	for name, channel := range doc.Channels {
		if name == upstream {
			name = string(schemas.TopicBroadcasts)
		}
		var got, want []string
		for _, message := range channel.Messages {
			m, ok := doc.Components.Messages[path.Base(message.Ref)]
			if !ok {
				t.Errorf("%s: there is no message %s", name, message.Ref)
			}
			if m.Protobuf != "" {
				got = append(got, m.Protobuf)
			}
			if m.Payload.Ref != "" {
				if _, err := os.Stat(path.Join(Root, "schemas", m.Payload.Ref)); err != nil {
					t.Error(err)
				}
			}
		}
		for _, event := range records[stream.Topic(name)] {
			want = append(want, string(event.ProtoReflect().Descriptor().FullName()))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events of %s (-code +document):\n%s", name, diff)
		}
	}
}
