package whatsapp

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"altavoz/schemas"
)

// Codes that need more than a verdict.
const (
	codeMissing     = 33  // as a code, or as the subcode of 100: the object of the path does not exist
	codeParameter   = 100 // any bad parameter, a media id among them
	codeValue       = 131009
	codeMaintenance = 131057
	codeMedia       = 131053
	codeSyncing     = schemas.CodeSyncing
	codeWindow      = 131047 // outside the customer service window
	codeLink        = 131014
	codeDownload    = 131052

	// nginx's own: it closed the connection, or reports that its client did.
	statusClosedNoAnswer = 444
	statusClientClosed   = 499

	maintenanceWait = 30 * time.Second // a throughput upgrade takes up to a minute (Meta, "Throughput")
)

// verdicts is the table: what a code in the answer to a send means for it. What a code says in words, and its row among the
// outcomes, is schemas.Refusals.
//
// Sources: Meta's error code reference for the Cloud API, read October 2026; "observed" marks what only captures of others show.
// The HTTP status is left out on purpose: Meta dropped it from its reference, and captures disagree (131056 came as
// 400, 403 and 429).
var verdicts = map[int]schemas.Verdict{
	// Our access. Nobody in the list is at fault, and nothing works until a person renews or repairs it.
	0:      schemas.VerdictAccount, // can't authenticate the app's user
	3:      schemas.VerdictAccount, // capability or permission
	10:     schemas.VerdictAccount, // permission denied
	104:    schemas.VerdictAccount, // token or signature missing (observed)
	190:    schemas.VerdictAccount, // token expired or invalid
	131005: schemas.VerdictAccount, // access denied

	// The account or the number as a whole.
	368:    schemas.VerdictAccount, // restricted for policy violations
	131031: schemas.VerdictAccount, // locked
	131037: schemas.VerdictAccount, // display name not approved
	131042: schemas.VerdictAccount, // payment
	131045: schemas.VerdictAccount, // certificate or registration
	131048: schemas.VerdictAccount, // spam limit: quality is falling, so going on slower would only make it worse
	131064: schemas.VerdictAccount, // messaging limit reduced until its window ends
	133000: schemas.VerdictAccount, // 1330xx: the registration family
	133004: schemas.VerdictAccount,
	133005: schemas.VerdictAccount,
	133006: schemas.VerdictAccount,
	133008: schemas.VerdictAccount,
	133009: schemas.VerdictAccount,
	133010: schemas.VerdictAccount, // number not registered
	133015: schemas.VerdictAccount,
	133016: schemas.VerdictAccount,
	134011: schemas.VerdictAccount, // payment terms not accepted

	// Too fast. The number waits; the send has lost nothing.
	4:               schemas.VerdictThrottled, // calls of the app
	17:              schemas.VerdictThrottled, // generic Graph limits
	32:              schemas.VerdictThrottled,
	613:             schemas.VerdictThrottled,
	80007:           schemas.VerdictThrottled, // calls of the account
	80008:           schemas.VerdictThrottled,
	130429:          schemas.VerdictThrottled, // messages a second of the number
	codeMaintenance: schemas.VerdictThrottled, // its throughput is being raised; see maintenanceWait
	131056:          schemas.VerdictPair,      // this phone, by this number

	// Meta could not, this time. 1, 2, 131000 and 131016 leave a small doubt whether the message is out all the same; Meta
	// documents them as not sent.
	1:         schemas.VerdictTransient,
	2:         schemas.VerdictTransient,
	131000:    schemas.VerdictTransient,
	131016:    schemas.VerdictTransient,
	codeLink:  schemas.VerdictTransient, // could not fetch the linked file (observed): worth another try
	codeMedia: schemas.VerdictTransient, // could not fetch or process the file: as above

	// This recipient, for good.
	192:        schemas.VerdictFailed, // not a phone number
	130403:     schemas.VerdictFailed, // blocked by the business
	130472:     schemas.VerdictFailed, // in an experiment of Meta's; another try is not sent either
	130497:     schemas.VerdictFailed, // country not allowed for the account
	131021:     schemas.VerdictFailed, // recipient is the sender
	131026:     schemas.VerdictFailed, // not on WhatsApp, or unable to receive
	131030:     schemas.VerdictFailed, // not in a test number's list (observed)
	codeWindow: schemas.VerdictFailed, // outside the customer service window; mostly comes later, by webhook
	131049:     schemas.VerdictFailed, // healthy ecosystem engagement; not before a day has passed
	131050:     schemas.VerdictFailed, // stopped marketing messages
	131062:     schemas.VerdictFailed, // user id not supported for this message
	137000:     schemas.VerdictFailed, // identity changed

	// The message, or how the number is set up for it: everybody's send would be refused.
	codeMissing:   schemas.VerdictContent, // the number was deleted, or is another account's
	codeParameter: schemas.VerdictContent, // unless the details speak of media or the recipient, see refine
	131008:        schemas.VerdictContent, // parameter missing
	codeValue:     schemas.VerdictContent, // parameter value, as above
	131051:        schemas.VerdictContent, // message type
	131055:        schemas.VerdictContent, // the number's account may not, or not this, over the Marketing Messages API
	131063:        schemas.VerdictContent, // marketing templates only over the Marketing Messages API: others of the number's go on
	132000:        schemas.VerdictContent, // 132xxx: templates
	132001:        schemas.VerdictContent,
	132005:        schemas.VerdictContent,
	132007:        schemas.VerdictContent,
	132008:        schemas.VerdictContent,
	132012:        schemas.VerdictContent,
	132015:        schemas.VerdictTemplate,
	codeSyncing:   schemas.VerdictTemplate, // still syncing with the Marketing Messages API, up to ten minutes
	132016:        schemas.VerdictContent,
	132018:        schemas.VerdictContent,
	132021:        schemas.VerdictContent,
	132068:        schemas.VerdictContent,
	132069:        schemas.VerdictContent,
	134100:        schemas.VerdictContent, // no template of marketing
	134102:        schemas.VerdictContent, // its template is not available there
	135000:        schemas.VerdictContent,
	139200:        schemas.VerdictContent, // Direct Send blocked: this task's category, not the number
}

// Predicts reports whether a code with which one recipient's message failed is about to fail all of its broadcast: the
// message or its file is at fault, how the account stands, or that the list did not write to us within the last day. A
// recipient's own fault predicts nothing, nor does a code that is not in the table.
func Predicts(code int) bool {
	switch code {
	case schemas.CodeContent, codeWindow, codeMedia, codeLink, codeDownload:
		return true
	case schemas.CodeOther: // in an outcome: any code without a row
		return false
	}
	v := verdicts[code]
	return v == schemas.VerdictContent || v == schemas.VerdictAccount || v == schemas.VerdictTemplate
}

// verdictOf looks a code up. Codes that Meta has added since are judged by the rest of the answer.
func verdictOf(e *apiError, status int) schemas.Verdict {
	if v, ok := verdicts[e.code]; ok {
		return refine(v, e)
	}
	switch {
	case e.code >= 200 && e.code <= 299: // the permission family of the Graph API
		return schemas.VerdictAccount
	case e.transient, status >= http.StatusInternalServerError:
		return schemas.VerdictTransient
	case status == http.StatusTooManyRequests:
		return schemas.VerdictThrottled
	case status == http.StatusUnauthorized:
		return schemas.VerdictAccount
	default:
		return schemas.VerdictContent
	}
}

var (
	mediaWords     = regexp.MustCompile(`(?i)not a valid whatsapp business account media attachment|media (id|attachment).*(expired|not found|not exist)`)
	recipientWords = regexp.MustCompile(`(?i)\bparam(eter)?:? ['"]?(to|recipient)\b|\brecipient\b|\bphone number\b`)
)

// refine tells apart what hides behind the codes for bad parameters: a media id that is no longer known can be
// renewed, a bad recipient concerns no other send.
func refine(v schemas.Verdict, e *apiError) schemas.Verdict {
	if e.code != codeParameter && e.code != codeValue {
		return v
	}
	words := e.message + " " + e.details
	switch {
	case mediaWords.MatchString(words):
		return schemas.VerdictMedia
	case recipientWords.MatchString(words) && !strings.Contains(words, "is required"):
		return schemas.VerdictFailed
	default:
		return v
	}
}

// unanswered reports whether a status, without the Cloud API's words, is what a server or a proxy says when it could not answer in time or
// at all; any other one tells that somebody else answers at this address: a captive portal, a firewall, a wrong base URL. Neither
// says whether the request was passed on before: gateways inspect answers too, and put their own page in the place of one.
func unanswered(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, statusClosedNoAnswer, statusClientClosed:
		return true
	}
	return status >= http.StatusInternalServerError
}
