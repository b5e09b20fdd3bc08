package faults

import "net/http"

// Effect is what becomes of a call: whether the message is taken, and what the client sees. One does not follow from the other.
type Effect uint8

// The effects.
const (
	None             Effect = iota // taken, and answered
	Refuse                         // not taken: an error of the Cloud API, with a code
	HTML                           // not taken; 500 and a page
	HTMLAfter                      // taken; the same
	Unavailable                    // not taken; 503 and a proxy's words
	UnavailableAfter               // taken; the same
	DropBefore                     // not taken; the connection closes
	DropAfter                      // taken; the same
	Truncate                       // taken; half of the answer
	Stall                          // taken; no answer until the client gives up
	RefuseStream                   // not taken, and HTTP/2 says so
	GoAway                         // not taken, and HTTP/2 says so; the connection ends once the others on it are answered
	GoAwayAfter                    // taken; the connection ends, and with it whatever else is on it
	BadGateway                     // not taken; 502 and a page
	BadGatewayAfter                // taken; the same
	Empty                          // not taken; 500 and nothing
	EmptyAfter                     // taken; the same
	StallBefore                    // not taken; no answer until the client gives up
	Portal                         // not taken; 200 and somebody's page
	Blank                          // not taken; 200 and nothing
	Braces                         // not taken; 200 and an empty object
	Success                        // not taken; 200 and another API's success
)

// effects are the words for them, and what they do. None and Refuse have none.
var effects = [...]struct {
	word  string
	takes bool
	page  *Page
}{
	None:             {takes: true},
	HTML:             {word: "html", page: &brokenPage},
	HTMLAfter:        {word: "html_after", takes: true, page: &brokenPage},
	Unavailable:      {word: "unavailable", page: &proxyPage},
	UnavailableAfter: {word: "unavailable_after", takes: true, page: &proxyPage},
	DropBefore:       {word: "drop_before"},
	DropAfter:        {word: "drop_after", takes: true},
	Truncate:         {word: "truncate", takes: true},
	Stall:            {word: "stall", takes: true},
	RefuseStream:     {word: "refused_stream"},
	GoAway:           {word: "goaway"},
	GoAwayAfter:      {word: "goaway_after", takes: true},
	BadGateway:       {word: "bad_gateway", page: &gatewayPage},
	BadGatewayAfter:  {word: "bad_gateway_after", takes: true, page: &gatewayPage},
	Empty:            {word: "empty", page: &emptyPage},
	EmptyAfter:       {word: "empty_after", takes: true, page: &emptyPage},
	StallBefore:      {word: "stall_before"},
	Portal:           {word: "portal", page: &Page{http.StatusOK, htmlType, "<!DOCTYPE html><html><head><title>Welcome</title></head><body><form>Log in to go online</form></body></html>"}},
	Blank:            {word: "blank", page: &Page{Status: http.StatusOK}},
	Braces:           {word: "braces", page: &Page{http.StatusOK, jsonType, "{}"}},
	Success:          {word: "success", page: &Page{http.StatusOK, jsonType, `{"success":true}`}},
}

// usualOutage is what the calls of an outage meet with, one after the other.
var usualOutage = []Effect{
	BadGateway, Unavailable, Empty, DropBefore, StallBefore, BadGatewayAfter, UnavailableAfter, DropAfter, EmptyAfter, Stall, Portal, Braces, Blank, Success,
}

// Takes reports whether the message is accepted.
func (e Effect) Takes() bool { return effects[e].takes }

// Page returns what is answered in the place of the Cloud API's answer, or nil.
func (e Effect) Page() *Page { return effects[e].page }

func effectOf(word string) Effect {
	for e, is := range effects {
		if is.word == word {
			return Effect(e)
		}
	}
	return None
}

// Page is an answer that is not the Cloud API's.
type Page struct {
	Status int
	Type   string
	Body   string
}

const (
	htmlType = "text/html; charset=utf-8"
	jsonType = "application/json"
)

var (
	// What an edge says when what is behind it has failed.
	brokenPage  = Page{http.StatusInternalServerError, htmlType, "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>"}
	gatewayPage = Page{http.StatusBadGateway, htmlType, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"}
	emptyPage   = Page{Status: http.StatusInternalServerError}
	// What Envoy says when its upstream closed the connection, be it before the request was read or after it was carried out.
	proxyPage = Page{http.StatusServiceUnavailable, "text/plain", "upstream connect error or disconnect/reset before headers. reset reason: connection termination"}
)
