// Package fault is what is wrong with a request, for the one who made it: the field, a code, the words, and what to do about it.
package fault

import "altavoz/schemas/es"

// FieldError says what is wrong with a request, for the one who made it.
type FieldError struct {
	Field string // empty: the request as a whole
	Code  string // one of the Code... constants
	Says  es.Sentence
	Hint  es.Sentence // what to do about it; may be none
}

// New makes a FieldError.
func New(field, code string, says es.Code, args ...any) *FieldError {
	return &FieldError{Field: field, Code: code, Says: es.Say(says, args...)}
}

// Parameter is what is wrong with a parameter of a query, with what to do about it; says is told the name, and args.
func Parameter(name, code string, hint es.Sentence, says es.Code, args ...any) *FieldError {
	f := New(name, code, says, append([]any{name}, args...)...)
	f.Hint = hint
	return f
}

func (e *FieldError) Error() string { return e.Says.Spanish() }

// Under gives the fields that a fault names the path at which they stand.
func (e *FieldError) Under(path func(field string) string) {
	was, both := e.Field, e.Says.Code == es.FieldsAlike || e.Says.Code == es.FieldsApart
	e.Field = path(was)
	for i, arg := range e.Says.Args {
		if arg == was || both {
			e.Says.Args[i] = path(arg)
		}
	}
}

// Codes of a FieldError: a closed set.
const (
	CodeRequired    = "required"
	CodeWrongType   = "wrong_type"
	CodeTooLong     = "too_long"
	CodeTooMany     = "too_many"
	CodeValue       = "invalid_value"
	CodeURL         = "invalid_url"
	CodeTime        = "invalid_time"
	CodeBase64      = "invalid_base64"
	CodeFileType    = "invalid_file_type"
	CodeFileSize    = "file_too_large"
	CodeJSON        = "invalid_json"
	CodeDuplicate   = "duplicate_field"
	CodeUnknown     = "unknown_field"
	CodePlaceholder = "unfilled_placeholder"
	CodeBodyTooBig  = "body_too_large"
	CodeTemplate    = "template_unusable" // there is no such template, or it can't be sent
)
