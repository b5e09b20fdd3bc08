package templates

import (
	"context"
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
	Timeout     = 4 * time.Second
	maxPage     = 4 << 20 // bytes
	maxPages    = 10      // of one name: 1,000 languages, and names that begin as it does
	maxConns    = 4
	maxDetail   = 300 // bytes of Meta's words that are kept
	statusError = 400
)

// Dial opens a connection, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

func values(q *template.Query) url.Values {
	v := url.Values{"fields": {template.Fields}, "limit": {strconv.Itoa(min(max(q.Limit, 1), template.MostOfPage))}}
	for name, value := range map[string]string{"name": q.Name, "language": q.Language, "status": q.Status, "category": q.Category, "after": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// Page reads one page of the templates of a sender number's account, as they are now. Its errors are those of template: ErrNoAccount, ErrUnanswered and
// *RefusedError.
func (b *Book) Page(ctx context.Context, sender string, q template.Query) (*template.Page, error) {
	account, token := b.cfg.Account(sender), schemas.Secret("")
	if account != "" {
		token, _ = b.cfg.Token(sender)
	}
	if token == "" {
		return nil, template.ErrNoAccount
	}
	if !b.mayAsk(time.Now()) { //mutant:questions-about-templates-are-bounded
		b.metrics.limited.Inc()
		return nil, fmt.Errorf("%w: there were too many questions", template.ErrUnanswered)
	}
	at := *b.base.JoinPath(url.PathEscape(account), "message_templates")
	at.RawQuery = values(&q).Encode()
	a := b.client.Do(ctx, Timeout, nethttp.Request{Method: http.MethodGet, URL: &at, Header: http.Header{
		"Authorization": {"Bearer " + strings.TrimSpace(token.Reveal())}, "Accept": {"application/json"}, "User-Agent": {"altavoz"},
	}})
	p, err := read(a, token)
	b.metrics.count(err)
	if err != nil {
		b.cfg.Logger.WarnContext(ctx, "templates can't be read", "sender", sender, "account", account, "error", err)
	}
	return p, err
}

func read(a nethttp.Answer, token schemas.Secret) (*template.Page, error) {
	if a.Err != nil {
		return nil, fmt.Errorf("%w: %w", template.ErrUnanswered, a.Err)
	}
	if a.Status < statusError {
		all, next, err := template.ReadPage(a.Body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", template.ErrUnanswered, err)
		}
		return &template.Page{Templates: all, Next: next}, nil
	}
	var no struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	err := json.Unmarshal(a.Body, &no, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil || no.Error.Code == 0 && no.Error.Message == "" {
		return nil, fmt.Errorf("%w: status %d", template.ErrUnanswered, a.Status)
	}
	detail := strings.ReplaceAll(no.Error.Message, token.Reveal(), token.String())
	detail = strings.ToValidUTF8(detail[:min(len(detail), maxDetail)], "")
	return nil, &template.RefusedError{Code: no.Error.Code, Detail: detail}
}
