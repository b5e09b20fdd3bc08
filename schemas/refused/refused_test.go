package refused

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestThreatS14TLSFaultsAreSaidInWords(t *testing.T) {
	t.Parallel()
	serve := func(change func(*httptest.Server), secure bool) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		change(srv)
		if secure {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		return srv
	}
	good := serve(func(*httptest.Server) {}, true)
	strict := serve(func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	}, true)
	plain := serve(func(*httptest.Server) {}, false)
	trust := func(s *httptest.Server, name string) *tls.Config {
		cfg := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone() //nolint:forcetypeassert // httptest's
		cfg.ServerName = name
		return cfg
	}
	for name, c := range map[string]struct {
		at   *httptest.Server
		cfg  *tls.Config
		says string
	}{
		"good":                 {good, trust(good, "example.com"), ""},
		"an unknown authority": {good, &tls.Config{ServerName: "example.com", MinVersion: tls.VersionTLS12}, "X_CA_FILE"},
		"another name":         {good, trust(good, "broker"), "another name"},
		"no certificate":       {strict, trust(strict, "example.com"), "X_CERT_FILE"},
		"no TLS":               {plain, &tls.Config{ServerName: "example.com", MinVersion: tls.VersionTLS12}, "X_TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", c.at.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			secure := tls.Client(conn, c.cfg)
			if _, err = secure.Write([]byte("GET /a HTTP/1.0\r\n\r\n")); err == nil {
				_, err = secure.Read(make([]byte, 1)) // where an alert about our certificate comes
			}
			reason, words := OverTLS(err, "the broker", "X")
			if (reason == None) != (c.says == "") || !strings.Contains(words, c.says) {
				t.Errorf("%q, %q for %v; want %q in it", reason, words, err, c.says)
			}
			_ = secure.Close()
		})
	}
}
