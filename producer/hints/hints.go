// Package hints says what to do about a refusal that has nothing better to say: each code of the API has one sentence.
package hints

import "altavoz/schemas/es"

// Of returns the sentence of a code; none of a code that is none.
func Of(code string) es.Sentence {
	if c, ok := sentences[code]; ok {
		return es.Say(c)
	}
	return es.Sentence{}
}

var sentences = map[string]es.Code{
	"internal": es.HintInternal, "unauthorized": es.BearerHint, "too_many_wrong_keys": es.HintWrongKeys, "forbidden": es.HintForbidden, "cross_origin": es.HintCrossOrigin,
	"missing_scope": es.HintScope, "sender_not_allowed": es.HintSender, "too_many_at_once": es.HintShare, "daily_recipients": es.HintDaily, "bad_signature": es.HintSignature,
	"not_found": es.HintNotFound, "method_not_allowed": es.HintMethod, "unsupported_encoding": es.HintEncoding, "body_too_slow": es.HintSlow, "body_broken": es.HintBroken,
	"busy": es.HintLater, "unavailable": es.HintLater, "conflict": es.HintConflict, "content_refused": es.HintContent, "task_closed": es.HintClosed,
	"list_expired": es.HintExpired, "misdirected": es.HintHost,

	"required": es.HintRequired, "wrong_type": es.HintType, "too_long": es.HintLong, "too_many": es.HintMany, "invalid_value": es.HintValue, "invalid_url": es.HintURL,
	"invalid_time": es.HintTime, "invalid_base64": es.HintBase64, "invalid_file_type": es.HintFileType, "file_too_large": es.HintFileSize, "invalid_json": es.HintJSON,
	"duplicate_field": es.HintDuplicate, "unknown_field": es.HintUnknown, "unfilled_placeholder": es.HintPlaceholder, "body_too_large": es.HintBody,
}
