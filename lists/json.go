package lists

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas/phone"
)

// beginsElement is what the first element of a list may begin with, and the end of an empty one.
const beginsElement = `"{[]-0123456789n`

// holders are the members of an object, besides those that phones usually have, whose array is the list. Others may be anything, people to
// leave out for one.
var holders = []string{
	"data", "items", "rows", "records", "results", "list", "lista", "recipients", "destinatarios", "contacts", "contactos", "clients", "clientes",
	"customers", "people", "personas", "users", "usuarios",
}

// between parts what one member has several of: several phones in one cell are told apart by it.
const between = " / "

// records reads JSON as a table: an array of phones, of objects or of arrays, an object that has such an array, or a value a line. The
// members of objects are its columns, in the order in which they come up.
type records struct {
	src   *jsontext.Decoder
	names []string
	list  int // how deep the elements of the list are; 0: not found yet, or left
	top   row // the object at the top, which is a row if it has no list
	had   bool
	n     int // rows so far
}

func newRecords(src io.Reader) *records {
	return &records{src: jsontext.NewDecoder(src, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
}

// isJSON reports whether a text begins as JSON of a list does, and as no table.
func isJSON(head string) bool {
	head = strings.TrimLeft(head, " \t\n")
	if head == "" {
		return false
	}
	inner := strings.TrimLeft(head[1:], " \t\n")
	switch head[0] {
	case '{':
		return strings.HasPrefix(inner, `"`) || strings.HasPrefix(inner, "}")
	case '[':
		return inner != "" && strings.IndexByte(beginsElement, inner[0]) >= 0
	}
	return false
}

// next returns the next row, and io.EOF behind the last one.
func (r *records) next() (row, error) {
	for {
		out, ok, err := r.step()
		if broken := new(jsontext.SyntacticError); errors.As(err, &broken) || errors.Is(err, io.ErrUnexpectedEOF) {
			return row{}, &Error{fmt.Sprintf("the list is JSON, and broken behind entry %d", r.n), err.Error()}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return row{}, fmt.Errorf("reading the list: %w", err)
		}
		if err != nil || ok {
			return out, err
		}
	}
}

// step reads what comes next; that need not make a row.
func (r *records) step() (out row, ok bool, err error) {
	depth, kind := r.src.StackDepth(), r.src.PeekKind()
	switch {
	case r.list > 0 && kind == jsontext.KindEndArray:
		r.list = 0
		_, err = r.src.ReadToken()
		return row{}, false, err
	case r.list > 0:
		return r.element()
	case depth == 0 && kind == jsontext.KindBeginArray:
		r.list = 1
		_, err = r.src.ReadToken()
		return row{}, false, err
	case depth == 0 && kind == jsontext.KindBeginObject:
		r.top, r.had = row{}, false
		_, err = r.src.ReadToken()
		return row{}, false, err
	case depth == 0:
		return r.element()
	case kind == jsontext.KindEndObject:
		if _, err = r.src.ReadToken(); err != nil || r.had {
			return row{}, false, err
		}
		return r.numbered(r.top)
	}
	name, err := r.src.ReadToken()
	if err != nil {
		return row{}, false, err
	}
	called := name.String()
	if r.src.PeekKind() == jsontext.KindBeginArray && (slices.Contains(usual, folded(called)) || slices.Contains(holders, folded(called))) {
		_, err = r.src.ReadToken()
		r.list, r.had = depth+1, true
		return row{}, false, err
	}
	return row{}, false, r.member(&r.top, called)
}

// element reads one element of the list.
func (r *records) element() (out row, ok bool, err error) {
	switch r.src.PeekKind() { //nolint:exhaustive // what else there is is a scalar, or an error
	case jsontext.KindBeginObject:
		if _, err := r.src.ReadToken(); err != nil {
			return row{}, false, err
		}
		for r.src.PeekKind() != jsontext.KindEndObject {
			name, err := r.src.ReadToken()
			if err != nil {
				return row{}, false, err
			}
			if err := r.member(&out, name.String()); err != nil {
				return row{}, false, err
			}
		}
		_, err = r.src.ReadToken()
	case jsontext.KindBeginArray:
		out.cells, err = r.array()
	default:
		var text string
		text, err = r.scalar()
		out = row{cells: []string{text}, bare: true}
	}
	if err != nil {
		return row{}, false, err
	}
	return r.numbered(out)
}

func (r *records) numbered(out row) (row, bool, error) {
	r.n++
	out.line = r.n
	return out, len(out.cells) > 0, nil
}

// member reads the value of an object's member into its column.
func (r *records) member(into *row, name string) error {
	at := slices.Index(r.names, name)
	if at < 0 {
		at = len(r.names)
		r.names = append(r.names, name)
	}
	var text string
	var err error
	switch r.src.PeekKind() { //nolint:exhaustive // what else there is is a scalar, or an error
	case jsontext.KindBeginObject:
		err = r.src.SkipValue()
	case jsontext.KindBeginArray:
		var cells []string
		cells, err = r.array()
		text = strings.Join(cells, between)
	case jsontext.KindNull:
		err = r.src.SkipValue()
	default:
		text, err = r.scalar()
	}
	into.cells = append(into.cells, make([]string, max(0, at+1-len(into.cells)))...)
	into.cells[at] = text
	return err
}

// array reads the scalars of an array.
func (r *records) array() (cells []string, err error) {
	if _, err := r.src.ReadToken(); err != nil {
		return nil, err
	}
	for {
		switch r.src.PeekKind() { //nolint:exhaustive // what else there is is a scalar, or an error
		case jsontext.KindEndArray:
			_, err := r.src.ReadToken()
			return cells, err
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			if err := r.src.SkipValue(); err != nil {
				return nil, err
			}
		default:
			text, err := r.scalar()
			if err != nil {
				return nil, err
			}
			cells = append(cells, text)
		}
	}
}

// scalar reads a string, or what else is no object and no array, as it is written; a number as the digits that it stands for.
func (r *records) scalar() (string, error) {
	token, err := r.src.ReadToken()
	if err != nil {
		return "", err
	}
	if token.Kind() == jsontext.KindNumber {
		return phone.Number(token.String()), nil
	}
	return token.String(), nil
}
