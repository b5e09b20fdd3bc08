package request_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"altavoz/schemas"
	"altavoz/schemas/request"
)

const schemaFile = "../broadcast.schema.json"

// broadcastSchema is the schema that upstream systems check their broadcasts with, and its JSON.
func broadcastSchema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	compiled, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return compiled, doc
}

// verdicts returns what is wrong with a broadcast by the schema and by the parser.
func verdicts(schema *jsonschema.Schema, body string) (bySchema, byParser error) {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		bySchema = err
	} else {
		bySchema = schema.Validate(value)
	}
	_, _, byParser = read(body)
	return bySchema, byParser
}

func TestSchemaHasTheFieldsOfTheParser(t *testing.T) {
	t.Parallel()
	_, doc := broadcastSchema(t)
	properties, _ := doc["properties"].(map[string]any)
	if diff := cmp.Diff(slices.Sorted(slices.Values(request.MemberNames())), slices.Sorted(maps.Keys(properties))); diff != "" {
		t.Errorf("fields (-parser +schema):\n%s", diff)
	}
	for name, most := range map[string]int{
		"body_text": request.MaxBodyText, "button_text": request.MaxButtonText, "footer_text": request.MaxFooterText, "button_url": request.MaxURL,
	} {
		field, _ := properties[name].(map[string]any)
		if got := field["maxLength"]; got != float64(most) {
			t.Errorf("%s has at most %v characters, the parser takes %d", name, got, most)
		}
	}
	if phones, _ := properties["phones"].(map[string]any); phones["maxItems"] != float64(schemas.MaxRecipients) {
		t.Errorf("at most %v phones, the parser takes %d", phones["maxItems"], schemas.MaxRecipients)
	}
}

// The document of the HTTP API has the same schema in the words of its draft, without the conditions that generators of clients do not know.
func TestSchemaIsThatOfTheHTTPAPI(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.NewReplacer("#/definitions/", "#/components/schemas/", `"dependencies"`, `"dependentRequired"`).Replace(string(text))
	var own map[string]any
	if err := json.Unmarshal([]byte(newer), &own); err != nil {
		t.Fatal(err)
	}
	var api struct {
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(schemas.OpenAPI), &api); err != nil {
		t.Fatal(err)
	}
	want, _ := own["definitions"].(map[string]any)
	for _, name := range []string{"$schema", "definitions", "title", "allOf"} {
		delete(own, name)
	}
	properties, _ := own["properties"].(map[string]any)
	of := func(definition string) map[string]any {
		list := maps.Clone(properties["recipients"].(map[string]any))
		list["items"] = map[string]any{"$ref": "#/components/schemas/" + definition}
		return list
	}
	properties["recipients"] = of("BroadcastRecipient")
	want["Broadcast"] = own
	for name, schema := range want {
		if diff := cmp.Diff(schema, api.Components.Schemas[name]); diff != "" {
			t.Errorf("%s (-broadcast.schema.json +openapi.json):\n%s", name, diff)
		}
	}
}

func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	schema, _ := broadcastSchema(t)
	week := `"timezone":"America/Bogota","hours":[{"days":["mon-fri","sun"],"from":"07:00","to":"24:00"}]`
	for _, tt := range []struct {
		name string
		good bool
		body string
	}{
		{"smallest", true, one("")},
		{"everything", true, one(`,"header_type":"document","header_content":"https://cdn.example.com/a.pdf","button_text":"Ver","button_url":"https://example.com/a?b=c#d","footer_text":"f",` +
			`"filename":"a.pdf","task_id":"0192f0c0-0000-7000-8000-000000000001","sender":"1065","category":"utility","on_unknown":"resend","schedule_at":"2026-03-02T09:00:00-05:00",` +
			`"expire_at":"2026-03-03T09:00:00Z","use_queue":true,"speed":20,"window":"ley-2300","literal":true,"events":"recipients"`)},
		{"phones as numbers and as no phones", true, `{"phones":[573001234567,"x","+57 300 123 4567"],"body_text":"b"}`},
		{"text header", true, one(`,"header_type":"text","header_content":"` + strings.Repeat("x", 60) + `"`)},
		{"image as base64", true, one(`,"header_type":"image","header_content":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="`)},
		{"hours of a week", true, one(`,"window":{` + week + `}`)},
		{"with holidays", true, one(`,"window":{` + week + `,"holidays":"CO"}`)},
		{"the longest texts", true, one(`,"button_text":"` + strings.Repeat("ñ", 20) + `","footer_text":"` + strings.Repeat("ñ", 60) + `"`)},
		{"the highest speed", true, one(`,"speed":4294967295`)},
		{"reply buttons", true, one(`,"buttons":[{"id":"si","title":"Sí"},{"id":"` + strings.Repeat("x", 256) + `","title":"` + strings.Repeat("ñ", 20) + `"},{"id":"3","title":"3"}],"header_type":"image","header_content":"https://cdn.example.com/a.png","category":"utility"`)},
		{"a list", true, one(`,"list":{"button":"Ver","sections":[{"title":"a","rows":[{"id":"1","title":"1"}]},{"title":"b","rows":[{"id":"2","title":"1","description":"d"}]}]},"header_type":"text","header_content":"h","category":"service"`)},
		{"a location", true, one(`,"location_request":true`)},
		{"no location", true, one(`,"location_request":false,"button_text":"Ver"`)},

		{"recipients", true, `{"recipients":[{"phone":"573001234567","variables":{"a":"x","b":1.5,"ñ":true,"d":null}},{"phone":57300}],"body_text":"{{a}}"}`},
		{"recipients with messages", true, `{"recipients":[{"phone":"1","body_text":"b","header_type":"image","header_content":"https://cdn.example.com/a.png","filename":"a","button_text":"c","button_url":"https://example.com","footer_text":"d"}]}`},
		{"buttons and lists of their own", true, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"}],"header_type":"image","header_content":"https://cdn.example.com/a.png","location_request":false},` +
			`{"phone":"2","list":{"button":"x","sections":[{"rows":[{"id":"1","title":"1"}]}]}},{"phone":"3","location_request":true}],"body_text":"b"}`},
		{"own buttons instead of those of all", true, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"}]}],"body_text":"b","list":{"button":"x","sections":[{"rows":[{"id":"1","title":"1"}]}]}}`},
		{"own buttons and an own link", false, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"}],"button_text":"Ver"}],"body_text":"b"}`},
		{"own buttons and an own list", false, `{"recipients":[{"phone":"1","list":{"button":"x","sections":[{"rows":[{"id":"1","title":"1"}]}]},"buttons":[{"id":"1","title":"1"}]}],"body_text":"b"}`},
		{"four own buttons", false, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"},{"id":"2","title":"2"},{"id":"3","title":"3"},{"id":"4","title":"4"}]}],"body_text":"b"}`},
		{"an own list with an own image", false, `{"recipients":[{"phone":"1","list":{"button":"x","sections":[{"rows":[{"id":"1","title":"1"}]}]},"header_type":"image","header_content":"https://cdn.example.com/a.png"}],"body_text":"b"}`},
		{"an own location request with a footer", false, `{"recipients":[{"phone":"1","location_request":true,"footer_text":"f"}],"body_text":"b"}`},
		{"a template and an own location request", false, `{"recipients":[{"phone":"1","location_request":true}],"template":{"name":"aviso","language":"es"}}`},
		{"a template and none", true, `{"recipients":[{"phone":"1","location_request":false}],"template":{"name":"aviso","language":"es"}}`},
		{"either, and an own location request", false, `{"recipients":[{"phone":"1","location_request":true}],"body_text":"b","route":"auto","template":{"name":"aviso","language":"es"}}`},
		{"a template and own buttons", false, `{"recipients":[{"phone":"1","buttons":[{"id":"1","title":"1"}]}],"template":{"name":"aviso","language":"es"}}`},
		{"files of their own", true, `{"header_type":"image","recipients":[{"phone":"1","body_text":"b","header_content":"https://cdn.example.com/a.png"}]}`},
		{"phones and recipients", false, `{"phones":["1"],"recipients":[{"phone":"1"}],"body_text":"b"}`},
		{"no recipients", false, `{"recipients":[],"body_text":"b"}`},
		{"a text of some", false, `{"recipients":[{"phone":"1","body_text":"b"},{"phone":"2"}]}`},
		{"a header of some", false, `{"header_type":"image","body_text":"b","recipients":[{"phone":"1","header_content":"https://cdn.example.com/a.png"},{"phone":"2"}]}`},
		{"unknown field of a recipient", false, `{"recipients":[{"phone":"1","nombre":"Ana"}],"body_text":"b"}`},
		{"a list as a value", false, `{"recipients":[{"phone":"1","variables":{"a":[]}}],"body_text":"b"}`},
		{"a variable of two words", false, `{"recipients":[{"phone":"1","variables":{"a b":"x"}}],"body_text":"b"}`},
		{"a long value", false, `{"recipients":[{"phone":"1","variables":{"a":"` + strings.Repeat("x", 1025) + `"}}],"body_text":"b"}`},
		{"a long own text", false, `{"recipients":[{"phone":"1","body_text":"` + strings.Repeat("x", 1025) + `"}]}`},
		{"an own type without content", false, `{"recipients":[{"phone":"1","body_text":"b","header_type":"text"}]}`},
		{"a name without a file", false, `{"recipients":[{"phone":"1","body_text":"b","filename":"a"}]}`},

		{"a template", true, `{"phones":["1"],"template":{"name":"aviso","language":"es_CO"}}`},
		{"a template with everything", true, `{"recipients":[{"phone":"1","variables":{"a":"x"}}],"template":{"name":"a_1","language":"fil","header":{"type":"text","content":"{{a}}","name":"t"},"body":{"b":"{{a}}","c":7},` +
			`"buttons":[{"index":0,"url_suffix":"p/{{a}}"},{"index":1,"payload":"SI"},{"index":2,"copy_code":"{{a}}"}]}}`},
		{"a template with a file", true, `{"phones":["1"],"template":{"name":"aviso","language":"es","header":{"type":"document","content":"https://cdn.example.com/a.pdf","filename":"a.pdf"},"body":["x"]}}`},
		{"a template and files of their own", true, `{"recipients":[{"phone":"1","header_type":"image","header_content":"https://cdn.example.com/a.png"}],"template":{"name":"aviso","language":"es","header":{"type":"image"}}}`},
		{"both by route", true, one(`,"route":"auto","template":{"name":"aviso","language":"es"}`)},
		{"both by route, with one file", true, one(`,"route":"auto","header_type":"image","header_content":"https://cdn.example.com/a.png","template":{"name":"aviso","language":"es","header":{"type":"image"}}`)},
		{"a route without a template", false, one(`,"route":"auto"`)},
		{"a route without a text", false, `{"phones":["1"],"route":"auto","template":{"name":"aviso","language":"es"}}`},
		{"a route with an own text", false, `{"recipients":[{"phone":"1","body_text":"x"}],"body_text":"b","route":"auto","template":{"name":"aviso","language":"es"}}`},
		{"another route", false, one(`,"route":"free","template":{"name":"aviso","language":"es"}`)},
		{"a template and a text", false, one(`,"template":{"name":"aviso","language":"es"}`)},
		{"a template and a footer", false, `{"phones":["1"],"footer_text":"b","template":{"name":"aviso","language":"es"}}`},
		{"a template and an own text", false, `{"recipients":[{"phone":"1","body_text":"b"}],"template":{"name":"aviso","language":"es"}}`},
		{"a template without a name", false, `{"phones":["1"],"template":{"language":"es"}}`},
		{"a template with capitals", false, `{"phones":["1"],"template":{"name":"Aviso","language":"es"}}`},
		{"a template without language", false, `{"phones":["1"],"template":{"name":"aviso"}}`},
		{"a language with a dash", false, `{"phones":["1"],"template":{"name":"aviso","language":"es-CO"}}`},
		{"an unknown field of a template", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","components":[]}}`},
		{"a number as a variable's name", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","body":{"1":"x"}}}`},
		{"an empty value", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","body":[" "]}}`},
		{"a long value of a template", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","body":["` + strings.Repeat("x", 1025) + `"]}}`},
		{"a button without a value", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","buttons":[{"index":0}]}}`},
		{"a button with two", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","buttons":[{"index":0,"payload":"x","copy_code":"y"}]}}`},
		{"the eleventh button", false, `{"phones":["1"],"template":{"name":"aviso","language":"es","buttons":[{"index":10,"payload":"x"}]}}`},

		{"no object", false, `[]`},
		{"text", false, `"x"`},
		{"null", false, `null`},
		{"empty", false, `{}`},
		{"no phones", false, `{"body_text":"b"}`},
		{"an empty list", false, `{"phones":[],"body_text":"b"}`},
		{"phones as text", false, `{"phones":"573001234567","body_text":"b"}`},
		{"no text", false, `{"phones":["573001234567"]}`},
		{"an empty text", false, `{"phones":["573001234567"],"body_text":""}`},
		{"blanks", false, `{"phones":["573001234567"],"body_text":" \n\t"}`},
		{"a long text", false, `{"phones":["573001234567"],"body_text":"` + strings.Repeat("x", 1025) + `"}`},
		{"unknown field", false, one(`,"scheduled_at":"2026-03-02T12:00:00Z"`)},
		{"header without content", false, one(`,"header_type":"text"`)},
		{"content without header", false, one(`,"header_content":"x"`)},
		{"unknown header", false, one(`,"header_type":"audio","header_content":"x"`)},
		{"a long header", false, one(`,"header_type":"text","header_content":"` + strings.Repeat("x", 61) + `"`)},
		{"two lines in the header", false, one(`,"header_type":"text","header_content":"a\nb"`)},
		{"a file by FTP", false, one(`,"header_type":"image","header_content":"ftp://example.com/a.png"`)},
		{"a file without host", false, one(`,"header_type":"image","header_content":"https:///a.png"`)},
		{"a long button", false, one(`,"button_text":"` + strings.Repeat("x", 21) + `"`)},
		{"two lines on the button", false, one(`,"button_text":"a\tb"`)},
		{"a script", false, one(`,"button_url":"javascript:alert(1)"`)},
		{"a long link", false, one(`,"button_url":"https://example.com/` + strings.Repeat("x", 2000) + `"`)},
		{"a long footer", false, one(`,"footer_text":"` + strings.Repeat("x", 61) + `"`)},
		{"no UUID", false, one(`,"task_id":"x"`)},
		{"a UUID in braces", false, one(`,"task_id":"{0192f0c0-0000-7000-8000-000000000001}"`)},
		{"a long sender", false, one(`,"sender":"` + strings.Repeat("1", 65) + `"`)},
		{"unknown category", false, one(`,"category":"marketing"`)},
		{"unknown on_unknown", false, one(`,"on_unknown":"retry"`)},
		{"no time", false, one(`,"schedule_at":"mañana"`)},
		{"a time without zone", false, one(`,"expire_at":"2026-03-03T09:00:00"`)},
		{"a flag as word", false, one(`,"use_queue":"sí"`)},
		{"four buttons", false, one(`,"buttons":[{"id":"1","title":"1"},{"id":"2","title":"2"},{"id":"3","title":"3"},{"id":"4","title":"4"}]`)},
		{"a button without a title", false, one(`,"buttons":[{"id":"1"}]`)},
		{"a button without an id", false, one(`,"buttons":[{"id":"","title":"1"}]`)},
		{"a long title", false, one(`,"buttons":[{"id":"1","title":"` + strings.Repeat("x", 21) + `"}]`)},
		{"a title of two lines", false, one(`,"buttons":[{"id":"1","title":"a\nb"}]`)},
		{"a long id", false, one(`,"buttons":[{"id":"` + strings.Repeat("x", 257) + `","title":"1"}]`)},
		{"an unknown field of a button", false, one(`,"buttons":[{"id":"1","title":"1","url":"https://example.com"}]`)},
		{"buttons as text", false, one(`,"buttons":"Sí"`)},
		{"buttons and a link", false, one(`,"buttons":[{"id":"1","title":"1"}],"button_url":"https://example.com"`)},
		{"buttons and a list", false, one(`,"buttons":[{"id":"1","title":"1"}],"list":{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1"}]}]}`)},
		{"buttons and a location", false, one(`,"buttons":[{"id":"1","title":"1"}],"location_request":true`)},
		{"a list without sections", false, one(`,"list":{"button":"Ver","sections":[]}`)},
		{"a list without a button", false, one(`,"list":{"sections":[{"rows":[{"id":"1","title":"1"}]}]}`)},
		{"a section without rows", false, one(`,"list":{"button":"Ver","sections":[{"rows":[]}]}`)},
		{"eleven rows", false, one(`,"list":{"button":"Ver","sections":[{"rows":[` + strings.TrimSuffix(strings.Repeat(`{"id":"1","title":"1"},`, 11), ",") + `]}]}`)},
		{"a long description", false, one(`,"list":{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1","description":"` + strings.Repeat("x", 73) + `"}]}]}`)},
		{"a list with an image", false, one(`,"header_type":"image","header_content":"https://cdn.example.com/a.png","list":{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1"}]}]}`)},
		{"a list by Direct Send", false, one(`,"category":"utility","list":{"button":"Ver","sections":[{"rows":[{"id":"1","title":"1"}]}]}`)},
		{"a location with a footer", false, one(`,"location_request":true,"footer_text":"f"`)},
		{"a location with a header", false, one(`,"location_request":true,"header_type":"text","header_content":"h"`)},
		{"a location as text", false, one(`,"location_request":"here"`)},
		{"no speed", false, one(`,"speed":0`)},
		{"too fast", false, one(`,"speed":4294967296`)},
		{"half a message", false, one(`,"speed":1.5`)},
		{"unknown preset", false, one(`,"window":"ley-1"`)},
		{"no hours", false, one(`,"window":{"timezone":"America/Bogota","hours":[]}`)},
		{"too many hours", false, one(`,"window":{"timezone":"America/Bogota","hours":[` + strings.TrimSuffix(strings.Repeat(`{"days":["mon"],"from":"07:00","to":"08:00"},`, 22), ",") + `]}`)},
		{"no day", false, one(`,"window":{"timezone":"America/Bogota","hours":[{"days":[],"from":"07:00","to":"19:00"}]}`)},
		{"a day in Spanish", false, one(`,"window":{"timezone":"America/Bogota","hours":[{"days":["lunes"],"from":"07:00","to":"19:00"}]}`)},
		{"an hour of one digit", false, one(`,"window":{"timezone":"America/Bogota","hours":[{"days":["mon"],"from":"7:00","to":"19:00"}]}`)},
		{"no end", false, one(`,"window":{"timezone":"America/Bogota","hours":[{"days":["mon"],"from":"07:00"}]}`)},
		{"unknown holidays", false, one(`,"window":{` + week + `,"holidays":"MX"}`)},
		{"unknown field of a window", false, one(`,"window":{` + week + `,"country":"CO"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if bySchema, byParser := verdicts(schema, tt.body); (bySchema == nil) != tt.good || (byParser == nil) != tt.good {
				t.Errorf("good: %v; schema: %v; parser: %v", tt.good, bySchema, byParser)
			}
		})
	}
}

// What the parser knows and no schema can say, and what it reads although the contract does not have it: nothing else differs.
func TestSchemaAndParserDifferInWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	schema, _ := broadcastSchema(t)
	for _, tt := range []struct {
		name  string
		takes bool // the parser; the schema does the opposite
		body  string
	}{
		{"invisible", false, `{"phones":["573001234567"],"body_text":"\u200b\u2066"}`},
		{"emoji are two units", false, `{"phones":["573001234567"],"body_text":"` + strings.Repeat("😀", 513) + `"}`},
		{"placeholder", false, `{"phones":["573001234567"],"body_text":"Hola {{1}}"}`},
		{"private host", false, one(`,"button_url":"http://192.168.0.1/"`)},
		{"another file", false, one(`,"header_type":"image","header_content":"data:image/png;base64,SG9sYQ=="`)},
		{"two buttons of one id", false, one(`,"buttons":[{"id":"1","title":"1"},{"id":"1","title":"2"}]`)},
		{"two buttons of one title", false, one(`,"buttons":[{"id":"1","title":"1"},{"id":"2","title":"1"}]`)},
		{"eleven rows in two sections", false, one(`,"list":{"button":"Ver","sections":[{"title":"a","rows":[` + rows(0, 6) + `]},{"title":"b","rows":[` + rows(6, 5) + `]}]}`)},
		{"two sections without a title", false, one(`,"list":{"button":"Ver","sections":[{"rows":[` + rows(0, 1) + `]},{"title":"b","rows":[` + rows(1, 1) + `]}]}`)},
		{"a link of somebody's own beside buttons", false, `{"recipients":[{"phone":"1"},{"phone":"2","button_text":"Ver"}],"body_text":"b","buttons":[{"id":"1","title":"1"}]}`},
		{"past", false, one(`,"expire_at":"2001-01-01T00:00:00Z"`)},
		{"ends before it begins", false, one(`,"window":{"timezone":"America/Bogota","hours":[{"days":["mon"],"from":"19:00","to":"07:00"}]}`)},
		{"no such zone", false, one(`,"window":{"timezone":"America/Bogot","hours":[{"days":["mon"],"from":"07:00","to":"19:00"}]}`)},
		{"the nil UUID", false, one(`,"task_id":"00000000-0000-0000-0000-000000000000"`)},
		{"one field twice", false, one(`,"body_text":"b"`)},

		{"null", true, one(`,"footer_text":null,"window":null,"speed":null`)},
		{"nothing to tap", true, one(`,"buttons":[],"list":null,"location_request":null`)},
		{"blank", true, one(`,"category":"","schedule_at":"","window":"","task_id":" "`)},
		{"a flag as text", true, one(`,"use_queue":"true","literal":1`)},
		{"a speed as text", true, one(`,"speed":"10"`)},
		{"capitals", true, one(`,"on_unknown":" Resend"`)},
		{"an entry that is no phone", true, `{"phones":["573001234567",null,{},5.73001234567E+11],"body_text":"b"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if bySchema, byParser := verdicts(schema, tt.body); (bySchema == nil) == tt.takes || (byParser == nil) != tt.takes {
				t.Errorf("the parser takes it: %v; schema: %v; parser: %v", tt.takes, bySchema, byParser)
			}
		})
	}
}

// Whatever stands in a field: what the schema takes the parser takes.
func TestSchemaTakesNoValueThatTheParserRefuses(t *testing.T) {
	t.Parallel()
	schema, doc := broadcastSchema(t)
	for _, name := range request.MemberNames() {
		taken := 0
		for _, value := range []string{
			`null`, `true`, `false`, `0`, `7`, `-1`, `1.5`, `1e30`, `""`, `" "`, `"x"`, `"text"`, `"report"`, `"utility"`, `"task"`, `"ley-2300"`, `"2026-03-02T09:00:00Z"`, `"https://example.com"`,
			`"0192f0c0-0000-7000-8000-000000000001"`, `"` + strings.Repeat("x", 65_537) + `"`, `[]`, `[7]`, `["x"]`, `[[]]`, `{}`, `{"x":1}`, `[{"phone":"573001234567"}]`,
			`[{"id":"a","title":"b"}]`, `{"button":"a","sections":[{"rows":[{"id":"a","title":"b"}]}]}`,
			`{"name":"aviso","language":"es_CO"}`, `"auto"`,
		} {
			request := map[string]json.RawMessage{"phones": json.RawMessage(`["573001234567"]`), "body_text": json.RawMessage(`"b"`)}
			if name == "header_type" {
				request["header_content"] = json.RawMessage(`"x"`)
			}
			if name == "header_content" {
				request["header_type"] = json.RawMessage(`"text"`)
			}
			if name == "recipients" {
				delete(request, "phones")
			}
			if name == "template" {
				delete(request, "body_text")
			}
			if name == "route" {
				request["template"] = json.RawMessage(`{"name":"aviso","language":"es_CO"}`)
			}
			request[name] = json.RawMessage(value)
			body, err := json.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			bySchema, byParser := verdicts(schema, string(body))
			if bySchema != nil {
				continue
			}
			if taken++; byParser != nil {
				t.Errorf("%s: the schema takes %.60s, the parser does not: %v", name, value, byParser)
			}
		}
		if taken == 0 {
			t.Errorf("the schema takes none of the values in %s: %v", name, doc["properties"])
		}
	}
}

// What the document shows as a request is one that is taken.
func TestExamplesOfRequestsAreTaken(t *testing.T) {
	t.Parallel()
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	var post struct {
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal([]byte(schemas.OpenAPI), &api); err != nil {
		t.Fatal(err)
	}
	schema, _ := broadcastSchema(t)
	for path, least := range map[string]int{request.PathSend: 7, request.PathBulk: 2} {
		if err := json.Unmarshal(api.Paths[path]["post"], &post); err != nil {
			t.Fatal(err)
		}
		examples := post.RequestBody.Content["application/json"].Examples
		if len(examples) < least {
			t.Errorf("%s: %d examples, want at least %d", path, len(examples), least)
		}
		for name, example := range examples {
			if bySchema, byParser := verdicts(schema, string(example.Value)); bySchema != nil || byParser != nil {
				t.Errorf("%s: %v, %v", name, bySchema, byParser)
			}
		}
		post.RequestBody.Content = nil
	}
}

// one is the smallest good broadcast with more members.
func one(members string) string {
	return fmt.Sprintf(`{"phones":["573001234567"],"body_text":"Hola"%s}`, members)
}

// rows are n rows of a list, the first one with the number from.
func rows(from, n int) string {
	var all []string
	for i := from; i < from+n; i++ {
		all = append(all, fmt.Sprintf(`{"id":"%d","title":"t"}`, i))
	}
	return strings.Join(all, ",")
}
