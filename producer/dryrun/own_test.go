package dryrun

import (
	"fmt"
	"strings"
	"testing"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

func personalRun(t *testing.T, n int, own func(i int) *schemas.Personal) *Run {
	t.Helper()
	r := &Run{Ports: &Ports{Region: "CO", Render: func(_ string, c *schemas.Content, to schemas.Phone, _ string) (string, []byte, error) {
		return "messages", fmt.Appendf(nil, "%s: %s %s", to.Digits(), c.GetBody(), c.GetMedia().GetMediaId()), nil
	}}, list: NewList("CO", nil)}
	for from := 0; from < n; from += 100 {
		var phones []string
		var all []*schemas.Personal
		for i := from; i < min(from+100, n); i++ {
			phones, all = append(phones, fmt.Sprintf("57300%07d", i)), append(all, own(i))
		}
		if from == 200 {
			all = nil // nobody of these has anything
		}
		if err := r.list.Slice(phones, all); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Of each recipient it is said whether its message can be made, whenever the message itself is read, and the call is that of the first who has one.
func TestDryRunJudgesEachRecipientsOwnMessage(t *testing.T) {
	t.Parallel()
	r := personalRun(t, 450, func(i int) *schemas.Personal {
		p := &schemas.Personal{Variables: []uint32{0}, Values: []string{fmt.Sprint(i)}}
		switch {
		case i < 3:
			return &schemas.Personal{}
		case i == 3:
			p.Values[0] = strings.Repeat("a", 1024)
		case i == 4:
			p.Own = &schemas.Own{Header: schemas.HeaderKind_HEADER_KIND_IMAGE.Enum(), File: 1}
		}
		return p
	})
	req := &request.Request{Total: 450, Content: &schemas.Content{
		Body: "Hola {{nombre}}", ButtonText: "Ver", ButtonUrl: "https://example.com", Variables: []string{"nombre"},
		Files: []*schemas.MediaRef{{Url: "https://example.com/a.png", Kind: schemas.HeaderKind_HEADER_KIND_IMAGE}},
	}}
	report, err := r.Report(t.Context(), req, Number{}, monday)
	if err != nil {
		t.Fatal(err)
	}
	got := report.Recipients
	if got.Total != 450 || got.Pending != 450-104 || got.Faulty != 104 || len(got.Rows) != maxRows+1 || string(report.Call) != "573000000004: Hola 4 "+mediaID {
		t.Errorf("%d of %d, %d faulty, %d rows, call %s", got.Pending, got.Total, got.Faulty, len(got.Rows), report.Call)
	}
	if row := got.Rows[0]; row.Index != 0 || !strings.Contains(row.Reason, "'nombre'") || row.Outcome != schemas.OutcomeFailed || row.Retryable {
		t.Errorf("the first one is %+v", row)
	}
	if len(report.Warnings) != 0 {
		t.Errorf("warnings %v", report.Warnings)
	}
}

// What recipients have of their own is kept as far as there is room, and that it was not all is said.
func TestSimulatedDryRunOfMuchKeepsABoundedPart(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("x", 4000)
	r := personalRun(t, 12_000, func(int) *schemas.Personal { return &schemas.Personal{Variables: []uint32{0}, Values: []string{value}} })
	if len(r.list.owns.data) > maxOwnBytes {
		t.Fatalf("%d bytes are kept, want %d at most", len(r.list.owns.data), maxOwnBytes)
	}
	report, err := r.Report(t.Context(), &request.Request{Content: &schemas.Content{Body: "{{a}}", Variables: []string{"a"}}}, Number{}, monday)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Recipients; got.Faulty < 8000 || got.Pending+got.Faulty != got.Total || len(report.Warnings) != 1 || report.Warnings[0] != es.Say(es.DryRunLong).Spanish() {
		t.Errorf("%d of %d faulty, warnings %v", got.Faulty, got.Total, report.Warnings)
	}
}

// A list of phones alone is judged as before: braces are text, and nobody has a message of its own.
func TestDryRunOfPhonesAloneHasNoOwnMessages(t *testing.T) {
	t.Parallel()
	r := personalRun(t, 10, func(int) *schemas.Personal { return nil })
	report, err := r.Report(t.Context(), &request.Request{Content: &schemas.Content{Body: "{{a}}"}}, Number{}, monday)
	if err != nil || report.Recipients.Pending != 10 || report.Recipients.Faulty != 0 || string(report.Call) != "573000000000: {{a}} " {
		t.Errorf("%+v, %s, %v", report.Recipients, report.Call, err)
	}
}
