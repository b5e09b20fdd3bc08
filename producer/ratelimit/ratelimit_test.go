package ratelimit

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBudgetsInTheWordsOfTheDraft(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	Add(h, Budget{Name: "feeds"})
	Add(h, Budget{Name: "requests", Quota: 8, Left: 7})
	Add(h, Budget{Name: "recipients", Quota: 1000, Window: 24 * time.Hour, Left: 10, Reset: 90*time.Second + 1})
	Add(h, Budget{Name: "wrong-keys", Quota: 10, Window: time.Minute, Left: 11})
	want := http.Header{
		"Ratelimit-Policy": {`"requests";q=8;qu="concurrent-requests"`, `"recipients";q=1000;w=86400;qu="recipients"`, `"wrong-keys";q=10;w=60`},
		"Ratelimit":        {`"requests";r=7`, `"recipients";r=10;t=91`, `"wrong-keys";r=10`},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
