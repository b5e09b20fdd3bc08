package whatsapp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/whatsapp/http1"
	"altavoz/whatsapp/scan"
)

const (
	maxDetail = 300 // bytes of Meta's words that are kept: they go into results and logs
	maxWAMID  = 256 // bytes; real ones have about 60
	maxAfter  = time.Hour

	// A run of digits this long in Meta's words may be a phone; all but its last four are masked.
	minMasked = 7
	unmasked  = 4

	minToken = 8 // bytes of an access token worth hiding; a shorter one, of a test, would be found in any text
)

// apiError is Meta's error envelope, reduced to what decides.
type apiError struct {
	code      int
	subcode   int
	transient bool
	message   string
	details   string
}

// wireAnswer reads success and error alike. Fields whose type Meta has changed over time, or captures disagree on, are
// taken raw, so that none of them spoils the rest.
type wireAnswer struct {
	Messages []struct {
		ID string `json:"id"`
	} `json:"messages"`
	ID    string `json:"id"` // of uploaded media
	Error *struct {
		Message   string         `json:"message"`
		Type      jsontext.Value `json:"type"`
		Trace     jsontext.Value `json:"fbtrace_id"`
		Code      jsontext.Value `json:"code"`
		Subcode   jsontext.Value `json:"error_subcode"`
		Transient jsontext.Value `json:"is_transient"`
		UserMsg   string         `json:"error_user_msg"`
		Data      jsontext.Value `json:"error_data"` // an object with details; in old versions a string
	} `json:"error"`
}

// A repeated name or a broken character in an answer is no reason to forget a message id that is there.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// parseAnswer reads an answer. ok is false where it is not one of the Cloud API's.
func parseAnswer(body []byte) (w wireAnswer, e *apiError, ok bool) {
	if err := json.Unmarshal(body, &w, lenient); err != nil {
		return wireAnswer{}, nil, false
	}
	if w.Error == nil {
		return w, nil, w.ID != "" || (len(w.Messages) > 0 && w.Messages[0].ID != "")
	}
	code, ok := integer(w.Error.Code)
	if !ok || (isStatus(code) && w.Error.Type == nil && w.Error.Trace == nil) {
		return w, nil, false
	}
	e = &apiError{code: code, message: w.Error.Message}
	e.subcode, _ = integer(w.Error.Subcode)
	e.transient = string(w.Error.Transient) == "true"
	e.details = detailsOf(w.Error.Data)
	if e.details == "" {
		e.details = w.Error.UserMsg
	}
	if e.code == codeParameter && e.subcode == codeMissing {
		e.code = codeMissing
	}
	return w, e, true
}

// isStatus reports whether a code may be an HTTP status: other gateways' envelopes have one at the same place. Meta's own always come with a
// type and a trace.
func isStatus(code int) bool { return code >= 400 && code <= 599 }

// integer reads a whole number that may be written as text.
func integer(v jsontext.Value) (int, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(v), `"`), 10, 32)
	return int(n), err == nil
}

func detailsOf(v jsontext.Value) string {
	var old string
	if v.Kind() == jsontext.KindString && json.Unmarshal(v, &old, lenient) == nil {
		return old
	}
	var data struct {
		Details string `json:"details"`
	}
	if v.Kind() == jsontext.KindBeginObject && json.Unmarshal(v, &data, lenient) == nil {
		return data.Details
	}
	return ""
}

// judge decides what an answer to a send means. The body decides, whatever the HTTP status: a message id proves that the message was accepted, an
// error envelope that it was not.
//
// Anything else is Lost. Whoever wrote it, a proxy or Meta's own edge, may have passed the request on before: a message may well be
// out, and its id is not known. Retry-After asks for a wait and proves nothing. Foreign marks an answer that was complete and
// that no overloaded or broken server gives: the address or the network is wrong, and the next call would meet the same.
func judge(a answer, now time.Time) schemas.Reply {
	if a.status == 0 {
		v := schemas.VerdictLost
		if a.unsent {
			v = schemas.VerdictUnsent
		}
		return schemas.Reply{Verdict: v, Detail: a.err.Error()}
	}
	var (
		w  wireAnswer
		e  *apiError
		ok bool
	)
	if a.err == nil { // half an answer is none, whatever can be read of it
		if id, ok := scan.MessageID(a.body); ok {
			return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: cut(string(id), maxWAMID)}
		}
		w, e, ok = parseAnswer(a.body)
	}
	accepted := len(w.Messages) > 0 && w.Messages[0].ID != ""
	switch {
	case ok && e != nil && !accepted:
		r := schemas.Reply{Verdict: verdictOf(e, a.status), Code: e.code, Detail: words(e)}
		r.After = after(a.header, r.Verdict, now)
		if e.code == codeMaintenance && r.After == 0 {
			r.After = maintenanceWait
		}
		return r
	case ok && e == nil && accepted:
		return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: cut(w.Messages[0].ID, maxWAMID)}
	}
	r := schemas.Reply{Verdict: schemas.VerdictLost, Detail: fmt.Sprintf("HTTP %d without an answer of the Cloud API", a.status)}
	if a.err != nil {
		r.Detail = fmt.Sprintf("HTTP %d, then: %v", a.status, a.err)
	}
	r.After = after(a.header, r.Verdict, now)
	r.Foreign = !unanswered(a.status) && !cutOff(a)
	return r
}

// cutOff reports whether an answer ends too early to say whose it is.
func cutOff(a answer) bool {
	if a.err != nil {
		return !errors.Is(a.err, http1.ErrTooLarge)
	}
	var v jsontext.Value
	return len(bytes.TrimSpace(a.body)) > 0 && errors.Is(json.Unmarshal(a.body, &v, lenient), io.ErrUnexpectedEOF)
}

func words(e *apiError) string {
	if e.details != "" {
		return e.details
	}
	return e.message
}

// after reads how long to wait. Meta documents no Retry-After for its codes, but proxies send it; its own header gives minutes.
func after(h headers, v schemas.Verdict, now time.Time) time.Duration {
	var d time.Duration
	if s := h.Get("Retry-After"); s != "" {
		if secs, err := strconv.ParseUint(s, 10, 31); err == nil {
			d = time.Duration(secs) * time.Second
		} else if t, err := http.ParseTime(s); err == nil {
			d = t.Sub(now)
		}
	} else if s := h.Get("X-Business-Use-Case-Usage"); s != "" && v == schemas.VerdictThrottled {
		d = regainAccess(s)
	}
	return min(max(d, 0), maxAfter)
}

func regainAccess(header string) time.Duration {
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(header), &usage, lenient) != nil {
		return 0
	}
	var longest float64
	for _, entries := range usage {
		for _, e := range entries {
			longest = max(longest, e.Minutes)
		}
	}
	return time.Duration(min(longest, maxAfter.Minutes()) * float64(time.Minute))
}

// clean makes words from outside fit to be stored and shown: no token (Meta repeats a malformed one), no phone, no control or
// direction characters, not long.
func clean(s string, token schemas.Secret) string {
	if len(token) >= minToken {
		s = strings.ReplaceAll(s, token.Reveal(), token.String())
	}
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf):
			return -1
		}
		return r
	}, s)
	return cut(maskDigits(s), maxDetail)
}

func maskDigits(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && b[j] >= '0' && b[j] <= '9' {
			j++
		}
		if j-i >= minMasked {
			for k := i; k < j-unmasked; k++ {
				b[k] = '*'
			}
		}
		i = max(j, i+1)
	}
	return string(b)
}

// cut shortens s to at most n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
