package cloudevents_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"altavoz/producer/cloudevents"
	"altavoz/schemas"
)

func TestGroupTellsOutcomesAndRanges(t *testing.T) {
	t.Parallel()
	s := finished()
	rec := cloudevents.Recipients(s, 1_700_000_002_345, []*schemas.Outcome{
		{Index: 0, Mark: uint32(schemas.StateSent), Phone: "573001234567", Wamid: "wamid.1"},
		{Index: 1, Mark: uint32(schemas.Failed(131030)), Phone: "573001234568", Reason: "no está"},
		{Index: 2, Mark: uint32(schemas.Failed(schemas.CodeInvalidPhone)), Phone: "12", Reason: "no es"},
	}, []*schemas.OutcomeRange{{From: 3, To: 5, Mark: uint32(schemas.StateCancelled)}})
	task := schemas.TaskID(s.GetTask()).String()
	const id = "-recipients-"
	want := `","source":"altavoz","type":"altavoz.task.recipients","subject":"` + task +
		`","time":"2023-11-14T22:13:22.345Z","datacontenttype":"application/json","data":{"task_id":"` + task +
		`","reference":"pedido 7","owner":"tienda","sender":"1065","recipients":[` +
		`{"index":0,"phone":"573001234567","outcome":"sent","mark":124,"wamid":"wamid.1"},` +
		`{"index":1,"phone":"573001234568","outcome":"failed","mark":41,"code":131030,"reason":"no está"},` +
		`{"index":2,"phone":"12","outcome":"failed","mark":21,"reason_code":"invalid_phone","reason":"no es"}],` +
		`"ranges":[{"from":3,"to":5,"outcome":"cancelled","mark":12,"reason":"Cancelado antes de enviarse","retryable":true}]}}`
	head := `{"specversion":"1.0","id":"` + task + id
	got := string(rec.Value)
	if len(got) < len(head)+32 || got[:len(head)] != head || got[len(head)+32:] != want {
		t.Errorf("got %s\nwant %s, 32 digits, and %s", got, head, want)
	}
	if rec.Topic != schemas.TopicEvents || string(rec.Key) != task || rec.Header(schemas.CallbackHeader) != "" {
		t.Errorf("the record is %s/%s, posted to %q; want the task's in events, posted to nobody", rec.Topic, rec.Key, rec.Header(schemas.CallbackHeader))
	}
}

// Whoever drops what has an id that was there before loses nothing: what says something else has another one.
func TestIDOfAGroupIsOfWhatItSays(t *testing.T) {
	t.Parallel()
	value := func(index uint32) string {
		return string(cloudevents.Recipients(finished(), 1, []*schemas.Outcome{{Index: index, Mark: uint32(schemas.StateSent)}}, nil).Value)
	}
	const end = 150 // of the id
	if first, again, other := value(1)[:end], value(1)[:end], value(2)[:end]; first != again || first == other {
		t.Errorf("%s, again %s, and of another %s; want one id for the same, two for others", first, again, other)
	}
}

func TestDocumentHasTheOutcomesAndReasonCodes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../schemas/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas struct {
				Outcome struct {
					Properties map[string]struct{ Enum []string }
				} `yaml:"Outcome"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var outcomes, codes []string
	for _, o := range schemas.Outcomes {
		if o != schemas.OutcomePending {
			outcomes = append(outcomes, string(o))
		}
	}
	for _, c := range cloudevents.ReasonCodes {
		codes = append(codes, string(c))
	}
	got := doc.Components.Schemas.Outcome.Properties
	if diff := cmp.Diff([][]string{outcomes, codes}, [][]string{got["outcome"].Enum, got["reason_code"].Enum}); diff != "" {
		t.Errorf("asyncapi.yaml differs (-code +document):\n%s", diff)
	}
	for _, code := range []int{schemas.CodeOther, schemas.CodeInvalidPhone, schemas.CodeExhausted, schemas.CodeContent} {
		rec := cloudevents.Recipients(finished(), 1, []*schemas.Outcome{{Mark: uint32(schemas.Undelivered(code))}}, nil)
		if !slices.ContainsFunc(codes, func(c string) bool { return bytes.Contains(rec.Value, []byte(`"reason_code":"`+c+`"`)) }) {
			t.Errorf("code %d is told as %s; want one of %v", code, rec.Value, codes)
		}
	}
}
