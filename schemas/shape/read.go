package shape

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
	"altavoz/schemas/rules"
)

// MaxJSON is the most bytes of a shape in JSON: ten rows with the longest texts, escaped, are half of it.
const MaxJSON = 48 << 10

// Read reads the value of a member as JSON. No shape and no fault: it says nothing, as null does, and false of a location request. Lenient:
// unknown members are passed over, and returned.
func Read(member string, value []byte, lenient bool) (s *schemas.Shape, ignored []string, err *fault.FieldError) {
	if len(value) > MaxJSON {
		return nil, nil, fault.New(member, fault.CodeTooLong, es.FieldBytes, member, MaxJSON)
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil { // the decoder of the request has read it
		return nil, nil, fault.New(member, fault.CodeWrongType, es.FieldObject, member)
	}
	if v == nil || v == "" {
		return nil, nil, nil
	}
	r := &reader{lenient: lenient}
	switch member {
	case Buttons:
		all := r.list(member, v)
		if len(all) == 0 && r.fault == nil {
			return nil, nil, nil
		}
		buttons := &schemas.ReplyButtons{}
		for i, b := range all {
			m := r.object(fmt.Sprintf("%s[%d]", member, i), b, "id", "title")
			buttons.Buttons = append(buttons.Buttons, &schemas.ReplyButton{Id: m.text("id"), Title: m.text("title")})
		}
		s = &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: buttons}}
	case List:
		s = &schemas.Shape{Kind: &schemas.Shape_List{List: r.replyList(v)}}
	case Location:
		switch asked, ok := v.(bool); {
		case !ok:
			r.refuse(member, fault.CodeWrongType, es.FieldBool, member)
		case asked:
			s = &schemas.Shape{Kind: &schemas.Shape_Location{Location: &schemas.LocationRequest{}}}
		}
	}
	if r.fault != nil {
		return nil, nil, r.fault
	}
	return s, r.ignored, nil
}

// reader keeps the first fault.
type reader struct {
	lenient bool
	ignored []string
	fault   *fault.FieldError
}

func (r *reader) refuse(field, code string, says es.Code, args ...any) {
	if r.fault == nil {
		r.fault = fault.New(field, code, says, args...)
	}
}

func (r *reader) replyList(v any) *schemas.ReplyList {
	m := r.object(List, v, "button", "sections")
	out := &schemas.ReplyList{Button: m.text("button")}
	for i, section := range m.list("sections") {
		s := r.object(fmt.Sprintf("%s.sections[%d]", List, i), section, "title", "rows")
		to := &schemas.ListSection{Title: s.text("title")}
		for j, row := range s.list("rows") {
			m := r.object(fmt.Sprintf("%s.rows[%d]", s.path, j), row, "id", "title", "description")
			to.Rows = append(to.Rows, &schemas.ListRow{Id: m.text("id"), Title: m.text("title"), Description: m.text("description")})
		}
		out.Sections = append(out.Sections, to)
	}
	return out
}

// object is one of JSON, with the path by which faults name it.
type object struct {
	r    *reader
	path string
	v    map[string]any
}

func (r *reader) object(path string, v any, members ...string) object {
	m, ok := v.(map[string]any)
	if !ok {
		r.refuse(path, fault.CodeWrongType, es.FieldObject, path)
	}
	var strange []string
	for name := range m {
		if !slices.Contains(members, name) {
			strange = append(strange, name)
		}
	}
	slices.Sort(strange)
	for _, name := range strange {
		field := path + "." + cut(name)
		switch near := rules.NearestMember(name, members); {
		case r.lenient:
			r.ignored = append(r.ignored, field)
		case near != "":
			r.refuse(field, fault.CodeUnknown, es.FieldUnknownNear, field, near)
		default:
			r.refuse(field, fault.CodeUnknown, es.FieldUnknown, field)
		}
	}
	return object{r, path, m}
}

func (o object) text(name string) string {
	switch v := o.v[name].(type) {
	case nil:
	case string:
		return strings.TrimSpace(v)
	default:
		o.r.refuse(o.path+"."+name, fault.CodeWrongType, es.FieldText, o.path+"."+name)
	}
	return ""
}

func (o object) list(name string) []any {
	return o.r.list(o.path+"."+name, o.v[name])
}

func (r *reader) list(path string, v any) []any {
	all, ok := v.([]any)
	if !ok && v != nil {
		r.refuse(path, fault.CodeWrongType, es.FieldArray, path)
	}
	return all
}

// maxName is how many bytes of an unknown member's name are told.
const maxName = 64

func cut(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "")
	}
	return name
}
