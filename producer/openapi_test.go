package producer_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"altavoz/producer"
	"altavoz/producer/dryrun"
	"altavoz/producer/export"
	"altavoz/producer/history"
	"altavoz/producer/senders"
	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/test/contract"
)

// openAPI is what the tests here read of the document; test/contract holds answers to the rest.
type openAPI struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Responses map[string]response
		Schemas   map[string]struct {
			Properties map[string]struct {
				Codes []string `json:"x-extensible-enum"`
				Enum  []string
			}
			Required []string
			Enum     []string
		}
	}
}

type response struct {
	Content map[string]struct {
		Examples map[string]struct{ Value json.RawMessage }
	}
}

func readOpenAPI(t *testing.T) (doc openAPI) {
	t.Helper()
	if err := json.Unmarshal([]byte(schemas.OpenAPI), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentIsServedToEverybodyAndMayBeKept(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{Keys: file(t, scopedKeys)})
	code, body, header := h.get("/openapi.json")
	if code != http.StatusOK || body != schemas.OpenAPI || header.Get("Content-Type") != "application/json; charset=utf-8" || header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d, %d bytes, %v", code, len(body), header)
	}
	code, body, again := h.do(http.MethodGet, "/openapi.json", nil, "If-None-Match", header.Get("ETag"))
	if code != http.StatusNotModified || body != "" || again.Get("ETag") != header.Get("ETag") {
		t.Errorf("the version that is known: %d %.100s %v", code, body, again)
	}
	if code, _, _ := h.do(http.MethodGet, "/openapi.json", nil, "If-None-Match", `"another"`); code != http.StatusOK {
		t.Errorf("another version: %d", code)
	}
}

// HEAD is answered as GET, and the document does not repeat it.
func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	operations, err := contract.Operations()
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, op := range operations {
		if op.Path != "/metrics" { // app serves it
			documented = append(documented, op.Method+" "+op.Path+" "+op.Scope)
		}
	}
	routes := slices.DeleteFunc(setup(t, producer.Config{}).Routes(), func(route string) bool { return strings.HasPrefix(route, http.MethodHead+" ") })
	slices.Sort(documented)
	slices.Sort(routes)
	if diff := cmp.Diff(routes, documented); diff != "" {
		t.Errorf("method, path and scope (-routes.go +document):\n%s", diff)
	}
}

func TestDocumentHasTheFieldsOfEveryAnswer(t *testing.T) {
	t.Parallel()
	doc := readOpenAPI(t)
	bodies := maps.Clone(producer.Bodies)
	maps.Copy(bodies, map[string]any{
		"TaskStatus": tasks.Brief{}, "Task": tasks.Detail{}, "Outcome": tasks.Outcome{}, "Result": tasks.Result{}, "TaskList": tasks.List{}, "TaskRow": tasks.Row{},
		"Recipients": export.Page{}, "Recipient": export.Row{}, "History": history.Person{}, "SendRow": history.Send{},
		"DryRun": dryrun.Report{}, "DryRunRecipients": dryrun.Recipients{}, "DryRunFile": dryrun.File{}, "Sending": dryrun.Sending{}, "SenderList": senders.List{}, "Sender": senders.Row{}, "SenderRate": senders.Rate{},
	})
	for name, body := range bodies {
		var fields, required []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(body)) {
			field, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || !f.IsExported() {
				continue
			}
			if fields = append(fields, field); option == "" {
				required = append(required, field)
			}
		}
		slices.Sort(fields)
		slices.Sort(required)
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(doc.Components.Schemas[name].Properties))); diff != "" {
			t.Errorf("%s (-answer +document):\n%s", name, diff)
		}
		if diff := cmp.Diff(required, slices.Sorted(slices.Values(doc.Components.Schemas[name].Required))); diff != "" {
			t.Errorf("what %s always has (-answer +document):\n%s", name, diff)
		}
	}
}

// Codes of refusals are a closed set of constants, but for the one of app/admission.
func TestDocumentHasEveryCode(t *testing.T) {
	t.Parallel()
	codes := []string{"misdirected"}
	for name, prefix := range map[string]string{"codes/codes.go": "", "../schemas/request/fault/fault.go": "Code"} {
		source, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			if text, ok := spec.Values[0].(*ast.BasicLit); ok {
				code, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Error(err)
				}
				codes = append(codes, code)
			}
			return true
		})
	}
	slices.Sort(codes)
	doc := readOpenAPI(t).Components.Schemas
	if diff := cmp.Diff(slices.Compact(codes), doc["Refusal"].Properties["code"].Codes); diff != "" {
		t.Errorf("codes of refusals (-constants +document):\n%s", diff)
	}
	var verdicts []string
	for _, v := range dryrun.Verdicts() {
		verdicts = append(verdicts, string(v))
	}
	if diff := cmp.Diff(verdicts, doc["DryRunFile"].Properties["verdict"].Codes); diff != "" {
		t.Errorf("verdicts on a file (-constants +document):\n%s", diff)
	}
	var states []string
	for _, s := range senders.States() {
		states = append(states, string(s))
	}
	if diff := cmp.Diff(states, doc["Sender"].Properties["state"].Codes); diff != "" {
		t.Errorf("states of senders (-constants +document):\n%s", diff)
	}
	var outcomes []string
	for _, o := range schemas.Outcomes {
		outcomes = append(outcomes, string(o))
	}
	if diff := cmp.Diff(outcomes, doc["Outcome"].Properties["outcome"].Codes); diff != "" {
		t.Errorf("outcomes (-constants +document):\n%s", diff)
	}
}

// What the document shows was answered: it stands in a golden file, but for the id of its task.
func TestExamplesOfTheDocumentAreRealAnswers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	real := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		status, body, _ := strings.Cut(string(text), " ")
		real[status+" "+canonical(t, body)] = true
	}
	examples := 0
	check := func(where, status string, r response) {
		for name, example := range r.Content["application/json"].Examples {
			if examples++; !real[status+" "+canonical(t, string(example.Value))] {
				t.Errorf("%s: no golden file has the example %s of %s", where, name, status)
			}
		}
	}
	doc := readOpenAPI(t)
	shared := map[string]string{
		"Unauthorized": "401", "Forbidden": "403", "NotFound": "404", "Slow": "408", "TooLarge": "413", "Misdirected": "421", "TooMany": "429", "Internal": "500", "Unavailable": "503",
	}
	for name, r := range doc.Components.Responses {
		check(name, shared[name], r)
	}
	for path, item := range doc.Paths {
		for verb, op := range item {
			var operation struct{ Responses map[string]response }
			if verb != "parameters" {
				if err := json.Unmarshal(op, &operation); err != nil {
					t.Fatal(err)
				}
			}
			for status, r := range operation.Responses {
				check(verb+" "+path, status, r)
			}
		}
	}
	if examples < 30 {
		t.Errorf("only %d examples were found", examples)
	}
}

// canonical is JSON in one way of writing it, with TASK for the ids of tasks.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(anyTask.ReplaceAllString(text, "TASK")), &v); err != nil {
		return text // a golden file that is no answer
	}
	return fmt.Sprint(v)
}
