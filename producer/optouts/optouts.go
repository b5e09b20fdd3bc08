package optouts

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/page"
	"altavoz/producer/upload"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/optout"
	"altavoz/schemas/phone"
	"altavoz/schemas/request"
	"altavoz/stream"
)

const (
	// Path is where the list is; a person of it stands behind a slash.
	Path = "/api/messages/optouts"

	// showTimeout is how long an answer waits until what it recorded is shown here.
	showTimeout = 2 * time.Second

	defaultLimit = 100
	maxLimit     = 1000 // of a page: 100 KB
	// MaxAdded is how many people one request adds: some 1 MB of records.
	MaxAdded = 10_000
	// maxBody is the bytes of that request.
	maxBody = 1 << 20
)

// Answer answers a request: a body, or what writes it. read reads the request's, up to so many bytes; may says whether the caller may still have
// an answer that goes on. An error is a *request.FieldError, a *codes.RefusedError, or what kept the body from being read.
func (s *Service) Answer(r *http.Request, caller *access.Caller, read func(most int) ([]byte, error), may func() bool) (body any, write func(http.ResponseWriter), err error) {
	person, q := r.PathValue("phone"), r.URL.Query()
	switch {
	case s.Book == nil || !s.Book.Ready():
		err = &codes.RefusedError{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Says: es.Say(es.StillReadingRetry), Again: true}
	case r.Method == http.MethodPost:
		var text []byte
		if text, err = read(maxBody); err == nil {
			body, err = s.add(r.Context(), text, caller)
		}
	case r.Method == http.MethodDelete:
		body, err = s.remove(r.Context(), person, q, caller)
	case person != "":
		body, err = s.show(person, q, caller)
	default:
		body, write, err = s.list(q, caller, may)
	}
	return body, write, err
}

// Parameters are those of the list, Person those of one of it.
var (
	Parameters = []string{"sender", "cursor", "limit", "format"}
	Person     = []string{"sender"}
)

// Book is what is known of opt-outs.
type Book interface {
	// Ready reports whether all is known that there was when the process started.
	Ready() bool
	// Sync waits until all is known that there is now.
	Sync(ctx context.Context) error
	// Business returns the one that a sender number belongs to.
	Business(number string) (string, bool)
	Get(business, person string) optout.Entry
	// After returns who has opted out and comes behind a name, in order.
	After(business, person string) optout.Names
}

// Service answers requests. It is safe for concurrent use.
type Service struct {
	Book   Book // nil: nothing is known here
	Log    stream.Publisher
	Logger *slog.Logger
	Region string // of phones without a country
	// Sender returns the number that a request asks for, the default one if it asks for none; an error is a *request.FieldError.
	Sender func(asked string) (string, error)
}

// Row is a person.
type Row struct {
	Phone    string `json:"phone"` // or user id
	OptedOut bool   `json:"opted_out"`
	Since    string `json:"since,omitempty"`
	Source   string `json:"source,omitempty"`
}

// Page is some people of the list.
type Page struct {
	OptOuts    []Row  `json:"optouts"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// Added is what became of people who were to be added.
type Added struct {
	Added   int       `json:"added"`
	Known   int       `json:"known"`
	Invalid []Invalid `json:"invalid,omitempty"`
}

// Invalid is an entry that names nobody.
type Invalid struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

// maxInvalid bounds those that an answer names.
const maxInvalid = 100

var sources = map[schemas.OptOutSource]string{
	schemas.OptOutSource_OPT_OUT_SOURCE_WORD: "word", schemas.OptOutSource_OPT_OUT_SOURCE_PREFERENCE: "preference", schemas.OptOutSource_OPT_OUT_SOURCE_CODE: "code",
	schemas.OptOutSource_OPT_OUT_SOURCE_API: "api", schemas.OptOutSource_OPT_OUT_SOURCE_IMPORT: "import",
}

func rowOf(e optout.Entry) Row {
	r := Row{Phone: e.Person, OptedOut: e.Out()}
	at, by := e.InS, e.InBy
	if r.OptedOut {
		at, by = e.OutS, e.OutBy
	}
	if at > 0 {
		r.Since, r.Source = time.Unix(at, 0).UTC().Format(time.RFC3339), sources[by]
	}
	return r
}

// business returns whose opt-outs a caller asks for: those of the number that it names.
func (s *Service) business(asked string, caller *access.Caller) (string, error) {
	number, ok := caller.Sender(asked)
	if !ok { //mutant:opt-outs-are-of-the-callers-numbers
		return "", &codes.RefusedError{Status: http.StatusForbidden, Code: codes.Sender, Says: es.Say(es.SenderNotAllowed)}
	}
	number, err := s.Sender(number)
	if err != nil {
		return "", err
	}
	business, _ := s.Book.Business(number)
	return business, nil
}

// list returns a page, or what writes the whole list.
func (s *Service) list(q url.Values, caller *access.Caller, may func() bool) (*Page, func(w http.ResponseWriter), error) {
	limit, err := page.Limit(q.Get("limit"), defaultLimit, maxLimit)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says all
	}
	cursor := q.Get("cursor")
	if p, ok := optout.Person(cursor); cursor != "" && (!ok || p != cursor) {
		return nil, nil, request.ParameterFault("cursor", request.CodeValue, es.Literal("cursor="), es.ParameterCursor)
	}
	format := q.Get("format")
	if format != "" && format != "json" && format != "csv" {
		return nil, nil, request.ParameterFault("format", request.CodeValue, es.Literal("format=csv"), es.ParameterOne, "json, csv")
	}
	business, err := s.business(q.Get("sender"), caller)
	if err != nil {
		return nil, nil, err
	}
	names := s.Book.After(business, cursor)
	if format == "csv" {
		return nil, func(w http.ResponseWriter) { s.write(w, business, &names, may) }, nil
	}
	page := &Page{OptOuts: make([]Row, 0, min(limit, names.Len()))}
	for i := range min(limit, names.Len()) {
		page.OptOuts = append(page.OptOuts, rowOf(s.Book.Get(business, names.At(i))))
	}
	if names.Len() > limit {
		page.NextCursor = names.At(limit - 1)
	}
	return page, nil, nil
}

// person reads a phone, or a user id.
func (s *Service) person(text string) (string, error) {
	p, err := schemas.ParsePhone(text, s.Region)
	if why := new(phone.Error); errors.As(err, &why) {
		return "", request.ParameterFault("phone", request.CodeValue, es.Literal(Path+"/573001234567"), es.ParameterPhone, why.Why.Spanish())
	}
	return p.Person().Digits(), nil
}

// show returns what is known of a person.
func (s *Service) show(text string, q url.Values, caller *access.Caller) (*Row, error) {
	person, err := s.person(text)
	if err != nil {
		return nil, err
	}
	business, err := s.business(q.Get("sender"), caller)
	if err != nil {
		return nil, err
	}
	row := rowOf(s.Book.Get(business, person))
	return &row, nil
}

// remove has a person come back.
func (s *Service) remove(ctx context.Context, text string, q url.Values, caller *access.Caller) (*Row, error) {
	person, err := s.person(text)
	if err != nil {
		return nil, err
	}
	business, err := s.business(q.Get("sender"), caller)
	if err != nil {
		return nil, err
	}
	e, news := s.Book.Get(business, person).Decided(false, time.Now().Unix(), schemas.OptOutSource_OPT_OUT_SOURCE_API)
	if news {
		if err := s.publish(ctx, e.Encode(business)); err != nil {
			return nil, err
		}
	}
	s.Logger.InfoContext(ctx, "somebody is taken off the list of opt-outs", "caller", caller.Owner, "business", business, "changed", news)
	row := rowOf(e)
	return &row, nil
}

// add adds people, from the body of a request.
func (s *Service) add(ctx context.Context, body []byte, caller *access.Caller) (*Added, error) {
	var in struct {
		Phones []string `json:"phones"`
		Sender string   `json:"sender"`
	}
	if err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true)); err != nil {
		return nil, request.Fault("", request.CodeJSON, es.OptOutsBody)
	}
	if len(in.Phones) == 0 || len(in.Phones) > MaxAdded {
		return nil, request.Fault("phones", request.CodeValue, es.OptOutsMany, MaxAdded)
	}
	business, err := s.business(in.Sender, caller)
	if err != nil {
		return nil, err
	}
	by := schemas.OptOutSource_OPT_OUT_SOURCE_API
	if len(in.Phones) > 1 {
		by = schemas.OptOutSource_OPT_OUT_SOURCE_IMPORT
	}
	out, now := &Added{}, time.Now().Unix()
	var recs []stream.Record
	met := make(map[string]bool, len(in.Phones))
	for i, text := range in.Phones {
		person, err := s.person(text)
		if why := new(request.FieldError); errors.As(err, &why) {
			if len(out.Invalid) < maxInvalid {
				out.Invalid = append(out.Invalid, Invalid{i, why.Error()})
			}
			continue
		}
		e, news := s.Book.Get(business, person).Decided(true, now, by)
		if !news || met[person] {
			out.Known++
			continue
		}
		met[person] = true
		recs = append(recs, e.Encode(business))
	}
	if out.Added = len(recs); out.Added > 0 {
		if err := s.publish(ctx, recs...); err != nil {
			return nil, err
		}
	}
	s.Logger.InfoContext(ctx, "people are added to the list of opt-outs", "caller", caller.Owner, "business", business, "added", out.Added, "known", out.Known)
	return out, nil
}

func (s *Service) publish(ctx context.Context, recs ...stream.Record) error {
	if _, err := upload.Publish(ctx, s.Log, recs...); err != nil {
		s.Logger.WarnContext(ctx, "opt-outs not recorded", "records", len(recs), "error", err)
		return &codes.RefusedError{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Says: es.Say(es.ControlNotTaken), Again: true}
	}
	ctx, cancel := context.WithTimeout(ctx, showTimeout)
	defer cancel()
	_ = s.Book.Sync(ctx) // it is recorded, whether it is shown yet or not
	return nil
}
