package templates

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/template"
	"altavoz/whatsapp/nethttp"
)

const (
	// Timeout bounds one page: who waits for it waits to have a broadcast accepted.
	Timeout = 4 * time.Second
	// MostOfPage is the most templates of one page. With the longest texts one has some 10 KB.
	MostOfPage  = 100
	maxPage     = 4 << 20 // bytes
	maxPages    = 10      // of one name: 1,000 languages, and names that begin as it does
	maxConns    = 4
	maxDetail   = 300 // bytes of Meta's words that are kept
	statusError = 400
)

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Query is what is asked for of an account's templates. Empty members ask for all.
type Query struct {
	Name, Language, Status, Category string
	Cursor                           string
	Limit                            int
}

// Page is some templates of an account.
type Page struct {
	Templates []template.Definition
	Next      string // the cursor of the page behind it; "": there is none
}

// RefusedError is Meta's refusal to list templates.
type RefusedError struct {
	Code   int
	Detail string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("(#%d) %s", e.Code, e.Detail) }

var (
	// ErrNoAccount is the error of a sender number of which it is not known whose it is, or which has no token here.
	ErrNoAccount = errors.New("the account of the number is not known")
	// ErrUnanswered is the error of a question that got no answer, or one that is not Meta's.
	ErrUnanswered = errors.New("no answer about templates")
)

func (q *Query) values() url.Values {
	v := url.Values{"fields": {template.Fields}, "limit": {strconv.Itoa(min(max(q.Limit, 1), MostOfPage))}}
	for name, value := range map[string]string{"name": q.Name, "language": q.Language, "status": q.Status, "category": q.Category, "after": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// Page reads one page of the templates of a sender number's account, as they are now. Its errors are ErrNoAccount, ErrUnanswered and
// *RefusedError.
func (b *Book) Page(ctx context.Context, sender string, q Query) (*Page, error) {
	account, token := b.cfg.Account(sender), schemas.Secret("")
	if account != "" {
		token, _ = b.cfg.Token(sender)
	}
	if token == "" {
		return nil, ErrNoAccount
	}
	at := *b.base.JoinPath(url.PathEscape(account), "message_templates")
	at.RawQuery = q.values().Encode()
	a := b.client.Do(ctx, Timeout, nethttp.Request{Method: http.MethodGet, URL: &at, Header: http.Header{
		"Authorization": {"Bearer " + strings.TrimSpace(token.Reveal())}, "Accept": {"application/json"}, "User-Agent": {"altavoz"},
	}})
	p, err := read(a)
	b.metrics.count(err)
	if err != nil {
		b.cfg.Logger.WarnContext(ctx, "templates can't be read", "sender", sender, "account", account, "error", err)
	}
	return p, err
}

func read(a nethttp.Answer) (*Page, error) {
	if a.Err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, a.Err)
	}
	if a.Status < statusError {
		all, next, err := template.ReadPage(a.Body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
		}
		return &Page{all, next}, nil
	}
	var no struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	err := json.Unmarshal(a.Body, &no, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil || no.Error.Code == 0 && no.Error.Message == "" {
		return nil, fmt.Errorf("%w: status %d", ErrUnanswered, a.Status)
	}
	detail := strings.ToValidUTF8(no.Error.Message[:min(len(no.Error.Message), maxDetail)], "")
	return nil, &RefusedError{no.Error.Code, detail}
}
