package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"altavoz/client"
	"altavoz/schemas/request"
)

func TestSendersAreReadAsTheyCome(t *testing.T) {
	t.Parallel()
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != request.PathSenders {
			t.Errorf("the request is %s %s", r.Method, r.URL)
		}
		says(200, `{"senders":[{"id":"1","default":true,"state":"slowed","since":"s","until":"u","why":"w","code":4,"rate":{"configured":80,"share":64,"now":32},"new":1},{"id":"2","default":false,"state":"sending"}]}`)(w, r)
	}, says(200, `{}`))
	all, err := c.Senders(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v; want 2 senders", all, err)
	}
	one := all[0]
	if one.ID != "1" || !one.Default || one.State != "slowed" || one.Code != 4 || one.Rate.Now != 32 || one.Rate.Share != 64 || !strings.Contains(string(one.JSON), `"new":1`) {
		t.Errorf("%+v, %s", one, one.JSON)
	}
	if all[1].Rate != nil || all[1].State != "sending" {
		t.Errorf("%+v; want no rate", all[1])
	}
	if _, err := c.Senders(t.Context()); !errors.Is(err, client.ErrNotAltavoz) {
		t.Errorf("%v; want %v", err, client.ErrNotAltavoz)
	}
}
