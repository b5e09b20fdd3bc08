package use

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

const (
	maxRead  = 500       // values, unknown members and wrong ones in a template; one that has more is none
	maxBytes = 128 << 10 // of its texts
	maxTold  = 64        // bytes of an unknown name, as told
)

// Given is a template as a request has it.
type Given struct {
	Template *schemas.Template
	// Of the header's file: its URL or its base64, and its name.
	Content, Filename string
	Faults            []*fault.FieldError
	Strange           []string // unknown members, where they are passed over
}

// Read reads the value of "template". Lenient: unknown members are passed over. What is wrong with it is in Faults; an error is the decoder's,
// or of a template that has far too much.
func Read(dec *jsontext.Decoder, lenient bool) (*Given, error) {
	r := &reader{dec: dec, lenient: lenient, Given: Given{Template: &schemas.Template{}}}
	err := r.object("template", map[string]func(string) error{
		"name":     r.text(&r.Template.Name),
		"language": r.text(&r.Template.Language),
		"header":   r.header,
		"body":     r.body,
		"buttons":  r.buttons,
	})
	return &r.Given, err
}

type reader struct {
	Given
	dec         *jsontext.Decoder
	lenient     bool
	read, bytes int
}

func (r *reader) refuse(field, code string, says es.Code, args ...any) {
	r.Faults = append(r.Faults, fault.New(field, code, says, args...))
}

// more counts what is read, and refuses the request if that is too much.
func (r *reader) more(bytes int) error {
	if r.read, r.bytes = r.read+1, r.bytes+bytes; r.read > maxRead || r.bytes > maxBytes { //mutant:a-template-of-a-request-is-bounded
		return fault.New("template", fault.CodeTooMany, es.UseMany, "template", MaxValues)
	}
	return nil
}

// object reads an object with the given members; anything else is refused and skipped. Null is as good as absent.
func (r *reader) object(field string, members map[string]func(field string) error) error {
	if kind := r.dec.PeekKind(); kind != jsontext.KindBeginObject {
		if kind != jsontext.KindNull {
			r.refuse(field, fault.CodeWrongType, es.FieldObject, field)
		}
		return r.skip()
	}
	return r.each(func(name string) error {
		if f, ok := members[name]; ok {
			return f(field + "." + name)
		}
		r.stranger(field, name, members)
		return r.skip()
	})
}

// each reads the object that begins here.
func (r *reader) each(member func(name string) error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err //nolint:wrapcheck // the decoder's, for its user
	}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err //nolint:wrapcheck // the decoder's, for its user
		}
		name := tok.String()
		if err := r.more(len(name)); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err //nolint:wrapcheck // the decoder's, for its user
}

func (r *reader) stranger(field, name string, members map[string]func(string) error) {
	known := make([]string, 0, len(members))
	for m := range members {
		known = append(known, m)
	}
	slices.Sort(known)
	told := field + "." + strings.ToValidUTF8(name[:min(len(name), maxTold)], "")
	if r.lenient {
		r.Strange = append(r.Strange, told)
		return
	}
	f := fault.New(told, fault.CodeUnknown, es.FieldUnknown, told)
	r.Faults = append(r.Faults, f)
	if near := rules.NearestMember(name, known); near != "" {
		f.Says = es.Say(es.FieldUnknownNear, told, near)
	}
	f.Hint = es.Say(es.FieldsAre, strings.Join(known, ", "))
}

// text reads a text into a member; numbers count as texts.
func (r *reader) text(into *string) func(string) error {
	return func(field string) (err error) {
		*into, _, err = r.value(field)
		return err
	}
}

// value reads a text, and reports whether it is one.
func (r *reader) value(field string) (text string, ok bool, err error) {
	switch kind := r.dec.PeekKind(); kind { //nolint:exhaustive // what else there is is no text
	case jsontext.KindString, jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		tok, err := r.dec.ReadToken()
		if err != nil {
			return "", false, err //nolint:wrapcheck // the decoder's, for its user
		}
		text = tok.String()
		return text, true, r.more(len(text))
	case jsontext.KindNull:
	default:
		r.refuse(field, fault.CodeWrongType, es.FieldScalar, field)
	}
	return "", false, r.skip()
}

// header reads a header: type, and content with name or filename.
func (r *reader) header(field string) error {
	var kind, content, name string
	err := r.object(field, map[string]func(string) error{
		"type": r.text(&kind), "content": r.text(&content), "name": r.text(&name), "filename": r.text(&r.Filename),
	})
	if err != nil {
		return err
	}
	t := r.Template
	switch kind = strings.ToLower(strings.TrimSpace(kind)); {
	case kind == "" && content == "":
		if name != "" || r.Filename != "" {
			r.refuse(field+".type", fault.CodeRequired, es.UseMember, field+".type")
		}
		return nil
	case !slices.Contains(headers, kind):
		r.refuse(field+".type", fault.CodeValue, es.FieldOneOf, field+".type", strings.Join(headers, ", "))
		return nil
	}
	t.Header = schemas.HeaderKind(schemas.HeaderKind_value["HEADER_KIND_"+strings.ToUpper(kind)])
	if t.Header == schemas.HeaderKind_HEADER_KIND_TEXT {
		if content != "" {
			t.HeaderValue = &schemas.TemplateValue{Name: name, Text: content}
		}
		if r.Filename != "" {
			r.refuse(field+".filename", fault.CodeValue, es.UseHeaderNone, field+".filename")
		}
		return nil
	}
	if name != "" {
		r.refuse(field+".name", fault.CodeValue, es.UseHeaderNone, field+".name")
	}
	r.Content = content
	return nil
}

// headers are the types of a header.
var headers = []string{"text", "image", "video", "document"}

// body reads the values of a body: an object by name, or an array in order.
func (r *reader) body(field string) error {
	switch r.dec.PeekKind() { //nolint:exhaustive // what else there is is none
	case jsontext.KindBeginObject:
		err := r.each(func(name string) error {
			text, _, err := r.value(field + "." + strings.ToValidUTF8(name[:min(len(name), maxTold)], ""))
			if name == "" { // it would be a value without a name
				r.refuse(field, fault.CodeValue, es.UseVariableName, field, maxVarName)
			}
			r.Template.Body = append(r.Template.Body, &schemas.TemplateValue{Name: name, Text: text})
			return err
		})
		slices.SortFunc(r.Template.Body, func(a, b *schemas.TemplateValue) int { return strings.Compare(a.GetName(), b.GetName()) })
		return err
	case jsontext.KindBeginArray:
		return r.list(func(i int) error {
			text, _, err := r.value(fmt.Sprintf("%s[%d]", field, i))
			r.Template.Body = append(r.Template.Body, &schemas.TemplateValue{Text: text})
			return err
		})
	case jsontext.KindNull:
	default:
		f := fault.New(field, fault.CodeWrongType, es.UseBodyForm, field)
		f.Hint = es.Say(es.UseBodyHint)
		r.Faults = append(r.Faults, f)
	}
	return r.skip()
}

// list reads the array that begins here.
func (r *reader) list(entry func(i int) error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err //nolint:wrapcheck // the decoder's, for its user
	}
	for i := 0; r.dec.PeekKind() != jsontext.KindEndArray; i++ {
		if err := r.more(0); err != nil {
			return err
		}
		if err := entry(i); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err //nolint:wrapcheck // the decoder's, for its user
}

func (r *reader) buttons(field string) error {
	if kind := r.dec.PeekKind(); kind != jsontext.KindBeginArray {
		if kind != jsontext.KindNull {
			r.refuse(field, fault.CodeWrongType, es.UseObjects, field)
		}
		return r.skip()
	}
	return r.list(func(i int) error { return r.button(fmt.Sprintf("%s[%d]", field, i)) })
}

// button reads a button: index, and one of url_suffix, payload and copy_code.
func (r *reader) button(field string) error {
	var index string
	b, given := &schemas.TemplateButton{}, 0
	members := map[string]func(string) error{"index": r.text(&index)}
	for kind, k := range kinds {
		members[k.member] = func(field string) error {
			text, ok, err := r.value(field)
			if ok {
				given++
				if b.Kind, b.Value = kind, text; k.kind == Suffix {
					b.Value = rules.CleanLink(text)
				}
			}
			return err
		}
	}
	if err := r.object(field, members); err != nil {
		return err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(index), 10, 32)
	if err != nil {
		r.refuse(field+".index", fault.CodeValue, es.UseIndex, field+".index", MaxButtons-1)
		return nil //nolint:nilerr // it is among the faults
	}
	if given != 1 {
		r.refuse(field, fault.CodeRequired, es.UseButtonKind, field, membersOf)
		return nil
	}
	b.Index = uint32(n)
	r.Template.Buttons = append(r.Template.Buttons, b)
	return nil
}

// skip reads a value and drops it.
func (r *reader) skip() error {
	for depth := r.dec.StackDepth(); ; {
		if _, err := r.dec.ReadToken(); err != nil {
			return err //nolint:wrapcheck // the decoder's, for its user
		}
		if err := r.more(0); err != nil {
			return err
		}
		if r.dec.StackDepth() == depth {
			return nil
		}
	}
}
