package export

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"altavoz/producer/page"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
	"altavoz/schemas/request"
)

// How many recipients a page of JSON has. A row is some 200 bytes.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// cursorBytes of a cursor: the index of the next recipient.
const cursorBytes = 4

// Format is how rows are written.
type Format string

// The formats. JSON is a page, the others are the whole list.
const (
	JSON   Format = "json"
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
)

// mediaTypes are the formats by the names that Accept has for them.
var mediaTypes = map[string]Format{
	"application/json": JSON, "text/csv": CSV, "application/x-ndjson": NDJSON, "application/ndjson": NDJSON, "application/jsonl": NDJSON,
}

// Parameters are all that a query may have.
var Parameters = []string{"outcome", "code", "phone", "format", "limit", "cursor"}

// Query is which recipients somebody wants to see.
type Query struct {
	Format   Format
	Language es.Language // of reasons
	limit    int
	after    uint32 // the index of the first one that is looked at
	person   schemas.Phone
	states   [256]bool // those that are wanted
}

// ReadQuery reads the Parameters of a request and its header Accept; region is that of phones without a country. What is wrong is a
// *request.FieldError.
func ReadQuery(values url.Values, accept, region string) (*Query, error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 && name != "outcome" && name != "code" {
			return nil, request.ParameterFault(name, request.CodeDuplicate, es.Literal(name+"="+values.Get(name)), es.ParameterOnce)
		}
	}
	q := &Query{Format: accepted(accept)}
	if text := values.Get("format"); text != "" {
		if q.Format = Format(text); !slices.Contains([]Format{JSON, NDJSON, CSV}, q.Format) {
			return nil, request.ParameterFault("format", request.CodeValue, es.Literal("format=csv"), es.ParameterOne, "json, ndjson, csv")
		}
	}
	if err := q.readStates(values); err != nil {
		return nil, err
	}
	if text := values.Get("phone"); text != "" {
		p, err := schemas.ParsePhone(text, region)
		if why := new(phone.Error); errors.As(err, &why) {
			return nil, request.ParameterFault("phone", request.CodeValue, es.Literal("phone=573001234567"), es.ParameterPhone, why.Why.Spanish())
		}
		q.person = p.Person()
	}
	return q, q.readPage(values)
}

// readStates reads which states are wanted: those of any of the outcomes, with any of the codes.
func (q *Query) readStates(values url.Values) error {
	var outcomes []schemas.OutcomeClass
	for word := range words(values["outcome"]) {
		o := schemas.OutcomeClass(strings.ToLower(word))
		if !slices.Contains(schemas.Outcomes, o) {
			return request.ParameterFault("outcome", request.CodeValue, es.Literal("outcome=failed,undelivered"), es.ParameterStates, allOutcomes())
		}
		outcomes = append(outcomes, o)
	}
	var codes []int
	for word := range words(values["code"]) {
		code, err := strconv.Atoi(word)
		if err != nil || !schemas.HasRow(code) {
			return request.ParameterFault("code", request.CodeValue, es.Literal("code=131026,131049"), es.ParameterCodes)
		}
		codes = append(codes, code)
	}
	for i := range q.states {
		state := schemas.RecipientState(i)
		code, ok := state.Code()
		q.states[i] = (len(outcomes) == 0 || slices.Contains(outcomes, state.Outcome())) && (len(codes) == 0 || ok && slices.Contains(codes, code))
	}
	return nil
}

// words are what stands between commas, in any of the values.
func words(values []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for word := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if word = strings.TrimSpace(word); word != "" && !yield(word) {
				return
			}
		}
	}
}

func allOutcomes() string {
	all := make([]string, len(schemas.Outcomes))
	for i, o := range schemas.Outcomes {
		all[i] = string(o)
	}
	return strings.Join(all, ", ")
}

// readPage reads which page is wanted, where the answer has pages.
func (q *Query) readPage(values url.Values) error {
	for _, name := range []string{"limit", "cursor"} {
		if q.Format != JSON && values.Get(name) != "" {
			return request.ParameterFault(name, request.CodeValue, es.Literal("format=json"), es.ParameterPaged)
		}
	}
	var err error
	if q.limit, err = page.Limit(values.Get("limit"), defaultLimit, maxLimit); err != nil {
		return err //nolint:wrapcheck // says all
	}
	if text := values.Get("cursor"); text != "" {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(b) != cursorBytes {
			return request.ParameterFault("cursor", request.CodeValue, es.Literal("next_cursor"), es.ParameterCursor)
		}
		q.after = binary.BigEndian.Uint32(b)
	}
	return nil
}

func cursor(next uint32) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, next))
}

// accepted is the format that a header Accept prefers: of those that it names the one with the highest q, the first of several. JSON is
// the answer where it names none.
func accepted(header string) Format {
	best, format := 0.0, JSON
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		f, known := mediaTypes[name]
		if err != nil || !known {
			continue
		}
		weight := 1.0
		if text, ok := params["q"]; ok {
			weight, _ = strconv.ParseFloat(text, 64) // what is no number is no wish
		}
		if weight > best {
			best, format = weight, f
		}
	}
	return format
}
