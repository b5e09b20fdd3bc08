// Package contract holds answers of the HTTP API to its document, schemas/openapi.json: a status, a header or a field that the document lacks
// is an error. Programs have no use for it.
package contract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"altavoz/schemas"
)

// Operation is a method of a path, in capitals, and the scope that a key needs for it; "": none is asked for.
type Operation struct{ Method, Path, Scope string }

// Operations are those of the document.
func Operations() ([]Operation, error) {
	d, err := load()
	if err != nil {
		return nil, err
	}
	var all []Operation
	for _, path := range slices.Sorted(maps.Keys(d.paths)) {
		for _, verb := range slices.Sorted(maps.Keys(d.paths[path])) {
			if verb == "parameters" {
				continue
			}
			op := Operation{Method: strings.ToUpper(verb), Path: path}
			for _, way := range list(object(d.paths[path][verb])["security"]) {
				for _, scope := range list(object(way)["ApiKey"]) {
					op.Scope, _ = scope.(string)
				}
			}
			all = append(all, op)
		}
	}
	return all, nil
}

// Has reports whether a path is one of the API's.
func Has(path string) bool {
	d, err := load()
	return err != nil || strings.HasPrefix(path, "/api/") || d.template(path) != ""
}

// Check returns how an answer differs from the document.
func Check(method, path string, status int, header http.Header, body []byte) error {
	d, err := load()
	if err != nil {
		return err
	}
	if err := d.check(method, path, status, header, body); err != nil {
		return fmt.Errorf("schemas/openapi.json: %s %s: %d %.300s: %w", method, path, status, body, err)
	}
	return nil
}

// document is the OpenAPI document with every object of an answer closed.
type document struct {
	root  map[string]any
	paths map[string]map[string]any

	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

const resource = "openapi.json"

var load = sync.OnceValues(func() (*document, error) {
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(schemas.OpenAPI))
	if err != nil {
		return nil, fmt.Errorf("schemas/openapi.json: %w", err)
	}
	strict(root)
	d := &document{root: object(root), paths: make(map[string]map[string]any), compiler: jsonschema.NewCompiler()}
	for path, item := range object(d.root["paths"]) {
		d.paths[path] = object(item)
	}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(resource, root); err != nil {
		return nil, fmt.Errorf("schemas/openapi.json: %w", err)
	}
	return d, nil
})

// strict leaves no room for what the document does not declare. Clients pass over members and values that they do not know; tests do not.
func strict(v any) {
	for _, item := range list(v) {
		strict(item)
	}
	members := object(v)
	for _, item := range members {
		strict(item)
	}
	if values, ok := members["x-extensible-enum"]; ok {
		members["enum"] = values
	}
	if _, open := members["additionalProperties"]; !open && members["type"] == "object" && members["properties"] != nil {
		members["additionalProperties"] = false
	}
}

// standard are headers of HTTP that every answer may have.
var standard = []string{
	"Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Vary", "X-Accel-Buffering", "X-Content-Type-Options",
}

func (d *document) check(method, path string, status int, header http.Header, body []byte) error {
	template := d.template(strings.TrimRight(path, "/"))
	item, verb := d.paths[template], strings.ToLower(method)
	if verb == "head" && item["head"] == nil {
		verb = "get"
	}
	op := pointer{"#/paths/" + escape(template) + "/" + verb, item[verb]}
	if op.value == nil {
		switch {
		case item == nil && status == http.StatusNotFound, item != nil && status == http.StatusMethodNotAllowed && header.Get("Allow") != "",
			status == http.StatusMisdirectedRequest, status == http.StatusServiceUnavailable: // these two stand before every route
			return d.valid(pointer{at: "#/components/schemas/Refusal"}, body)
		}
		return errors.New("it has no such operation")
	}
	answer, ok := d.in(op, "responses", strconv.Itoa(status))
	if !ok {
		return errors.New("it has no such status")
	}
	if err := d.headers(answer, header); err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	schema, ok := d.in(answer, "content", kind, "schema")
	switch {
	case !ok && (object(answer.value)["content"] != nil || len(body) > 0):
		return fmt.Errorf("it has no content of type %q", kind)
	case !ok, method == http.MethodHead, kind == "text/plain", kind == "text/csv":
		return nil
	case kind == "application/x-ndjson":
		line, _ := d.in(answer, "content", kind, "x-data-schema")
		for text := range bytes.Lines(body) {
			if err := d.valid(line, text); err != nil {
				return err
			}
		}
		return nil
	case kind == "text/event-stream":
		event, _ := d.in(answer, "content", kind, "x-data-schema")
		for line := range bytes.Lines(body) {
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				if err := d.valid(event, data); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return d.valid(schema, body)
}

func (d *document) headers(answer pointer, header http.Header) error {
	all, _ := d.in(answer, "headers")
	declared := object(all.value)
	for name := range declared {
		spec, _ := d.in(all, name)
		values := header.Values(name)
		if len(values) == 0 && object(spec.value)["required"] == true {
			return fmt.Errorf("the header %s is missing", name)
		}
		schema, _ := d.in(spec, "schema")
		for _, value := range values {
			text := value
			if object(schema.value)["type"] == "string" {
				text = strconv.Quote(value)
			}
			if err := d.valid(schema, []byte(text)); err != nil {
				return fmt.Errorf("the header %s: %w", name, err)
			}
		}
	}
	for name := range header {
		if declared[name] == nil && declared[spelling[name]] == nil && !slices.Contains(standard, name) {
			return fmt.Errorf("it has no header %s", name)
		}
	}
	return nil
}

// spelling of headers that net/http writes otherwise.
var spelling = map[string]string{"Ratelimit": "RateLimit", "Ratelimit-Policy": "RateLimit-Policy", "Etag": "ETag", "Www-Authenticate": "WWW-Authenticate"}

// template returns the path of the document that a path is one of, "": none.
func (d *document) template(path string) string {
	if d.paths[path] != nil {
		return path
	}
	parts := strings.Split(path, "/")
	for template := range d.paths {
		if slices.EqualFunc(strings.Split(template, "/"), parts, func(want, got string) bool { return want == got || got != "" && strings.HasPrefix(want, "{") }) {
			return template
		}
	}
	return ""
}

// pointer is a part of the document and where it stands.
type pointer struct {
	at    string
	value any
}

// in goes down from a part, through references.
func (d *document) in(p pointer, names ...string) (pointer, bool) {
	for _, name := range append(names, "") {
		if target, ok := object(p.value)["$ref"].(string); ok {
			p = pointer{target, d.root}
			for part := range strings.SplitSeq(strings.TrimPrefix(target, "#/"), "/") {
				p.value = object(p.value)[part]
			}
		}
		if name != "" {
			p = pointer{p.at + "/" + escape(name), object(p.value)[name]}
		}
	}
	return p, p.value != nil
}

// valid holds JSON to a schema.
func (d *document) valid(schema pointer, text []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	compiled, err := d.compiler.Compile(resource + schema.at)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// escape writes a name as JSON pointers in URLs do.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
}
