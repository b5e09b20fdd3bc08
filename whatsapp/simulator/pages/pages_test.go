package pages

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestThreatS19NamesThatTheSimulatorAnswersTo(t *testing.T) {
	t.Parallel()
	const loopback, everywhere = "127.0.0.1:8088", "[::]:8088"
	for _, tt := range []struct {
		host, listening, configured string
		want                        bool
	}{
		{"localhost:8088", loopback, loopback, true},
		{"LOCALHOST", loopback, loopback, true},
		{"127.0.0.1:8088", loopback, loopback, true},
		{"[::1]:8088", loopback, loopback, true},
		{"evil.example:8088", loopback, loopback, false},
		{"simulator:8088", loopback, loopback, false},
		{"10.0.0.7:8088", loopback, loopback, false},
		{"", loopback, loopback, false},
		{"", everywhere, ":8088", false},
		{"a:b:c", everywhere, ":8088", false},
		{"simulator:8088", everywhere, "0.0.0.0:8088", true},
		{"simulator.tests.svc.cluster.local:8088", everywhere, "0.0.0.0:8088", true},
		{"simulator.tests.svc", everywhere, "0.0.0.0:8088", true},
		{"10.0.0.7:8088", everywhere, "0.0.0.0:8088", true},
		{"127.0.0.1:8088", everywhere, "0.0.0.0:8088", true},
		{"evil.example:8088", everywhere, "0.0.0.0:8088", false},
		{"127.0.0.1.evil.example", everywhere, "0.0.0.0:8088", false},
		{"box.example:8088", "10.0.0.7:8088", "box.example:8088", true},
	} {
		t.Run(tt.host, func(t *testing.T) {
			if got := Answers(tt.host, tt.listening, tt.configured); got != tt.want {
				t.Errorf("%q on %s, configured as %s: %v; want %v", tt.host, tt.listening, tt.configured, got, tt.want)
			}
		})
	}
}

func TestThreatS19TheSimulatorTakesNothingFromPages(t *testing.T) {
	t.Parallel()
	h := Refuse(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8088}, "127.0.0.1:8088", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	for _, tt := range []struct {
		method, host string
		headers      map[string]string
		want         int
	}{
		{http.MethodPost, "127.0.0.1:8088", nil, http.StatusNoContent},
		{http.MethodGet, "localhost:8088", map[string]string{"Sec-Fetch-Site": "none"}, http.StatusNoContent},
		{http.MethodPost, "localhost:8088", map[string]string{"Sec-Fetch-Site": "none"}, http.StatusForbidden},
		{http.MethodGet, "localhost:8088", map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		{http.MethodGet, "localhost:8088", map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{http.MethodPost, "localhost:8088", map[string]string{"Origin": "http://evil.example"}, http.StatusForbidden},
		{http.MethodPost, "localhost:8088", map[string]string{"Origin": "null"}, http.StatusForbidden},
		{http.MethodPost, "localhost:8088", map[string]string{"Origin": ""}, http.StatusForbidden},
		{http.MethodOptions, "localhost:8088", map[string]string{"Origin": "http://localhost:8088"}, http.StatusForbidden},
		{http.MethodGet, "evil.example:8088", nil, http.StatusMisdirectedRequest},
	} {
		t.Run(tt.method+" "+tt.host, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "http://"+tt.host+"/_simulator/faults", nil)
			for name, value := range tt.headers {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != tt.want {
				t.Errorf("%s %s %v: %d, not %d", tt.method, tt.host, tt.headers, w.Code, tt.want)
			}
		})
	}
}
