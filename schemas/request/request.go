package request

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"altavoz/schemas"
	"altavoz/schemas/datauri"
	"altavoz/schemas/es"
	"altavoz/schemas/request/attached"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
	"altavoz/schemas/split"
	"altavoz/schemas/template/use"
)

// What a request may have. What has more is no broadcast.
const (
	MaxBodyBytes = 256 << 20 // of a request: schemas.MaxRecipients as strings of 13 digits

	maxMembers  = 64     // of the request's object, unknown ones included
	maxDepth    = 32     // of arrays and objects in each other
	maxSkipped  = 10_000 // tokens in values that nobody wants
	maxWarnings = 16     // more are not told
	maxNameText = 64     // bytes of an unknown member's name, as told
	maxKept     = 160    // bytes of a recipient; a longer one is none, and is cut where it is told
)

// Sink takes what is too large to keep while a request is read. An error of a sink ends the reading and is returned as it is.
// What it took belongs to nothing if Read fails later.
type Sink interface {
	// Slice takes the next schemas.SliceRecipients recipients, or schemas.PersonalSliceRecipients of a list that may have something of their own,
	// fewer only the last time, of a list too long to stand in the Broadcast. personal is what each has of its own; nil: nobody has anything.
	// It must not keep phones.
	Slice(phones []string, personal []*schemas.Personal) error
	// Part takes the next schemas.PartBytes of a file, fewer only the last time. It may keep b.
	Part(b []byte) error
}

// Limits is what the caller of Read allows. A limit of 0 is the largest one.
type Limits struct {
	Lists     Lists     // which recipients there may be
	MaxPhones uint32    // schemas.MaxRecipients
	MaxBody   int64     // bytes; MaxBodyBytes
	Lenient   bool      // unknown members are passed over with a warning
	Now       time.Time // schedule_at and expire_at are measured against it; zero: they are not measured
	// DryRun returns the sink of a request that is a dry run, in the place of the one that Read was given; its error ends the reading. Nil:
	// there are none where the request comes from, and one is refused: it must not be sent.
	DryRun func() (Sink, error)
	// Check is the last to judge a request, and fills in what is its caller's. Nil: nobody does.
	Check func(*Request) error
}

// Request is a request for a broadcast that satisfies every rule.
type Request struct {
	TaskID     *schemas.TaskID     // chosen by the caller; nil where it was not
	Sender     string              // empty where the caller left it to us
	Content    *schemas.Content    // the media's parts are known to the sink only: Broadcast puts them in
	Phones     []string            // as given; nil where the sink has them
	Personal   []*schemas.Personal // beside Phones: what each has of its own; nil: nobody has anything, or the sink has it
	Total      uint32
	UseQueue   bool
	DryRun     bool // nothing is to happen: Limits.DryRun was called
	OnUnknown  schemas.OnUnknown
	ScheduleMs int64
	ExpireMs   int64
	Speed      uint32
	Window     *schemas.Window // nil: at any time
	Literal    bool            // what looks like a placeholder is meant as text
	Reference  string          // what the caller calls it
	Callback   string          // where what happens to it is posted; empty: nowhere was named
	Sliced     uint32          // recipients of every slice but the last that the sink has; 0: schemas.SliceRecipients
	Events     schemas.Events  // what the topic events has of it
	SHA256     []byte          // of the meaning: however the same request is written, it is the same
	Warnings   []es.Sentence
}

// Read reads the JSON of a request in constant memory, however long its list and its file are, and holds it to
// every rule. What is wrong with it is a *FieldError, and which one does not depend on the order of the members; any
// other error is the body's or the sink's.
func Read(body io.Reader, sink Sink, lim Limits) (*Request, error) {
	if lim.MaxPhones == 0 {
		lim.MaxPhones = schemas.MaxRecipients
	}
	if lim.MaxBody == 0 {
		lim.MaxBody = MaxBodyBytes
	}
	r := &reader{
		sink: sink, lim: lim, req: &Request{Content: &schemas.Content{}}, phones: sha256.New(),
		texts: make(map[string]string, len(textFields)), bad: map[string]*FieldError{},
	}
	r.body = split.New(split.SkipMark(body), lim.MaxBody, func(member string) split.Writer {
		r.file, r.fileAt = attached.New(r.part), member
		return r.file
	}, "header_content", templateFile)
	r.dec = jsontext.NewDecoder(r.body)
	if err := r.read(); err != nil {
		return nil, r.fatal(err)
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	r.req.SHA256 = r.req.Broadcast(schemas.TaskID{}, "", 0, nil, nil).Meaning(r.req.Sender, r.req.UseQueue, r.meaning())
	if lim.Check != nil {
		return r.req, lim.Check(r.req)
	}
	return r.req, nil
}

// Broadcast makes the event of a request: sender is the number that it goes out from, slices and parts say where the sink
// put what it took (nil: nothing).
func (r *Request) Broadcast(task schemas.TaskID, sender string, acceptedMs int64, slices, parts *schemas.BlobRef) *schemas.Broadcast {
	content := proto.CloneOf(r.Content)
	if parts != nil {
		content.Media.Parts = parts
	}
	return &schemas.Broadcast{
		Task: task.Bytes(), Sender: sender, Content: content, Phones: r.Phones, Slices: slices, Total: r.Total,
		AcceptedMs: acceptedMs, RequestSha256: r.SHA256, Chosen: r.TaskID != nil, OnUnknown: r.OnUnknown,
		ScheduleMs: r.ScheduleMs, ExpireMs: r.ExpireMs, Speed: r.Speed, Window: proto.CloneOf(r.Window),
		Personal: r.Personal, SliceRecipients: r.Sliced, Literal: r.Literal, Reference: r.Reference, CallbackUrl: r.Callback, Events: r.Events,
	}
}

// textFields are the members that are strings, in the order in which they are checked.
var textFields = []string{
	"body_text", "header_type", "header_content", "button_text", "button_url", "footer_text",
	"filename", "task_id", "sender", "category", "on_unknown", "schedule_at", "expire_at",
	"reference", "callback_url", "events", "route",
}

// reader reads one request. Members are kept as they come; rules are looked at when all are there.
type reader struct {
	body     *split.Reader
	dec      *jsontext.Decoder
	sink     Sink
	sunk     bool // the sink has taken something
	lim      Limits
	req      *Request
	texts    map[string]string      // members of textFields that are there
	bad      map[string]*FieldError // the first thing wrong with a member
	shapes   []string               // members that are what the recipient taps
	strange  []string               // unknown members
	unknown  *FieldError            // the first of them, where they are refused
	listed   string                 // the member that has the recipients; empty: none so far
	listHint es.Sentence            // how to write a list that came as something else
	phones   hash.Hash              // of all recipients
	people   *people                // nil: recipients are phones
	skipped  int
	given    *use.Given       // the template; nil: none
	file     *datauri.Decoder // a file too long for the decoder; nil: none
	fileAt   string           // the member that it is
}

func (r *reader) read() error {
	if k := r.dec.PeekKind(); k != jsontext.KindBeginObject {
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
		return Fault("", CodeJSON, es.JSONObject)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for n := 0; r.dec.PeekKind() != jsontext.KindEndObject; n++ {
		if n == maxMembers {
			return Fault("", CodeTooMany, es.JSONMembers, maxMembers)
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
	return Fault("", CodeJSON, es.JSONTrailing)
}

func (r *reader) member(name string) error {
	switch name {
	case "phones":
		return r.phonesOf()
	case "recipients":
		return r.recipientsOf()
	case "use_queue":
		return r.flag(name, &r.req.UseQueue)
	case "literal":
		return r.flag(name, &r.req.Literal)
	case "dry_run":
		return r.dryRun(name)
	case "speed":
		tok, err := r.value(name, es.FieldInteger, jsontext.KindNumber, jsontext.KindString)
		if err != nil || tok.Kind() == jsontext.KindInvalid || rules.Blank(tok.String()) {
			return err
		}
		n, perr := strconv.ParseUint(strings.TrimSpace(tok.String()), 10, 32)
		if perr != nil || n == 0 {
			r.refuse(name, CodeValue, es.SpeedPositive)
		}
		r.req.Speed = uint32(n)
		return nil
	case "window":
		return r.window()
	case shape.Buttons, shape.List, shape.Location:
		return r.shape(name)
	case "template":
		return r.template()
	}
	if slices.Contains(textFields, name) {
		tok, err := r.value(name, es.FieldText, jsontext.KindString)
		if err != nil || tok.Kind() != jsontext.KindString {
			return err
		}
		// What is blank says nothing: clients fill in "" for what they have not got.
		if text := tok.String(); !rules.Blank(text) {
			r.texts[name] = text
		}
		return nil
	}
	r.stranger(rules.Cut(name, maxNameText))
	return r.skip()
}

// stranger takes note of an unknown member. Whoever misspells one means something by it: it is refused unless the caller asked
// otherwise.
func (r *reader) stranger(name string) {
	if len(r.strange) < maxWarnings {
		r.strange = append(r.strange, name)
		if r.lim.Lenient {
			r.req.Warnings = append(r.req.Warnings, es.Say(es.FieldIgnored, name))
		}
	}
	if r.lim.Lenient || r.unknown != nil {
		return
	}
	r.unknown = Fault(name, CodeUnknown, es.FieldUnknown, name)
	if near := rules.Nearest(name, r.members()); near != "" {
		r.unknown.Says = es.Say(es.FieldUnknownNear, name, near)
	}
	r.unknown.Hint = es.Say(es.FieldsAre, strings.Join(r.members(), ", "))
}

// meant is the hint beside a member that is missing, where a stranger stands for it.
func (r *reader) meant(field string) es.Sentence {
	for _, name := range r.strange {
		if rules.Nearest(name, r.members()) == field {
			return es.Say(es.FieldMeant, name, field)
		}
	}
	return es.Sentence{}
}

// memberNames are all members that a request may have.
var memberNames = slices.Concat([]string{"phones", "recipients", "template"}, textFields, shape.Members(), []string{"use_queue", "speed", "window", "literal", "dry_run"})

// members are those of memberNames that this request may have.
func (r *reader) members() []string {
	if r.lim.Lists == ListMessages {
		return memberNames[1:]
	}
	return memberNames
}

// flag reads a member that is true or false, also as people's forms and languages write it.
func (r *reader) flag(name string, into *bool) error {
	tok, err := r.value(name, es.FieldBool, jsontext.KindTrue, jsontext.KindFalse, jsontext.KindString, jsontext.KindNumber)
	if err != nil || tok.Kind() == jsontext.KindInvalid {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(tok.String())) {
	case "true", "1":
		*into = true
	case "false", "0", "":
		*into = false
	default:
		r.refuse(name, CodeWrongType, es.FieldBool, name)
	}
	return nil
}

// value reads a member's value if it is of a wanted kind. Null is as good as absent; anything else is refused and skipped;
// in both cases the token is none.
func (r *reader) value(name string, form es.Code, kinds ...jsontext.Kind) (jsontext.Token, error) {
	got := r.dec.PeekKind()
	if slices.Contains(kinds, got) {
		return r.dec.ReadToken()
	}
	if got != jsontext.KindNull {
		r.refuse(name, CodeWrongType, form, name)
	}
	return jsontext.Token{}, r.skip()
}

// skip reads a value and drops it.
func (r *reader) skip() error {
	return r.tokens(func(jsontext.Token) error { return nil })
}

// tokens reads a value.
func (r *reader) tokens(each func(jsontext.Token) error) error {
	for depth := r.dec.StackDepth(); ; {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := each(tok); err != nil {
			return err
		}
		if r.skipped++; r.dec.StackDepth() > maxDepth || r.skipped > maxSkipped {
			return Fault("", CodeJSON, es.JSONComplex)
		}
		if r.dec.StackDepth() == depth {
			return nil
		}
	}
}

// raw reads a value as JSON. One of more bytes is read to its end, and returned as one that has more.
func (r *reader) raw(most int) ([]byte, error) {
	var text bytes.Buffer
	enc := jsontext.NewEncoder(&text)
	err := r.tokens(func(tok jsontext.Token) error {
		if text.Len() > most {
			return nil
		}
		return enc.WriteToken(tok)
	})
	return bytes.TrimSpace(text.Bytes()), err
}

// refuse keeps the first thing that is wrong with a member.
func (r *reader) refuse(field, code string, says es.Code, args ...any) {
	if !r.isBad(field) {
		r.bad[field] = Fault(field, code, says, args...)
	}
}

// fatal tells what stopped the reading apart: an error of the body or of the sink, one that is worded already, or JSON that is none.
func (r *reader) fatal(err error) error {
	switch failed := r.body.Failed(); {
	case errors.Is(failed, split.ErrLarge):
		return Fault("", CodeBodyTooBig, es.BodyTooLarge)
	case errors.Is(failed, split.ErrString):
		return Fault("", CodeTooLong, es.JSONText, split.MaxString)
	case errors.Is(failed, split.ErrMember):
		return Fault(r.fileAt, CodeJSON, es.ContentNotText)
	case failed != nil:
		return failed
	}
	var worded *FieldError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &worded):
		return worded
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		name := rules.Cut(syntax.JSONPointer.LastToken(), maxNameText)
		return Fault(name, CodeDuplicate, es.FieldRepeated, name)
	case errors.As(err, &syntax):
		return Fault("", CodeJSON, es.JSONInvalid, syntax.ByteOffset+r.body.Removed())
	case errors.Is(err, io.EOF):
		return Fault("", CodeJSON, es.JSONEmpty)
	default: // the sink's
		return err
	}
}

func (r *reader) isBad(field string) bool { return r.bad[field] != nil }
