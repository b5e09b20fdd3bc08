package request_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

func readList(lists request.Lists, body string) (*request.Request, *bin, error) {
	sink := &bin{}
	req, err := request.Read(strings.NewReader(body), sink, request.Limits{Now: noon, Lists: lists, DryRun: func() (request.Sink, error) { return sink, nil }})
	return req, sink, err
}

func mustReadList(t *testing.T, lists request.Lists, body string) (*request.Request, *bin) {
	t.Helper()
	req, sink, err := readList(lists, body)
	if err != nil {
		t.Fatalf("reading %.300s: %v", body, err)
	}
	return req, sink
}

func TestRecipientsHaveValues(t *testing.T) {
	t.Parallel()
	req, _ := mustReadList(t, request.ListVariables, `{"body_text":"Hola {{nombre}}, {{ saldo }} {{vip}}","recipients":[
		{"phone":"573001234567","variables":{"nombre":"Ana","saldo":10.50}},
		{"variables":{"saldo":" ","nombre":"Luis {{saldo}}","vip":true,"x":null},"phone":573007654321},
		"573001111111", {"phone":null}, [1]]}`)
	want := &schemas.Broadcast{
		Phones: []string{"573001234567", "573007654321", "573001111111", "null", "[1]"}, Total: 5,
		Personal: []*schemas.Personal{
			{Variables: []uint32{0, 1}, Values: []string{"Ana", "10.50"}}, {Variables: []uint32{0, 2}, Values: []string{"Luis {{saldo}}", "true"}}, {}, {}, {},
		},
	}
	got := &schemas.Broadcast{Phones: req.Phones, Personal: req.Personal, Total: req.Total}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if names := req.Content.GetVariables(); !slices.Equal(names, []string{"nombre", "saldo", "vip"}) || len(req.Warnings) > 0 {
		t.Errorf("variables %q, warnings %v; want nombre, saldo, vip and none", names, req.Warnings)
	}
}

func TestRecipientsHaveMessagesOfTheirOwn(t *testing.T) {
	t.Parallel()
	req, _ := mustReadList(t, request.ListMessages, `{"recipients":[
		{"phone":"1","body_text":"Hola {{nombre}}","variables":{"nombre":"Ana"}},
		{"phone":"2","body_text":"Buenas","footer_text":" ","button_text":"Abrir","button_url":" https://example.com/a?b={{ nombre }} ","variables":{"nombre":"L"}},
		{"phone":"3","body_text":"A","header_type":"Text","header_content":"Aviso"},
		{"phone":"4","body_text":"B","header_type":"image","header_content":"https://cdn.example.com/a.png"},
		{"phone":"5","body_text":"C","header_type":"document","header_content":"https://cdn.example.com/a.png","filename":"a.pdf"},
		{"phone":"6","body_text":"D","header_type":"image","header_content":"https://cdn.example.com/a.png"}],"footer_text":"pie"}`)
	text, image, document := schemas.HeaderKind_HEADER_KIND_TEXT, schemas.HeaderKind_HEADER_KIND_IMAGE, schemas.HeaderKind_HEADER_KIND_DOCUMENT
	want := []*schemas.Personal{
		{Variables: []uint32{0}, Values: []string{"Ana"}, Own: &schemas.Own{Body: new("Hola {{nombre}}")}},
		{Variables: []uint32{0}, Values: []string{"L"}, Own: &schemas.Own{Body: new("Buenas"), ButtonText: new("Abrir"), ButtonUrl: new("https://example.com/a?b={{nombre}}")}},
		{Own: &schemas.Own{Body: new("A"), Header: new(text), HeaderText: "Aviso"}},
		{Own: &schemas.Own{Body: new("B"), Header: new(image), File: 1}},
		{Own: &schemas.Own{Body: new("C"), Header: new(document), File: 2}},
		{Own: &schemas.Own{Body: new("D"), Header: new(image), File: 1}},
	}
	if diff := cmp.Diff(want, req.Personal, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	files := []*schemas.MediaRef{{Url: "https://cdn.example.com/a.png", Kind: image}, {Url: "https://cdn.example.com/a.png", Kind: document, Filename: "a.pdf"}}
	if diff := cmp.Diff(files, req.Content.GetFiles(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if req.Content.GetBody() != "" || req.Content.GetFooter() != "pie" {
		t.Errorf("the content is %v; want no body and the footer", req.Content)
	}
}

// TestUserIDOfARecipient: instead of the phone, or beside it, where the message goes to the phone; and nothing else is one.
func TestUserIDOfARecipient(t *testing.T) {
	t.Parallel()
	req, _ := mustReadList(t, request.ListVariables, `{"body_text":"b","recipients":[{"user_id":"co.Ab1"},{"user_id":" CO.ent.2 ","phone":"573001234567"},{"phone":"CO.3","user_id":""},{"phone":"","user_id":"CO.4"},{"phone":null,"user_id":"CO.5"},{"user_id":"CO.6","phone":" \t"},{"phone":"CO.7","user_id":null},{"phone":"CO.8","user_id":"  "},{"phone":null}]}`)
	if want := []string{"CO.Ab1", "573001234567", "CO.3", "CO.4", "CO.5", "CO.6", "CO.7", "CO.8", "null"}; !slices.Equal(req.Phones, want) {
		t.Errorf("%q; want %q", req.Phones, want)
	}
	if diff := cmp.Diff([]*schemas.Personal{{}, {UserId: "CO.ENT.2"}, {}, {}, {}, {}, {}, {}, {}}, req.Personal, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	other, _ := mustReadList(t, request.ListVariables, `{"body_text":"b","recipients":["CO.Ab1",{"user_id":"CO.ENT.9","phone":"573001234567"},"CO.3","CO.4"]}`)
	if slices.Equal(req.SHA256, other.SHA256) {
		t.Error("another user id is the same request")
	}
	if req, _ := mustReadList(t, request.ListVariables, `{"body_text":"b","recipients":[{"user_id":"CO.1"}]}`); len(req.Personal) != 0 {
		t.Error("who has a user id alone has something of its own")
	}
	for _, bad := range []string{`"573001234567"`, `573001234567`, `"CO.a-b"`, `"Ana"`, `false`, `{}`} {
		var f *request.FieldError
		if _, _, err := readList(request.ListVariables, `{"body_text":"b","recipients":[{"phone":"573001234567"},{"user_id":`+bad+`}]}`); !errors.As(err, &f) || f.Field != "recipients[1].user_id" || f.Code != request.CodeValue {
			t.Errorf("%s: %v; want it refused", bad, err)
		}
	}
}

// TestAFileOfSeveralRecipientsIsKeptOnce also where it stands in the request as base64.
// Buttons, a list and the request for a location of one's own have the place of what all tap. One opt-out is told of many.
func TestRecipientsHaveButtonsOfTheirOwn(t *testing.T) {
	t.Parallel()
	req, _ := mustReadList(t, request.ListMessages, `{"recipients":[
		{"phone":"1","buttons":[{"id":"si-{{cita}}","title":" Sí "},{"id":"no","title":"No"}],"variables":{"cita":"7"}},
		{"phone":"2","list":{"button":"Ver","sections":[{"rows":[{"id":"9","title":"{{cita}}","description":"d"}]}]},"variables":{"cita":"8"}},
		{"phone":"3","location_request":true},{"phone":"4","buttons":[],"list":null,"location_request":false},
		{"phone":"5","buttons":[{"id":"1","title":"Cancelar"}]},{"phone":"6","buttons":[{"id":"1","title":"Baja"}]}],
		"body_text":"b","button_text":"Ver","button_url":"https://example.com"}`)
	buttons := func(all ...string) *schemas.Own {
		to := &schemas.ReplyButtons{}
		for i := 0; i < len(all); i += 2 {
			to.Buttons = append(to.Buttons, &schemas.ReplyButton{Id: all[i], Title: all[i+1]})
		}
		return &schemas.Own{Shape: &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: to}}}
	}
	want := []*schemas.Personal{
		{Variables: []uint32{0}, Values: []string{"7"}, Own: buttons("si-{{cita}}", "Sí", "no", "No")},
		{Variables: []uint32{0}, Values: []string{"8"}, Own: &schemas.Own{Shape: &schemas.Shape{Kind: &schemas.Shape_List{List: &schemas.ReplyList{
			Button: "Ver", Sections: []*schemas.ListSection{{Rows: []*schemas.ListRow{{Id: "9", Title: "{{cita}}", Description: "d"}}}},
		}}}}},
		{Own: &schemas.Own{Shape: &schemas.Shape{Kind: &schemas.Shape_Location{Location: &schemas.LocationRequest{}}}}},
		{},
		{Own: buttons("1", "Cancelar")},
		{Own: buttons("1", "Baja")},
	}
	if diff := cmp.Diff(want, req.Personal, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if len(req.Warnings) != 1 || req.Warnings[0].Code != es.TapOptsOut || req.Warnings[0].Args[0] != "recipients[4].buttons[0].title" {
		t.Errorf("warnings %v; want that of the first button that opts out", req.Warnings)
	}
}

func TestAFileOfSeveralRecipientsIsKeptOnce(t *testing.T) {
	t.Parallel()
	entry := `{"phone":"1","header_content":"` + dataURI("image/png", pngHead) + `"}`
	req, _ := mustReadList(t, request.ListMessages, `{"body_text":"b","header_type":"image","recipients":[`+entry+`,`+entry+`]}`)
	files := req.Content.GetFiles()
	if len(files) != 1 || string(files[0].GetInline()) != pngHead || files[0].GetKind() != schemas.HeaderKind_HEADER_KIND_IMAGE || req.Personal[1].GetOwn().GetFile() != 1 {
		t.Errorf("files %v, own %v; want one file of two recipients", files, req.Personal)
	}
}

func TestRefusedRecipients(t *testing.T) {
	t.Parallel()
	const good = `{"phone":"573001234567","variables":{"nombre":"Ana"}}`
	list := func(body, entries string) string {
		return `{"body_text":"` + body + `","recipients":[` + entries + `]}`
	}
	long := strings.Repeat("x", 1025)
	const rows = `{"button":"x","sections":[{"rows":[{"id":"1","title":"1"}]}]}`
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"v%d":"x"`, i)
		}
		return b.String()[1:]
	}
	files := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"phone":"1","header_type":"image","header_content":"https://cdn.example.com/%d.png"}`, i)
		}
		return b.String()[1:]
	}
	for _, tt := range []struct {
		name              string
		lists             request.Lists
		body, field, code string
		says              es.Code
	}{
		{"none", request.ListVariables, `{"body_text":"b","recipients":[]}`, "recipients", request.CodeRequired, es.RecipientsMissing},
		{"not there", request.ListMessages, `{"body_text":"b"}`, "recipients", request.CodeRequired, es.RecipientsMissing},
		{"beside phones", request.ListAny, `{"phones":["1"],"body_text":"b","recipients":[` + good + `]}`, "recipients", request.CodeValue, es.RecipientsAndPhones},
		{"before phones", request.ListVariables, `{"recipients":[` + good + `],"body_text":"b","phones":["1"]}`, "recipients", request.CodeValue, es.RecipientsAndPhones},
		{"phones of bulk", request.ListMessages, `{"phones":["1"],"body_text":"b"}`, "phones", request.CodeUnknown, es.PhonesElsewhere},
		{"unknown member", request.ListAny, list("b", good+`,{"telefono":"1"}`), "recipients[1].telefono", request.CodeUnknown, es.FieldUnknownNear},
		{"value beside variables", request.ListAny, list("b", `{"phone":"1","saldo":3}`), "recipients[0].saldo", request.CodeUnknown, es.FieldUnknown},
		{"own text of a broadcast", request.ListVariables, list("b", `{"phone":"1","body_text":"x"}`), "recipients[0].body_text", request.CodeUnknown, es.OwnElsewhere},
		{"variables of a text", request.ListAny, list("b", `{"variables":"x"}`), "recipients[0].variables", request.CodeWrongType, es.FieldObject},
		{"value of a list", request.ListAny, list("b", `{"variables":{"x":[1]}}`), "recipients[0].variables.x", request.CodeWrongType, es.FieldScalar},
		{"long value", request.ListAny, list("b", `{"variables":{"x":"`+long+`"}}`), "recipients[0].variables.x", request.CodeTooLong, es.FieldLong},
		{"name", request.ListAny, list("b", `{"variables":{"primer nombre":"x"}}`), "recipients[0].variables.primer nombre", request.CodeValue, es.VariableName},
		{"twice", request.ListAny, list("b", `{"variables":{"x":"x"," x":"x"}}`), "recipients[0].variables.x", request.CodeDuplicate, es.VariableTwice},
		{"too many variables", request.ListAny, list("b", `{"variables":{`+many(101)+`}}`), "recipients[0].variables.v100", request.CodeTooMany, es.VariablesMany},
		{"too large", request.ListAny, list("{{a}}", good+`,{"variables":{`+strings.ReplaceAll(many(9), `"x"`, `"`+long[:1000]+`"`)+`}}`), "recipients[1]", request.CodeTooLong, es.OwnLarge},
		{"nobody's value", request.ListAny, list("Hola {{nombr}}", good), "body_text", request.CodePlaceholder, es.VariableNobody},
		{"nobody has any", request.ListVariables, list("Hola {{nombre}}", `{"phone":"1"}`), "body_text", request.CodePlaceholder, es.VariableNobody},
		{"nobody's value in a header", request.ListAny, `{"body_text":"b","header_type":"text","header_content":"{{x}}","recipients":[` + good + `]}`, "header_content", request.CodePlaceholder, es.VariableNobody},
		{"other placeholder", request.ListAny, list("Hola %%nombre%%", good), "body_text", request.CodePlaceholder, es.Placeholder},
		{"two words", request.ListAny, list("Hola {{mi nombre}}", good), "body_text", request.CodePlaceholder, es.Placeholder},
		{"phones have no values", request.ListAny, `{"phones":["1"],"body_text":"Hola {{nombre}}"}`, "body_text", request.CodePlaceholder, es.Placeholder},
		{"in a file's link", request.ListAny, `{"body_text":"b","header_type":"image","header_content":"https://cdn.example.com/{{nombre}}.png","recipients":[` + good + `]}`, "header_content", request.CodePlaceholder, es.VariableInFile},
		{"in a host", request.ListAny, `{"body_text":"b","button_url":"https://{{nombre}}/a","recipients":[` + good + `]}`, "button_url", request.CodeURL, es.FieldPrivate},
		{"no body", request.ListMessages, `{"recipients":[{"phone":"1","body_text":"x"},{"phone":"2"}]}`, "recipients[1].body_text", request.CodeRequired, es.OwnBody},
		{"nobody has a body", request.ListMessages, `{"recipients":[{"phone":"2"}]}`, "body_text", request.CodeRequired, es.BodyMissing},
		{"long own body", request.ListMessages, list("b", `{"phone":"1","body_text":"`+long+`"}`), "recipients[0].body_text", request.CodeTooLong, es.FieldLong},
		{"own body is a number", request.ListMessages, list("b", `{"body_text":1}`), "recipients[0].body_text", request.CodeWrongType, es.FieldText},
		{"lines in an own button", request.ListMessages, list("b", `{"button_text":"a\nb"}`), "recipients[0].button_text", request.CodeValue, es.FieldLines},
		{"private own link", request.ListMessages, list("b", `{"button_url":"http://localhost/"}`), "recipients[0].button_url", request.CodeURL, es.FieldPrivate},
		{"own header without a type", request.ListMessages, list("b", `{"header_content":"x"}`), "recipients[0].header_type", request.CodeRequired, es.OwnHeaderType},
		{"own header of no type", request.ListMessages, list("b", `{"header_content":"x","header_type":"audio"}`), "recipients[0].header_type", request.CodeValue, es.FieldOneOf},
		{"own type without a header", request.ListMessages, list("b", `{"header_type":"image"}`), "recipients[0].header_content", request.CodeRequired, es.OwnHeaderContent},
		{"own name without a file", request.ListMessages, list("b", `{"filename":"a.pdf"}`), "recipients[0].filename", request.CodeRequired, es.OwnFilename},
		{"own file of another type", request.ListMessages, list("b", `{"header_type":"video","header_content":"`+dataURI("image/png", pngHead)+`"}`), "recipients[0].header_content", request.CodeFileType, es.DataNoVideo},
		{"own file that is no link", request.ListMessages, list("b", `{"header_type":"video","header_content":"a.mp4"}`), "recipients[0].header_content", request.CodeURL, es.FieldURLOrFile},
		{"too many own files", request.ListMessages, list("b", files(101)), "recipients[100].header_content", request.CodeTooMany, es.OwnFiles},
		{"nobody's value in an own text", request.ListMessages, list("b", good+`,{"body_text":"{{saldo}}"}`), "recipients[1].body_text", request.CodePlaceholder, es.VariableNobody},
		{"other placeholder in an own text", request.ListMessages, list("b", `{"body_text":"${saldo}"}`), "recipients[0].body_text", request.CodePlaceholder, es.Placeholder},
		{"title of an own button", request.ListMessages, list("b", good+`,{"buttons":[{"id":"1","title":"`+long[:21]+`"}]}`), "recipients[1].buttons[0].title", request.CodeTooLong, es.FieldLong},
		{"own button without a title", request.ListMessages, list("b", `{"buttons":[{"id":"1","title":"1"},{"id":"2"}]}`), "recipients[0].buttons[1].title", request.CodeRequired, es.FieldRequired},
		{"own buttons with one id", request.ListMessages, list("b", `{"buttons":[{"id":"1","title":"1"},{"id":"1","title":"2"}]}`), "recipients[0].buttons[1].id", request.CodeDuplicate, es.FieldsAlike},
		{"four own buttons", request.ListMessages, list("b", `{"buttons":[{},{},{},{}]}`), "recipients[0].buttons", request.CodeTooMany, es.FieldMany},
		{"unknown member of an own button", request.ListMessages, list("b", `{"buttons":[{"id":"1","titles":"1"}]}`), "recipients[0].buttons[0].titles", request.CodeUnknown, es.FieldUnknownNear},
		{"own buttons are a text", request.ListMessages, list("b", `{"buttons":"x"}`), "recipients[0].buttons", request.CodeWrongType, es.FieldArray},
		{"own buttons of a broadcast", request.ListVariables, list("b", `{"buttons":[{"id":"1","title":"1"}]}`), "recipients[0].buttons", request.CodeUnknown, es.OwnElsewhere},
		{"own buttons and an own link", request.ListMessages, list("b", `{"buttons":[{"id":"1","title":"1"}],"button_text":"Ver"}`), "recipients[0].buttons", request.CodeValue, es.FieldsApart},
		{"an own list and own buttons", request.ListMessages, list("b", `{"location_request":true,"buttons":[{"id":"1","title":"1"}]}`), "recipients[0].buttons", request.CodeValue, es.FieldsApart},
		{"own rows without an id", request.ListMessages, list("b", `{"list":{"button":"x","sections":[{"rows":[{"title":"1"}]}]}}`), "recipients[0].list.sections[0].rows[0].id", request.CodeRequired, es.FieldRequired},
		{"own list beside everybody's image", request.ListMessages, `{"recipients":[{"phone":"1"},{"phone":"2","list":` + rows + `}],"body_text":"b","header_type":"image","header_content":"https://cdn.example.com/a.png"}`, "recipients[1].list", request.CodeValue, es.ListHeader},
		{"own location request beside everybody's footer", request.ListMessages, `{"recipients":[{"phone":"1","list":` + rows + `},{"phone":"2","location_request":true}],"body_text":"b","footer_text":"f"}`, "recipients[1].location_request", request.CodeValue, es.FieldsApart},
		{"own list beside a category", request.ListMessages, `{"recipients":[{"phone":"1","list":` + rows + `}],"body_text":"b","category":"utility"}`, "recipients[0].list", request.CodeValue, es.FieldsApart},
		{"nobody's value in an own button", request.ListMessages, list("b", good+`,{"buttons":[{"id":"1","title":"{{hora}}"}]}`), "recipients[1].buttons[0].title", request.CodePlaceholder, es.VariableNobody},
		{"own buttons beside a template", request.ListMessages, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"}]}],"template":{"name":"a","language":"es"}}`, "recipients[0].buttons", request.CodeValue, es.UseOwn},
		{"an own list that is too large", request.ListMessages, list("b", `{"list":{"button":"x","sections":[{"rows":[`+strings.Repeat(`{"id":"1","title":"`+long+`"},`, 50)+`{}]}]}}`), "recipients[0].list", request.CodeTooLong, es.FieldBytes},
		{"header of some", request.ListMessages, `{"body_text":"b","header_type":"image","recipients":[` + files(1) + `,{"phone":"2"}]}`, "header_content", request.CodeRequired, es.HeaderContentMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readList(tt.lists, tt.body)
			var f *request.FieldError
			if !errors.As(err, &f) || f.Field != tt.field || f.Code != tt.code || f.Says.Code != tt.says || !f.Says.Known() {
				t.Fatalf("got %+v (%v), want %s at %s: %s", f, err, tt.code, tt.field, tt.says)
			}
			if !f.Hint.None() && !f.Hint.Known() {
				t.Errorf("the hint %v says nothing", f.Hint)
			}
		})
	}
}

func TestTheNearestVariableIsTheHint(t *testing.T) {
	t.Parallel()
	_, _, err := readList(request.ListAny, `{"body_text":"{{nombr}}","recipients":[{"phone":"1","variables":{"Nombre":"x"}}]}`)
	var f *request.FieldError
	if !errors.As(err, &f) || f.Hint.Spanish() != "¿quiso decir {{Nombre}}?" {
		t.Errorf("got %+v, want a hint at Nombre", f)
	}
}

// TestPeopleInALimitAreTaken has what stands at each limit.
func TestPeopleInALimitAreTaken(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf(`"v%d":"x"`, i))
	}
	full := `{"phone":"1","variables":{` + strings.Repeat(`"n":"`+strings.Repeat("x", 1024)+`"`, 1)
	for i := range 7 {
		full += fmt.Sprintf(`,"m%d":"%s"`, i, strings.Repeat("x", 1024))
	}
	for _, body := range []string{
		`{"body_text":"b","recipients":[{"phone":"1","variables":{` + strings.Join(names, ",") + `}}]}`,
		`{"body_text":"b","recipients":[` + full + `}}]}`,
		`{"body_text":"{{n}}","button_url":"{{n}}","recipients":[{"phone":"1","variables":{"n":"x"}}]}`,
		`{"header_type":"image","recipients":[{"phone":"1","body_text":"x","header_content":"https://cdn.example.com/a.png"}]}`,
	} {
		mustReadList(t, request.ListAny, body)
	}
}

func TestUnusedVariablesAreAWarning(t *testing.T) {
	t.Parallel()
	req, _ := mustReadList(t, request.ListAny, `{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":1,"b":2,"c":3}}]}`)
	if len(req.Warnings) != 1 || req.Warnings[0].Spanish() != "Ningún texto usa estas variables: b, c" {
		t.Errorf("warnings %v; want one of b and c", req.Warnings)
	}
}

func TestOwnButtonsWithoutALinkAreAWarning(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"recipients":[{"phone":"1","body_text":"a","button_text":"b"},{"phone":"2","body_text":"c","button_text":"d"}]}`:                    1,
		`{"recipients":[{"phone":"1","body_text":"a","button_text":"b","button_url":"https://example.com/1"}]}`:                               0,
		`{"button_url":"https://example.com","recipients":[{"phone":"1","body_text":"a","button_text":"b"}]}`:                                 0,
		`{"button_text":"b","recipients":[{"phone":"1","body_text":"a","button_url":"https://example.com/1"},{"phone":"2","body_text":"a"}]}`: 1,
	} {
		if req, _ := mustReadList(t, request.ListMessages, body); len(req.Warnings) != want {
			t.Errorf("%s: warnings %v; want %d", body, req.Warnings, want)
		}
	}
}

func TestLiteralLeavesAllBracesAlone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"literal":true,"body_text":"{{a}} {{x}}","recipients":[{"phone":"1","variables":{"a":1},"body_text":"{{y}}"}]}`,
		`{"recipients":[{"phone":"1","variables":{"a":1},"body_text":"{{y}}"}],"body_text":"{{a}} {{x}}","literal":true}`,
	} {
		req, _ := mustReadList(t, request.ListMessages, body)
		if c := req.Content; len(c.GetVariables()) > 0 || c.GetBody() != "{{a}} {{x}}" || req.Personal[0].GetOwn().GetBody() != "{{y}}" {
			t.Errorf("%s: content %v, own %v; want texts as they are and no variables", body, c, req.Personal)
		}
	}
}

// TestLongListsAreSliced at 100 recipients, each with what it has.
func TestLongListsAreSliced(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 0, 100: 0, 101: 2, 250: 3} {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf(`{"phone":"57300%07d","variables":{"n":%d}}`, i, i))
		}
		req, sink := mustReadList(t, request.ListVariables, `{"recipients":[`+strings.Join(entries, ",")+`],"body_text":"{{n}}"}`)
		b := req.Broadcast(schemas.TaskID{}, "1", 0, nil, nil)
		if len(sink.slices) != want || b.GetTotal() != uint32(n) || (b.GetSliceRecipients() == 100) != (want > 0) || (len(b.GetPersonal()) == n) != (want == 0) {
			t.Errorf("%d: %d slices of %d, total %d, %d inline; want %d slices", n, len(sink.slices), b.GetSliceRecipients(), b.GetTotal(), len(b.GetPersonal()), want)
		}
		for i, own := range sink.own {
			if len(own) != len(sink.slices[i]) || own[0].GetValues()[0] != fmt.Sprint(100*i) {
				t.Errorf("slice %d of %d has %v beside %d phones; want one for each", i, n, own[0], len(sink.slices[i]))
			}
		}
	}
}

func TestPersonalRecipientsAreBounded(t *testing.T) {
	t.Parallel()
	body := `{"body_text":"b","recipients":[` + strings.Repeat(`"1",`, schemas.MaxPersonal) + `"1"]}`
	_, _, err := readList(request.ListAny, body)
	var f *request.FieldError
	if !errors.As(err, &f) || f.Field != "recipients" || f.Code != request.CodeTooMany || f.Says.Args[0] != fmt.Sprint(schemas.MaxPersonal) {
		t.Errorf("got %v, want too many above %d", err, schemas.MaxPersonal)
	}
}

// drawRecipient draws the members of a recipient.
func drawRecipient(t *rapid.T) map[string]any {
	texts := rapid.SampledFrom([]string{"", "Ana", "Luis {{a}}", "ñ", "x\ny"})
	out := map[string]any{"phone": rapid.SampledFrom([]string{"573001234567", "1", ""}).Draw(t, "phone")}
	if rapid.Bool().Draw(t, "has variables") {
		out["variables"] = rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c", "d"}), texts).Draw(t, "variables")
	}
	for _, name := range []string{"body_text", "footer_text"} {
		if rapid.Bool().Draw(t, "has "+name) {
			out[name] = texts.Draw(t, name)
		}
	}
	return out
}

// shuffled writes an object with its members in some order, and those of the objects in it.
func shuffled(t *rapid.T, v any) string {
	switch v := v.(type) {
	case map[string]any:
		return object(t, v)
	case map[string]string:
		all := map[string]any{}
		for name, text := range v {
			all[name] = text
		}
		return object(t, all)
	case []map[string]any:
		out := make([]string, len(v))
		for i := range v {
			out[i] = object(t, v[i])
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func object(t *rapid.T, members map[string]any) string {
	var out []string
	for _, name := range rapid.Permutation(slices.Sorted(maps.Keys(members))).Draw(t, "order") {
		out = append(out, fmt.Sprintf("%q:%s", name, shuffled(t, members[name])))
	}
	return "{" + strings.Join(out, ",") + "}"
}

// TestOrderOfMembersMeansNothing: nor that of a recipient's, nor that of its values; what comes out, its digest and its fault are the same.
func TestOrderOfMembersMeansNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := map[string]any{
			"body_text": rapid.SampledFrom([]string{"Hola", "Hola {{a}}", "{{z}}", ""}).Draw(t, "body"), "literal": rapid.Bool().Draw(t, "literal"),
			"recipients": rapid.SliceOfN(rapid.Custom(drawRecipient), 1, 4).Draw(t, "recipients"),
		}
		one, _, err := readList(request.ListMessages, shuffled(t, members))
		other, _, otherErr := readList(request.ListMessages, shuffled(t, members))
		if fmt.Sprint(err) != fmt.Sprint(otherErr) {
			t.Fatalf("one order is refused with %v, the other with %v; want the same", err, otherErr)
		}
		if err != nil {
			return
		}
		if string(one.SHA256) != string(other.SHA256) || !slices.Equal(valuesOf(one), valuesOf(other)) {
			t.Fatalf("one order is %v, the other %v; want the same", valuesOf(one), valuesOf(other))
		}
	})
}

// valuesOf are all values of a request, with their names, and own texts.
func valuesOf(req *request.Request) (out []string) {
	for i, p := range req.Personal {
		for j, v := range p.GetVariables() {
			name := fmt.Sprint(v)
			if int(v) < len(req.Content.GetVariables()) {
				name = req.Content.GetVariables()[v]
			} else if req.Literal {
				name = ""
			}
			out = append(out, fmt.Sprint(i, name, p.GetValues()[j]))
		}
		out = append(out, p.GetOwn().GetBody(), p.GetOwn().GetFooter())
	}
	return out
}

// TestEveryChangeIsAnotherRequest: one value, one own text, one phone, whether braces are text.
func TestEveryChangeIsAnotherRequest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, body := range []string{
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"}},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"y","b":"x"}},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"z"}},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x"}},{"phone":"2","variables":{"b":"y"}}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1"},{"phone":"2","variables":{"a":"x","b":"y"}}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"body_text":"c"},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"footer_text":"c"},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"header_type":"text","header_content":"c"},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"header_type":"image","header_content":"https://cdn.example.com/a.png"},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"header_type":"image","header_content":"https://cdn.example.com/b.png"},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"buttons":[{"id":"1","title":"1"}]},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"buttons":[{"id":"1","title":"2"}]},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"1","variables":{"a":"x","b":"y"},"location_request":true},{"phone":"2"}]}`,
		`{"body_text":"{{a}}","recipients":[{"phone":"2","variables":{"a":"x","b":"y"}},{"phone":"1"}]}`,
		`{"body_text":"{{a}}","literal":true,"recipients":[{"phone":"1","variables":{"a":"x","b":"y"}},{"phone":"2"}]}`,
	} {
		req, _ := mustReadList(t, request.ListAny, body)
		if before := seen[string(req.SHA256)]; before != "" {
			t.Errorf("%s means what %s means; want another digest", body, before)
		}
		seen[string(req.SHA256)] = body
	}
}
