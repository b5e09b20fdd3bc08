package request

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/phone"
	"altavoz/schemas/request/attached"
	"altavoz/schemas/rules"
	"altavoz/schemas/shape"
)

// Lists is which recipients a request may have.
type Lists uint8

// The lists.
const (
	ListAny       Lists = iota // phones, or recipients with values and messages of their own
	ListVariables              // phones, or recipients with values
	ListMessages               // recipients with values and messages of their own
)

const (
	// maxValue is the most characters of a value.
	maxValue = 1024
	// maxOwn is the most bytes of all values and texts of one recipient: with their numbers and lengths less than schemas.MaxPersonalBytes.
	maxOwn = 8 << 10
)

// people is what is known of the recipients of a request that have something of their own.
type people struct {
	at      uint32 // the one that is being read
	names   []string
	numbers map[string]uint32 // of names: those for which somebody has a value
	uses    []wanted          // placeholders of their own messages
	unfit   *FieldError       // the first thing in their own texts that looks like a placeholder and is none
	files   attached.Files

	own       hash.Hash // of all that they have of their own
	some      bool      // somebody has something
	anyBody   bool      // somebody has a body of its own
	noBody    first     // who has no body of its own
	noHeader  first     // who has no header of its own
	noButton  first     // who has no link of its own
	linkless  first     // whose own button has none
	shapes    shape.Own // what they tap of their own
	optsOut   bool      // somebody has a button of its own that opts out
	link      first     // who has a button or a link of its own, and as which member
	linkField string
	ownText   first // who has a text of its own, which does not go with a template

	ownTextField string // which
}

// wanted is where a recipient's own message has a placeholder first.
type wanted struct{ name, field string }

// first is the first recipient of which something is so.
type first struct {
	at uint32
	is bool
}

func (f *first) note(at uint32, is bool) {
	if is && !f.is {
		*f = first{at, true}
	}
}

// value is one of a recipient's values.
type value struct {
	name   string
	number uint32
	text   string
}

// person is a recipient while it is read.
type person struct {
	phone   string
	user    string // id, beside the phone or instead of it
	noPhone bool   // it is null
	values  []value
	texts   map[string]string // members of ownFields; nil: it has no message of its own. Of a shape it is the digest
	shape   *schemas.Shape    // what it taps; nil: what the others do
	bytes   int               // of values and texts
	faults  []*FieldError

	header     schemas.HeaderKind // of its own message
	headerText string
	media      *schemas.MediaRef
	file       uint32 // which of files media is
}

// ownFields are the members of a recipient's own message, and ownHeader those of its header, which alone go with a template.
var (
	ownFields = append([]string{"body_text", "header_type", "header_content", "filename", "button_text", "button_url", "footer_text"}, shape.Members()...)
	ownHeader = ownFields[1:4]
)

// recipientsOf reads recipients that may have something of their own.
func (r *reader) recipientsOf() error {
	if r.people == nil {
		r.people = &people{numbers: map[string]uint32{}, own: sha256.New()}
	}
	r.lim.MaxPhones = min(r.lim.MaxPhones, schemas.MaxPersonal) //mutant:personal-recipients-are-bounded
	return r.list("recipients", schemas.PersonalSliceRecipients, func() (string, *schemas.Personal, error) {
		r.people.at = r.req.Total
		if r.dec.PeekKind() != jsontext.KindBeginObject { // a phone, or none
			text, err := r.entry()
			r.people.note(&person{})
			return text, &schemas.Personal{}, err
		}
		p, err := r.person()
		if err != nil {
			return "", nil, err
		}
		if len(p.faults) > 0 && !r.isBad("recipients") { // the list's first, and of one recipient the first by its name
			f := slices.MinFunc(p.faults, func(a, b *FieldError) int { return cmp.Compare(a.Field, b.Field) })
			r.bad["recipients"] = f
		}
		return p.phone, r.people.personal(p), nil
	})
}

// path is the name of a member of the recipient that is being read; "" is the recipient.
func (r *reader) path(member string) string {
	return strings.TrimSuffix(fmt.Sprintf("recipients[%d].%s", r.people.at, member), ".")
}

// person reads a recipient that is an object. Its error ends the reading.
func (r *reader) person() (*person, error) {
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	p := &person{}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		switch name := tok.String(); {
		case name == "phone":
			p.noPhone = r.dec.PeekKind() == jsontext.KindNull
			p.phone, err = r.entry()
		case name == "user_id":
			err = r.userID(p)
		case name == "variables":
			err = r.variables(p)
		case slices.Contains(ownFields, name):
			err = r.own(p, name)
		default:
			r.strangerOf(p, rules.Cut(name, maxNameText))
			err = r.skipEntry()
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, err
	}
	if rules.Blank(p.phone) || p.noPhone && p.user != "" { //mutant:who-has-no-phone-is-sent-to-by-user-id
		p.phone, p.user = p.user, ""
	}
	r.judge(p)
	if p.bytes > maxOwn { //mutant:slice-of-personal-recipients-fits-a-record
		p.refuse(r.path(""), CodeTooLong, es.OwnLarge, r.path(""), maxOwn)
		p.values, p.texts, p.shape = nil, nil, nil
	}
	return p, nil
}

// userID reads the user id of a recipient; null, and what is blank, is none, as of a phone.
func (r *reader) userID(p *person) error {
	null := r.dec.PeekKind() == jsontext.KindNull
	text, err := r.entry()
	id, ok := phone.UserID(text)
	if p.user = id; !ok && !null && !rules.Blank(text) { //mutant:a-user-id-is-no-phone
		p.refuse(r.path("user_id"), CodeValue, es.FieldUserID, r.path("user_id"))
	}
	return err
}

func (p *person) refuse(field, code string, says es.Code, args ...any) {
	p.faults = append(p.faults, Fault(field, code, says, args...))
}

// strangerOf takes note of an unknown member of a recipient.
func (r *reader) strangerOf(p *person, name string) {
	if r.lim.Lenient {
		r.ignores("recipients[]." + name)
		return
	}
	fields := []string{"phone", "user_id", "variables"}
	if r.lim.Lists != ListVariables {
		fields = append(fields, ownFields...)
	}
	f := Fault(r.path(name), CodeUnknown, es.FieldUnknown, r.path(name))
	if near := rules.NearestMember(name, fields); near != "" {
		f.Says = es.Say(es.FieldUnknownNear, r.path(name), near)
	}
	f.Hint = es.Say(es.RecipientFieldsAre, strings.Join(fields, ", "))
	p.faults = append(p.faults, f)
}

// variables reads the values of a recipient. Who has null, or what is blank, lacks the value.
func (r *reader) variables(p *person) error {
	if kind := r.dec.PeekKind(); kind != jsontext.KindBeginObject {
		if kind != jsontext.KindNull {
			p.refuse(r.path("variables"), CodeWrongType, es.FieldObject, r.path("variables"))
		}
		return r.skipEntry()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		name := strings.TrimSpace(tok.String())
		field := func() string { return r.path("variables." + rules.Cut(name, maxNameText)) }
		kind := r.dec.PeekKind()
		switch kind { //nolint:exhaustive // what else there is is no value
		case jsontext.KindString, jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		default:
			if kind != jsontext.KindNull {
				p.refuse(field(), CodeWrongType, es.FieldScalar, field())
			}
			if err := r.skipEntry(); err != nil {
				return err
			}
			continue
		}
		if tok, err = r.dec.ReadToken(); err != nil {
			return err
		}
		text := tok.String()
		if n := rules.Characters(text); n > maxValue {
			p.refuse(field(), CodeTooLong, es.FieldLong, field(), maxValue, n)
		} else if !rules.Blank(text) {
			r.people.value(p, name, text, field)
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// value gives the recipient a value.
func (q *people) value(p *person, name, text string, field func() string) {
	number, known := q.numbers[name]
	switch {
	case known && slices.ContainsFunc(p.values, func(v value) bool { return v.number == number }):
		p.refuse(field(), CodeDuplicate, es.VariableTwice, rules.Cut(name, maxNameText))
		return
	case known:
	case !personal.ValidName(name):
		p.refuse(field(), CodeValue, es.VariableName, rules.Cut(name, maxNameText), personal.MaxName)
		return
	case len(q.names) == personal.MaxVariables:
		p.refuse(field(), CodeTooMany, es.VariablesMany, personal.MaxVariables)
		return
	default:
		number = uint32(len(q.names))
		q.names, q.numbers[name] = append(q.names, name), number
	}
	if p.bytes += len(text); p.bytes <= maxOwn {
		p.values = append(p.values, value{name, number, text})
	}
}

// personal makes what a recipient has of its own.
func (q *people) personal(p *person) *schemas.Personal {
	q.note(p)
	out := &schemas.Personal{Own: q.message(p), UserId: p.user}
	if len(p.values) == 0 && !out.IsOwn() {
		return out
	}
	q.some = true
	slices.SortFunc(p.values, func(a, b value) int { return cmp.Compare(a.name, b.name) })
	schemas.HashText(q.own, fmt.Sprint(q.at, len(p.values), p.user))
	for _, v := range p.values {
		schemas.HashText(q.own, v.name)
		schemas.HashText(q.own, v.text)
		out.Variables, out.Values = append(out.Variables, v.number), append(out.Values, v.text)
	}
	for _, field := range ownFields {
		if text, ok := p.texts[field]; ok {
			schemas.HashText(q.own, field)
			schemas.HashText(q.own, text)
		}
	}
	return out
}

// note takes note of what a recipient has no own of.
func (q *people) note(p *person) {
	q.anyBody = q.anyBody || p.texts["body_text"] != ""
	q.noBody.note(q.at, p.texts["body_text"] == "")
	q.noHeader.note(q.at, p.texts["header_content"] == "")
	q.noButton.note(q.at, p.texts["button_url"] == "" && p.shape == nil)
	q.shapes.Note(q.at, p.shape, p.header, p.texts["footer_text"] != "")
	if !q.ownText.is {
		for _, field := range ownFields {
			if p.texts[field] != "" && !slices.Contains(ownHeader, field) {
				q.ownText, q.ownTextField = first{q.at, true}, field
			}
		}
	}
	q.linkless.note(q.at, p.texts["button_text"] != "" && p.texts["button_url"] == "")
	for _, field := range []string{"button_text", "button_url"} {
		if p.texts[field] != "" && !q.link.is {
			q.link, q.linkField = first{q.at, true}, field
		}
	}
}

// meaning is the digest of a list: of phones alone, or also of what recipients have of their own, and of whether braces are text then.
func (r *reader) meaning() []byte {
	sum := r.phones.Sum(nil)
	if r.people == nil || !r.people.some {
		return sum
	}
	h := sha256.New()
	for _, text := range []string{"recipients", string(sum), string(r.people.own.Sum(nil)), fmt.Sprint(r.req.Literal)} {
		schemas.HashText(h, text)
	}
	return h.Sum(nil) //mutant:a-changed-value-is-another-request
}
