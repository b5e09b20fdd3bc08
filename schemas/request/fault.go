package request

import (
	"altavoz/schemas/es"
	"altavoz/schemas/request/fault"
)

// FieldError says what is wrong with a request, for the one who made it.
type FieldError = fault.FieldError

// Fault makes a FieldError.
func Fault(field, code string, says es.Code, args ...any) *FieldError {
	return fault.New(field, code, says, args...)
}

// ParameterFault is what is wrong with a parameter of a query, with what to do about it; says is told the name, and args.
func ParameterFault(name, code string, hint es.Sentence, says es.Code, args ...any) *FieldError {
	return fault.Parameter(name, code, hint, says, args...)
}

// Codes of a FieldError.
const (
	CodeRequired    = fault.CodeRequired
	CodeWrongType   = fault.CodeWrongType
	CodeTooLong     = fault.CodeTooLong
	CodeTooMany     = fault.CodeTooMany
	CodeValue       = fault.CodeValue
	CodeURL         = fault.CodeURL
	CodeTime        = fault.CodeTime
	CodeBase64      = fault.CodeBase64
	CodeFileType    = fault.CodeFileType
	CodeFileSize    = fault.CodeFileSize
	CodeJSON        = fault.CodeJSON
	CodeDuplicate   = fault.CodeDuplicate
	CodeUnknown     = fault.CodeUnknown
	CodePlaceholder = fault.CodePlaceholder
	CodeBodyTooBig  = fault.CodeBodyTooBig
)
