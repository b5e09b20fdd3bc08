// Package codes has the codes of refusals, and what to do about each where a refusal has nothing better to say.
package codes

import "altavoz/schemas/es"

// Codes of refusals that are not a field's (those are request.FieldError codes).
const (
	Internal     = "internal"
	Unauthorized = "unauthorized"
	WrongKeys    = "too_many_wrong_keys"
	Forbidden    = "forbidden"
	Foreign      = "cross_origin"
	Scope        = "missing_scope"
	Sender       = "sender_not_allowed"
	Share        = "too_many_at_once"
	Daily        = "daily_recipients"
	Forged       = "bad_signature"
	NotFound     = "not_found"
	Method       = "method_not_allowed"
	Encoding     = "unsupported_encoding"
	Slow         = "body_too_slow"
	Gone         = "body_broken"
	Busy         = "busy"
	Unavailable  = "unavailable"
	Conflict     = "conflict"
	Content      = "content_refused"
	Closed       = "task_closed"
	Expired      = "list_expired"
	Running      = "task_running"
	Early        = "too_early"
	Nobody       = "nothing_to_retry"
	Retries      = "too_many_retries"
	Unproven     = "list_unproven"
	DataFull     = "data_full"
	Meta         = "refused_by_meta"
)

// Hint returns the sentence of a code; none of a code that is none.
func Hint(code string) es.Sentence {
	if c, ok := sentences[code]; ok {
		return es.Say(c)
	}
	return es.Sentence{}
}

var sentences = map[string]es.Code{
	Internal: es.HintInternal, Unauthorized: es.BearerHint, WrongKeys: es.HintWrongKeys, Forbidden: es.HintForbidden, Foreign: es.HintCrossOrigin,
	Scope: es.HintScope, Sender: es.HintSender, Share: es.HintShare, Daily: es.HintDaily, Forged: es.HintSignature,
	NotFound: es.HintNotFound, Method: es.HintMethod, Encoding: es.HintEncoding, Slow: es.HintSlow, Gone: es.HintBroken,
	Busy: es.HintLater, Unavailable: es.HintLater, Conflict: es.HintConflict, Content: es.HintContent, Closed: es.HintClosed,
	Expired: es.HintExpired, Running: es.HintRunning, Early: es.HintEarly, Nobody: es.HintNobody, Retries: es.HintMostRetries, Unproven: es.HintUnproven, DataFull: es.HintDataFull, Meta: es.TemplatesAnswerHint,
	"misdirected": es.HintHost,

	"required": es.HintRequired, "wrong_type": es.HintType, "too_long": es.HintLong, "too_many": es.HintMany, "invalid_value": es.HintValue, "invalid_url": es.HintURL,
	"invalid_time": es.HintTime, "invalid_base64": es.HintBase64, "invalid_file_type": es.HintFileType, "file_too_large": es.HintFileSize, "invalid_json": es.HintJSON,
	"duplicate_field": es.HintDuplicate, "template_unusable": es.TemplateStatusHint, "unknown_field": es.HintUnknown, "unfilled_placeholder": es.HintPlaceholder, "body_too_large": es.HintBody,
}
