package callback_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"altavoz/app/callback"
	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func rules(t *testing.T, secrets string, allow ...string) *callback.Rules {
	t.Helper()
	r, err := callback.New(schemas.Secret(secrets), func() schemas.Secret { return schemas.Secret(secrets) }, allow, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCallbacksThatAreNotTaken(t *testing.T) {
	t.Parallel()
	tienda := &access.Caller{Owner: "tienda"}
	for name, c := range map[string]struct {
		secrets, url string
		allow        []string
		caller       *access.Caller
		code         string // "": it is taken
	}{
		"none":                    {url: ""},
		"public":                  {secrets: secret, url: "https://example.com/hook"},
		"no secret":               {url: "https://example.com/hook", code: request.CodeValue},
		"another owner's secret":  {secrets: "bodega:" + secret, url: "https://example.com/hook", code: request.CodeValue},
		"its own secret":          {secrets: "tienda:" + secret, url: "https://example.com/hook"},
		"private address":         {secrets: secret, url: "http://10.0.0.7/hook", code: request.CodeURL},
		"loopback":                {secrets: secret, url: "http://127.0.0.1/hook", code: request.CodeURL},
		"loopback in other words": {secrets: secret, url: "http://[::ffff:127.0.0.1]/", code: request.CodeURL},
		"metadata":                {secrets: secret, url: "http://169.254.169.254/latest", code: request.CodeURL},
		"name of one network":     {secrets: secret, url: "http://kafka/", code: request.CodeURL},
		"a port":                  {secrets: secret, url: "https://example.com:9092/", code: request.CodeURL},
		"opened":                  {secrets: secret, url: "http://127.0.0.1:8089/hook", allow: []string{"127.0.0.0/8"}},
		"of the key":              {secrets: secret, caller: &access.Caller{Owner: "tienda", Callback: "http://10.0.0.7/"}, code: request.CodeURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := c.caller
			if caller == nil {
				caller = tienda
			}
			err := rules(t, c.secrets, c.allow...).Check(caller, &request.Request{Callback: c.url})
			f := new(request.FieldError)
			if got := errors.As(err, &f); got != (c.code != "") || f.Code != c.code {
				t.Errorf("%v (%s), want %q", err, f.Code, c.code)
			}
		})
	}
}

// A key's callback stands in for one that the request does not name.
func TestKeysCallbackIsTakenWhereNoneIsNamed(t *testing.T) {
	t.Parallel()
	caller := &access.Caller{Owner: "tienda", Callback: "https://example.com/key"}
	r := rules(t, secret)
	for asked, want := range map[string]string{"": "https://example.com/key", "https://example.com/own": "https://example.com/own"} {
		req := &request.Request{Callback: asked}
		if err := r.Check(caller, req); err != nil || req.Callback != want {
			t.Errorf("%q became %q (%v), want %q", asked, req.Callback, err, want)
		}
	}
}

// Whatever a name leads to by then: the address is judged when it is connected to.
func TestPrivateEndpointIsNotConnectedTo(t *testing.T) {
	t.Parallel()
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer server.Close()
	closed := rules(t, secret).Poster(false, nil)
	defer closed.Close()
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		if _, _, err := closed.Post(context.Background(), url, http.Header{}, []byte("{}")); err == nil || reached {
			t.Errorf("%s was posted to (%v), want an error", url, err)
		}
	}
	open := rules(t, secret, "127.0.0.0/8").Poster(false, nil)
	defer open.Close()
	if status, _, err := open.Post(context.Background(), server.URL, http.Header{}, []byte("{}")); err != nil || status != http.StatusOK || !reached {
		t.Errorf("what the operator opened: %d, %v; want 200", status, err)
	}
}
