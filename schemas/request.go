package schemas

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"altavoz/schemas/phone"
	"altavoz/schemas/split"
)

// Limits of a request's form. What they keep out is not a broadcast.
const (
	MaxRecipients = 16 << 20  // of one broadcast: 16 MiB of marks, 17,000 slices
	MaxBodyBytes  = 256 << 20 // of a request: MaxRecipients as strings of 13 digits

	maxMembers  = 64     // of the request's object, unknown ones included
	maxDepth    = 32     // of arrays and objects in each other
	maxSkipped  = 10_000 // tokens in values that nobody wants
	maxWarnings = 16     // more are not told
	maxNameText = 64     // bytes of an unknown member's name, as told
	maxKept     = 160    // bytes of a recipient; a longer one is none, and is cut where it is told
)

// Sink takes what is too large to keep while a request is read. An error of a sink ends the reading and is returned as it is.
// What it took belongs to nothing if ReadRequest fails later.
type Sink interface {
	// Slice takes the next SliceRecipients recipients, fewer only the last time, of a list too long to stand in the
	// Broadcast. It must not keep phones.
	Slice(phones []string) error
	// Part takes the next PartBytes of a file, fewer only the last time. It may keep b.
	Part(b []byte) error
}

// RequestLimits is what a door allows. A limit of 0 is the largest one.
type RequestLimits struct {
	MaxPhones uint32    // MaxRecipients
	MaxBody   int64     // bytes; MaxBodyBytes
	Now       time.Time // schedule_at and expire_at are measured against it; zero: they are not measured
}

// Request is a request for a broadcast that satisfies every rule.
type Request struct {
	TaskID     *TaskID  // chosen by the caller; nil where it was not
	Sender     string   // empty where the caller left it to us
	Content    *Content // the media's parts are known to the sink only: Broadcast puts them in
	Phones     []string // as given; nil where the sink has them
	Total      uint32
	UseQueue   bool
	OnUnknown  OnUnknown
	ScheduleMs int64
	ExpireMs   int64
	Speed      uint32
	Window     *Window  // nil: at any time
	SHA256     []byte   // of the meaning: however the same request is written, it is the same
	Warnings   []string // Spanish
}

// FieldError says what is wrong with a request, in Spanish, for the one who made it.
type FieldError struct {
	Field   string // empty: the request as a whole
	Code    string // one of the Code... constants
	Spanish string
}

func (e *FieldError) Error() string { return e.Spanish }

// Codes of a FieldError: a closed set.
const (
	CodeRequired   = "required"
	CodeWrongType  = "wrong_type"
	CodeTooLong    = "too_long"
	CodeTooMany    = "too_many"
	CodeValue      = "invalid_value"
	CodeURL        = "invalid_url"
	CodeTime       = "invalid_time"
	CodeBase64     = "invalid_base64"
	CodeFileType   = "invalid_file_type"
	CodeFileSize   = "file_too_large"
	CodeJSON       = "invalid_json"
	CodeDuplicate  = "duplicate_field"
	CodeBodyTooBig = "body_too_large"
)

// The two refusals that the public contract words.
const (
	PhonesMissing = "Se requiere el campo 'phones' con un array de números telefónicos"
	BodyMissing   = "Se requiere el campo 'body_text'"
)

// ReadRequest reads the JSON of a request in constant memory, however long its list and its file are, and holds it to
// every rule. What is wrong with it is a *FieldError, and which one does not depend on the order of the members; any
// other error is the body's or the sink's.
func ReadRequest(body io.Reader, sink Sink, lim RequestLimits) (*Request, error) {
	if lim.MaxPhones == 0 {
		lim.MaxPhones = MaxRecipients
	}
	if lim.MaxBody == 0 {
		lim.MaxBody = MaxBodyBytes
	}
	r := &requestReader{
		sink: sink, lim: lim, req: &Request{Content: &Content{}}, phones: sha256.New(),
		texts: make(map[string]string, len(textFields)), bad: map[string]*FieldError{},
	}
	r.body = split.New(body, lim.MaxBody, "header_content", func() split.Writer {
		r.file = newDataURI(r.part)
		return r.file
	})
	r.dec = jsontext.NewDecoder(r.body)
	if err := r.read(); err != nil {
		return nil, r.fatal(err)
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	r.req.SHA256 = r.meaning()
	return r.req, nil
}

// Broadcast makes the event of a request: sender is the number that it goes out from, slices and parts say where the sink
// put what it took (nil: nothing).
func (r *Request) Broadcast(task TaskID, sender string, acceptedMs int64, slices, parts *BlobRef) *Broadcast {
	content := proto.CloneOf(r.Content)
	if parts != nil {
		content.Media.Parts = parts
	}
	return &Broadcast{
		Task: task.Bytes(), Sender: sender, Content: content, Phones: r.Phones, Slices: slices, Total: r.Total,
		AcceptedMs: acceptedMs, RequestSha256: r.SHA256, Chosen: r.TaskID != nil, OnUnknown: r.OnUnknown,
		ScheduleMs: r.ScheduleMs, ExpireMs: r.ExpireMs, Speed: r.Speed, Window: proto.CloneOf(r.Window),
	}
}

// textFields are the members that are strings, in the order in which they are checked.
var textFields = []string{
	"body_text", "header_type", "header_content", "button_text", "button_url", "footer_text",
	"task_id", "sender", "category", "on_unknown", "schedule_at", "expire_at",
}

// requestReader reads one request. Members are kept as they come; rules are looked at when all are there.
type requestReader struct {
	body    *split.Reader
	dec     *jsontext.Decoder
	sink    Sink
	lim     RequestLimits
	req     *Request
	texts   map[string]string      // members of textFields that are there
	bad     map[string]*FieldError // the first thing wrong with a member
	phones  hash.Hash              // of all recipients
	skipped int
	file    *dataURI // a header_content too long for the decoder; nil: none
}

func (r *requestReader) read() error {
	if k := r.dec.PeekKind(); k != jsontext.KindBeginObject {
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
		return &FieldError{Code: CodeJSON, Spanish: "El cuerpo debe ser un objeto JSON"}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for n := 0; r.dec.PeekKind() != jsontext.KindEndObject; n++ {
		if n == maxMembers {
			return &FieldError{Code: CodeTooMany, Spanish: fmt.Sprintf("El objeto JSON tiene más de %d campos", maxMembers)}
		}
		name, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := r.member(name.String()); err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	switch _, err := r.dec.ReadToken(); {
	case errors.Is(err, io.EOF) && r.body.Failed() == nil:
		return nil
	case err != nil:
		return err
	}
	return &FieldError{Code: CodeJSON, Spanish: "Sobra texto después del objeto JSON"}
}

func (r *requestReader) member(name string) error {
	switch name {
	case "phones":
		return r.list()
	case "use_queue":
		tok, err := r.value(name, "true o false", jsontext.KindTrue, jsontext.KindFalse)
		r.req.UseQueue = err == nil && tok.Kind() == jsontext.KindTrue
		return err
	case "speed":
		tok, err := r.value(name, "un número entero", jsontext.KindNumber)
		if err != nil || tok.Kind() != jsontext.KindNumber {
			return err
		}
		n, perr := strconv.ParseUint(tok.String(), 10, 32)
		if perr != nil || n == 0 {
			r.refuse(name, CodeValue, "El campo 'speed' debe ser un número entero de mensajes por segundo, 1 o más")
		}
		r.req.Speed = uint32(n)
		return nil
	case "window":
		return r.window()
	}
	if slices.Contains(textFields, name) {
		tok, err := r.value(name, "un texto", jsontext.KindString)
		if err != nil || tok.Kind() != jsontext.KindString {
			return err
		}
		// What is blank says nothing: clients fill in "" for what they have not got.
		if text := tok.String(); strings.TrimSpace(text) != "" {
			r.texts[name] = text
		}
		return nil
	}
	if len(r.req.Warnings) < maxWarnings {
		r.req.Warnings = append(r.req.Warnings, "Campo desconocido '"+cutText(name, maxNameText)+"': se ignora")
	}
	return r.skip()
}

// value reads a member's value if it is of a wanted kind. Null is as good as absent; anything else is refused and skipped;
// in both cases the token is none.
func (r *requestReader) value(name, what string, kinds ...jsontext.Kind) (jsontext.Token, error) {
	got := r.dec.PeekKind()
	if slices.Contains(kinds, got) {
		return r.dec.ReadToken()
	}
	if got != jsontext.KindNull {
		r.refuse(name, CodeWrongType, "El campo '"+name+"' debe ser "+what)
	}
	return jsontext.Token{}, r.skip()
}

// skip reads a value and drops it.
func (r *requestReader) skip() error {
	return r.tokens(func(jsontext.Token) error { return nil })
}

// tokens reads a value.
func (r *requestReader) tokens(each func(jsontext.Token) error) error {
	for depth := r.dec.StackDepth(); ; {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := each(tok); err != nil {
			return err
		}
		if r.skipped++; r.dec.StackDepth() > maxDepth || r.skipped > maxSkipped {
			return &FieldError{Code: CodeJSON, Spanish: "El JSON es demasiado profundo o complejo"}
		}
		if r.dec.StackDepth() == depth {
			return nil
		}
	}
}

// list reads the recipients. A list that is none, or empty, counts as missing.
func (r *requestReader) list() error {
	if r.dec.PeekKind() != jsontext.KindBeginArray {
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndArray {
		if r.req.Total == r.lim.MaxPhones {
			return &FieldError{Field: "phones", Code: CodeTooMany, Spanish: fmt.Sprintf("El campo 'phones' admite como máximo %d números", r.lim.MaxPhones)}
		}
		phone, err := r.recipient()
		if err != nil {
			return err
		}
		if len(r.req.Phones) == InlineRecipients {
			if err := r.slice(); err != nil {
				return err
			}
		}
		r.req.Phones = append(r.req.Phones, phone)
		r.req.Total++
	}
	if r.req.Total > InlineRecipients {
		if err := r.slice(); err != nil {
			return err
		}
		r.req.Phones = nil
	}
	_, err := r.dec.ReadToken()
	return err
}

// recipient reads one entry. One that is neither text nor number stands in the list as it was written: it is no phone, which costs
// only itself.
func (r *requestReader) recipient() (string, error) {
	var text string
	switch kind := r.dec.PeekKind(); kind {
	case jsontext.KindString, jsontext.KindNumber:
		tok, err := r.dec.ReadToken()
		if err != nil {
			return "", err
		}
		if text = tok.String(); kind == jsontext.KindNumber {
			text = phone.Number(text)
		}
	default:
		written := &beginning{}
		enc, skipped := jsontext.NewEncoder(written), r.skipped
		if err := r.tokens(enc.WriteToken); err != nil {
			return "", err
		}
		r.skipped = skipped // an entry may be as complex as a value that nobody wants
		text = strings.TrimSpace(string(written.text))
	}
	writeText(r.phones, text)
	return cutText(text, maxKept), nil
}

// beginning keeps the first of what is written to it: more than is shown.
type beginning struct{ text []byte }

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), maxKept+1-len(b.text))]...)
	return len(p), nil
}

// slice gives the recipients kept so far to the sink, and part what is decoded of the file; not those of a request that is
// refused anyway.
func (r *requestReader) slice() error {
	phones := r.req.Phones
	r.req.Phones = phones[:0]
	if len(r.bad) > 0 {
		return nil
	}
	return r.sink.Slice(phones)
}

func (r *requestReader) part(b []byte) error {
	if len(r.bad) > 0 {
		return nil
	}
	return r.sink.Part(b)
}

// refuse keeps the first thing that is wrong with a member.
func (r *requestReader) refuse(field, code, spanish string) {
	if !r.isBad(field) {
		r.bad[field] = &FieldError{Field: field, Code: code, Spanish: spanish}
	}
}

// fatal tells what stopped the reading apart: an error of the body or of the sink, one that is worded already, or JSON that is none.
func (r *requestReader) fatal(err error) error {
	switch failed := r.body.Failed(); {
	case errors.Is(failed, split.ErrLarge):
		return &FieldError{Code: CodeBodyTooBig, Spanish: "El cuerpo de la solicitud es demasiado grande"}
	case errors.Is(failed, split.ErrString):
		return &FieldError{Code: CodeTooLong, Spanish: fmt.Sprintf("El JSON tiene un texto de más de %d bytes", split.MaxString)}
	case errors.Is(failed, split.ErrMember):
		return &FieldError{Field: "header_content", Code: CodeJSON, Spanish: "El campo 'header_content' no es un texto JSON válido"}
	case failed != nil:
		return failed
	}
	var worded *FieldError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &worded):
		return worded
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		name := cutText(syntax.JSONPointer.LastToken(), maxNameText)
		return &FieldError{Field: name, Code: CodeDuplicate, Spanish: "El campo '" + name + "' está repetido"}
	case errors.As(err, &syntax):
		return &FieldError{Code: CodeJSON, Spanish: fmt.Sprintf("El cuerpo no es JSON válido (byte %d)", syntax.ByteOffset+r.body.Removed())}
	case errors.Is(err, io.EOF):
		return &FieldError{Code: CodeJSON, Spanish: "El cuerpo está vacío o no es JSON válido"}
	default: // the sink's
		return err
	}
}

func (r *requestReader) isBad(field string) bool { return r.bad[field] != nil }
