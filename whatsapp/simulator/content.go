package simulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// usedMedia is the media id that a content names, to be looked up at every message: ids expire. text is what the recipient reads.
type usedMedia struct {
	text string
	id   string
	path string
	kind string
}

// knownContents remembers contents that were found valid. A broadcast repeats one content a million times; checking
// it anew would be most of the simulator's work.
type knownContents struct {
	mu    sync.RWMutex
	valid map[string]usedMedia
}

const maxKnown = 256 // contents, of at most 15 KiB each

func (k *knownContents) check(kind string, raw json.RawMessage) (usedMedia, *apiError) {
	if raw == nil || string(raw) == "null" {
		return usedMedia{}, required(kind)
	}
	k.mu.RLock()
	used, ok := k.valid[string(raw)]
	k.mu.RUnlock()
	if ok {
		return used, nil
	}
	used, e := checkContent(kind, raw)
	if e != nil {
		return usedMedia{}, e
	}
	k.mu.Lock()
	if k.valid == nil || len(k.valid) >= maxKnown {
		k.valid = make(map[string]usedMedia)
	}
	k.valid[string(raw)] = used
	k.mu.Unlock()
	return used, nil
}

func checkContent(kind string, raw json.RawMessage) (usedMedia, *apiError) {
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return usedMedia{}, invalid("Param %s must be a JSON object.", kind)
	}
	n := node{path: kind, v: v}
	if kind == "text" {
		if e := n.only("body", "preview_url"); e != nil {
			return usedMedia{}, e
		}
		_, e := n.text("body", "Body text", 4096)
		return usedMedia{}, e
	}
	return checkInteractive(n)
}

func checkInteractive(n node) (usedMedia, *apiError) {
	if e := n.only("type", "header", "body", "footer", "action"); e != nil {
		return usedMedia{}, e
	}
	t, e := n.text("type", "Interactive type", 64)
	if e != nil {
		return usedMedia{}, e
	}
	if t != "cta_url" {
		return usedMedia{}, invalid("Param interactive['type'] must be one of {CTA_URL} - got %q.", t)
	}
	var used usedMedia
	if n.v["header"] != nil {
		h, e := n.object("header")
		if e != nil {
			return usedMedia{}, e
		}
		if used, e = checkHeader(h); e != nil {
			return usedMedia{}, e
		}
	}
	body, e := n.object("body", "text")
	if e != nil {
		return usedMedia{}, e
	}
	if used.text, e = body.text("text", "Body text", 1024); e != nil {
		return usedMedia{}, e
	}
	if n.v["footer"] != nil {
		footer, e := n.object("footer", "text")
		if e != nil {
			return usedMedia{}, e
		}
		if _, e := footer.text("text", "Footer text", 60); e != nil {
			return usedMedia{}, e
		}
	}
	return used, checkAction(n)
}

func checkAction(n node) *apiError {
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

func checkHeader(h node) (usedMedia, *apiError) {
	t, e := h.text("type", "Header type", 64)
	if e != nil {
		return usedMedia{}, e
	}
	if !slices.Contains([]string{"text", "image", "video", "document"}, t) {
		return usedMedia{}, invalid("Param %s['type'] must be one of {TEXT, IMAGE, VIDEO, DOCUMENT} - got %q.", h.path, t)
	}
	if e := h.only("type", t); e != nil {
		return usedMedia{}, e
	}
	if t == "text" {
		_, e := h.text("text", "Header text", 60)
		return usedMedia{}, e
	}
	allowed := []string{"id", "link"}
	if t == "document" {
		allowed = append(allowed, "filename")
	}
	m, e := h.object(t, allowed...)
	if e != nil {
		return usedMedia{}, e
	}
	hasID, hasLink := m.v["id"] != nil, m.v["link"] != nil
	switch {
	case hasID && hasLink:
		return usedMedia{}, invalid("Only one of id and link may be given for %s.", m.path)
	case hasID:
		id, e := m.text("id", "Media id", 128)
		return usedMedia{id: id, path: m.path + "['id']", kind: t}, e
	case hasLink:
		return usedMedia{}, m.uri("link")
	default:
		return usedMedia{}, required(m.path + "['id']")
	}
}

// node is a JSON object with the path by which errors name it.
type node struct {
	path string
	v    map[string]any
}

func (n node) only(allowed ...string) *apiError {
	for key := range n.v {
		if !slices.Contains(allowed, key) {
			return invalid("Unexpected key %q on param %q.", key, n.path)
		}
	}
	return nil
}

// object returns a required object; with names, it may have no other fields.
func (n node) object(key string, allowed ...string) (node, *apiError) {
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
func (n node) text(key, what string, longest int) (string, *apiError) {
	path := n.path + "['" + key + "']"
	v, ok := n.v[key]
	if !ok || v == nil {
		return "", required(path)
	}
	s, ok := v.(string)
	if !ok {
		return "", invalid("Param %s must be a string.", path)
	}
	if l := length(s); l < 1 || l > longest {
		return "", badValue("%s length invalid. Min length: 1, Max length: %d", what, longest)
	}
	return s, nil
}

func (n node) uri(key string) *apiError {
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

// length counts characters as UTF-16 does, which is never less than by code point. Meta does not say which it means.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x10000 && r != utf8.RuneError {
			n++
		}
	}
	return n
}
