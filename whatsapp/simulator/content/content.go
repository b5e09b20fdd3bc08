// Package content checks what a message says, as strictly as the Cloud API: required members, unknown ones, kinds and limits. It knows
// neither requests nor accounts.
package content

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"altavoz/whatsapp/simulator/ledger"
)

// Used is what a valid content has.
type Used struct {
	Text    string          // of the body
	Type    string          // of an interactive message
	Choices []ledger.Choice // what the recipient can tap

	// The media id in the header, to be looked up at every message: ids expire. Where it stands, and of which kind it is.
	ID, Path, Kind string
}

// Fault is what the Cloud API answers.
type Fault struct {
	Code int // CodeInvalid or CodeValue
	Text string
}

// Codes of a Fault.
const (
	CodeInvalid = 100
	CodeValue   = 131009
)

func required(path string) *Fault {
	return &Fault{CodeInvalid, "The parameter " + path + " is required."}
}

func invalid(format string, args ...any) *Fault {
	return &Fault{CodeInvalid, fmt.Sprintf(format, args...)}
}

func badValue(format string, args ...any) *Fault {
	return &Fault{CodeValue, fmt.Sprintf(format, args...)}
}

// Known remembers contents that were found valid. A broadcast repeats one content a million times; checking
// it anew would be most of the simulator's work.
type Known struct {
	mu    sync.RWMutex
	valid map[string]Used
}

const maxKnown = 256 // contents, of at most 15 KiB each

// Check returns what a content of a kind, text or interactive, has. A content that was found valid is not checked again.
func (k *Known) Check(kind string, raw json.RawMessage) (Used, *Fault) {
	if raw == nil || string(raw) == "null" {
		return Used{}, required(kind)
	}
	k.mu.RLock()
	used, ok := k.valid[string(raw)]
	k.mu.RUnlock()
	if ok {
		return used, nil
	}
	used, e := checkContent(kind, raw)
	if e != nil {
		return Used{}, e
	}
	k.mu.Lock()
	if k.valid == nil || len(k.valid) >= maxKnown {
		k.valid = make(map[string]Used)
	}
	k.valid[string(raw)] = used
	k.mu.Unlock()
	return used, nil
}

func checkContent(kind string, raw json.RawMessage) (Used, *Fault) {
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return Used{}, invalid("Param %s must be a JSON object.", kind)
	}
	n := node{path: kind, v: v}
	if kind == "text" {
		if e := n.only("body", "preview_url"); e != nil {
			return Used{}, e
		}
		_, e := n.text("body", "Body text", 4096)
		return Used{}, e
	}
	return checkInteractive(n)
}

func checkInteractive(n node) (Used, *Fault) {
	if e := n.only("type", "header", "body", "footer", "action"); e != nil {
		return Used{}, e
	}
	t, e := n.text("type", "Interactive type", 64)
	if e != nil {
		return Used{}, e
	}
	if !slices.Contains([]string{typeLink, typeButtons, typeList, TypeLocation}, t) {
		return Used{}, invalid("Param interactive['type'] must be one of {BUTTON, CTA_URL, LIST, LOCATION_REQUEST_MESSAGE} - got %q.", t)
	}
	var used Used
	if n.v["header"] != nil {
		h, e := n.object("header")
		if e != nil {
			return Used{}, e
		}
		if used, e = checkHeader(h); e != nil {
			return Used{}, e
		}
		if t == typeList && h.v["type"] != "text" {
			return Used{}, invalid("Param interactive['header']['type'] must be one of {TEXT} - got %q.", h.v["type"])
		}
	}
	body, e := n.object("body", "text")
	if e != nil {
		return Used{}, e
	}
	if used.Text, e = body.text("text", "Body text", 1024); e != nil {
		return Used{}, e
	}
	if n.v["footer"] != nil {
		footer, e := n.object("footer", "text")
		if e != nil {
			return Used{}, e
		}
		if _, e := footer.text("text", "Footer text", 60); e != nil {
			return Used{}, e
		}
	}
	used.Type = t
	used.Choices, e = checkShape(t, n)
	return used, e
}

func checkAction(n node) *Fault {
	a, e := n.object("action", "name", "parameters")
	if e != nil {
		return e
	}
	name, e := a.text("name", "Action name", 64)
	if e != nil {
		return e
	}
	if name != "cta_url" {
		return invalid("Param interactive['action']['name'] must be one of {CTA_URL} - got %q.", name)
	}
	p, e := a.object("parameters", "display_text", "url")
	if e != nil {
		return e
	}
	if _, e := p.text("display_text", "Button title", 20); e != nil {
		return e
	}
	return p.uri("url")
}

func checkHeader(h node) (Used, *Fault) {
	t, e := h.text("type", "Header type", 64)
	if e != nil {
		return Used{}, e
	}
	if !slices.Contains([]string{"text", "image", "video", "document"}, t) {
		return Used{}, invalid("Param %s['type'] must be one of {TEXT, IMAGE, VIDEO, DOCUMENT} - got %q.", h.path, t)
	}
	if e := h.only("type", t); e != nil {
		return Used{}, e
	}
	if t == "text" {
		_, e := h.text("text", "Header text", 60)
		return Used{}, e
	}
	allowed := []string{"id", "link"}
	if t == "document" {
		allowed = append(allowed, "filename")
	}
	m, e := h.object(t, allowed...)
	if e != nil {
		return Used{}, e
	}
	hasID, hasLink := m.v["id"] != nil, m.v["link"] != nil
	switch {
	case hasID && hasLink:
		return Used{}, invalid("Only one of id and link may be given for %s.", m.path)
	case hasID:
		id, e := m.text("id", "Media id", 128)
		return Used{ID: id, Path: m.path + "['id']", Kind: t}, e
	case hasLink:
		return Used{}, m.uri("link")
	default:
		return Used{}, required(m.path + "['id']")
	}
}

// node is a JSON object with the path by which errors name it.
type node struct {
	path string
	v    map[string]any
}

func (n node) only(allowed ...string) *Fault {
	for key := range n.v {
		if !slices.Contains(allowed, key) {
			return invalid("Unexpected key %q on param %q.", key, n.path)
		}
	}
	return nil
}

// object returns a required object; with names, it may have no other fields.
func (n node) object(key string, allowed ...string) (node, *Fault) {
	path := n.path + "['" + key + "']"
	v, ok := n.v[key]
	if !ok || v == nil {
		return node{}, required(path)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return node{}, invalid("Param %s must be a JSON object.", path)
	}
	child := node{path: path, v: m}
	if len(allowed) == 0 {
		return child, nil
	}
	return child, child.only(allowed...)
}

// text returns a required text of 1 to longest characters; what names it in the error about its length.
func (n node) text(key, what string, longest int) (string, *Fault) {
	path := n.path + "['" + key + "']"
	v, ok := n.v[key]
	if !ok || v == nil {
		return "", required(path)
	}
	s, ok := v.(string)
	if !ok {
		return "", invalid("Param %s must be a string.", path)
	}
	if l := Length(s); l < 1 || l > longest {
		return "", badValue("%s length invalid. Min length: 1, Max length: %d", what, longest)
	}
	return s, nil
}

func (n node) uri(key string) *Fault {
	s, e := n.text(key, "URL", 2000)
	if e != nil {
		return e
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(s, " \t\n") {
		return invalid("Param %s['%s'] is not a valid URI.", n.path, key)
	}
	return nil
}

// Length counts characters as UTF-16 does, which is never less than by code point. Meta does not say which it means.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x10000 && r != utf8.RuneError {
			n++
		}
	}
	return n
}
