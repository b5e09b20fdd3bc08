// Package headers reads what requests say beside their bodies, in headers and in the names of parameters, and refuses what it cannot use.
package headers

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

const (
	maxIdempotencyKey = 255 // bytes, as others take them
	maxName           = 64  // bytes of an unknown parameter's name, as told
)

// IdempotencyKey reads the header, bare or in quotes as its draft standard has it; "" where there is none.
func IdempotencyKey(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	printable := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || !printable {
		return "", request.Fault("Idempotency-Key", request.CodeValue, es.KeyForm)
	}
	return key, nil
}

// Lenient reports whether a caller prefers that unknown members are passed over (RFC 7240).
func Lenient(h http.Header) bool {
	return slices.ContainsFunc(h.Values(request.PreferHeader), request.PrefersLenient)
}

// Language is the language in which a caller would rather read why a task waits, reasons, hints and warnings.
func Language(h http.Header) es.Language {
	return es.Accepted(strings.Join(h.Values("Accept-Language"), ","))
}

// UnknownParameter is the fault of the first parameter of a GET, by name, that is none of those that there are: a misspelt filter would
// otherwise be none. Nil: there is none, or the caller is lenient.
func UnknownParameter(r *http.Request, known []string) *request.FieldError {
	if r.URL.RawQuery == "" || r.Method != http.MethodGet && r.Method != http.MethodHead || Lenient(r.Header) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.URL.Query())) {
		if slices.Contains(known, name) {
			continue
		}
		name = strings.ToValidUTF8(name[:min(len(name), maxName)], "\uFFFD")
		f := request.Fault(name, request.CodeUnknown, es.ParameterNone, name)
		if f.Hint = es.Say(es.ParametersAre, strings.Join(known, ", ")); len(known) == 0 {
			f.Hint = es.Say(es.NoParameters)
		}
		return f
	}
	return nil
}
