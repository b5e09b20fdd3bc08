// Package codes has the codes of the Cloud API's refusals, with the words that Meta has for them.
package codes

import "net/http"

// Refusal is what the answer to a refused call has.
type Refusal struct {
	Status    int // of HTTP
	Title     string
	Details   string
	Transient bool
}

// Of returns the refusal of a code; one that is not known comes as a plain 400.
func Of(code int) Refusal {
	r, ok := known[code]
	if !ok {
		return Refusal{Status: http.StatusBadRequest, Title: "Generic error"}
	}
	return r
}

var known = map[int]Refusal{
	1:      {http.StatusInternalServerError, "API Unknown", "Invalid request or possible server error.", false},
	2:      {http.StatusServiceUnavailable, "API Service", "Temporary due to downtime or due to being overloaded.", true},
	4:      {http.StatusTooManyRequests, "Application request limit reached", "The app has reached its API call rate limit.", true},
	100:    {http.StatusBadRequest, "Invalid parameter", "The request included one or more unsupported or misspelled parameters.", false},
	190:    {http.StatusUnauthorized, "Error validating access token: Session has expired", "", false},
	368:    {http.StatusForbidden, "Temporarily blocked for policies violations", "The WhatsApp Business Account has been restricted from messaging.", false},
	80007:  {http.StatusTooManyRequests, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit.", true},
	130429: {http.StatusTooManyRequests, "Rate limit hit", "Cloud API message throughput has been reached.", true},
	130472: {http.StatusBadRequest, "User's number is part of an experiment", "Failed to send message because this user's phone number is part of an experiment", false},
	131000: {http.StatusInternalServerError, "Something went wrong", "Message failed to send due to an unknown error.", false},
	131005: {http.StatusForbidden, "Access denied", "Permission is either not granted or has been removed.", false},
	131008: {http.StatusBadRequest, "Required parameter is missing", "The request is missing a required parameter.", false},
	131009: {http.StatusBadRequest, "Parameter value is not valid", "One or more parameter values are invalid.", false},
	131016: {http.StatusServiceUnavailable, "Service unavailable", "A service is temporarily unavailable.", true},
	131021: {http.StatusBadRequest, "Recipient cannot be sender", "Sender and recipient phone number is the same.", false},
	131026: {http.StatusBadRequest, "Message undeliverable", "Message Undeliverable.", false},
	131030: {http.StatusBadRequest, "Recipient phone number not in allowed list", "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.", false},
	131031: {http.StatusForbidden, "Account has been locked", "The account has been restricted or disabled.", false},
	131042: {http.StatusBadRequest, "Business eligibility payment issue", "There was an error related to your payment method.", false},
	131047: {http.StatusBadRequest, "Re-engagement message", "More than 24 hours have passed since the recipient last replied to the sender number.", false},
	131048: {http.StatusBadRequest, "Spam rate limit hit", "Message failed to send because there are restrictions on how many messages can be sent from this phone number.", false},
	131049: {http.StatusBadRequest, "Meta chose not to deliver", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.", false},
	131050: {http.StatusBadRequest, "User has stopped marketing messages", "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.", false},
	131053: {http.StatusBadRequest, "Media upload error", "Downloading media from weblink failed with http code 404, status message Not Found", false},
	131056: {http.StatusBadRequest, "(Business Account, Consumer Account) pair rate limit hit", "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.", true},
	131055: {http.StatusBadRequest, "Method not allowed", "The account may not send over the Marketing Messages API.", false},
	131063: {http.StatusBadRequest, "Marketing templates are disabled on the Cloud API", "Marketing templates of this account are sent over the Marketing Messages API only.", false},
	134100: {http.StatusBadRequest, "Only marketing messages supported", "The template is not of the category MARKETING.", false},
	134101: {http.StatusBadRequest, "Template is still synchronizing", "The template is being synchronised, which takes up to 10 minutes.", false},
	134102: {http.StatusInternalServerError, "Template is unavailable for use", "The template is not available.", false},
	131057: {http.StatusInternalServerError, "Account in maintenance mode", "Business Account is in maintenance mode", true},
	131062: {http.StatusBadRequest, "Business-scoped User ID (BSUID) recipients are not supported for this message.", "This message type needs the recipient's phone number.", false},
	132001: {http.StatusNotFound, "Template name does not exist in the translation", "template name does not exist", false},
	132005: {http.StatusBadRequest, "Template hydrated text too long", "The translated text is too long.", false},
	132012: {http.StatusBadRequest, "Template parameter format mismatch", "Variable parameter values are formatted incorrectly.", false},
	132018: {http.StatusBadRequest, "There was an issue with the parameters in your template", "Check the parameters of the template.", false},
	132000: {http.StatusBadRequest, "Number of parameters does not match the expected number of params", "The number of parameters does not match the template.", false},
	132015: {http.StatusBadRequest, "Template is paused", "The template is paused due to low quality.", false},
	132016: {http.StatusBadRequest, "Template is disabled", "The template was paused too many times due to low quality, and is disabled.", false},
}
