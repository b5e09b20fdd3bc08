package kafka

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A broker that is away is one line in five seconds, not twenty a second.
func TestLibraryRepeatsItselfQuietly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := newClientLog(slog.New(slog.NewTextHandler(&out, nil)))
		for range 100 {
			l.Log(kgo.LogLevelWarn, "unable to open connection", "addr", "a")
			l.Log(kgo.LogLevelError, "something else")
			time.Sleep(100 * time.Millisecond)
		}
		if n := strings.Count(out.String(), "level=WARN"); n != 2*2 {
			t.Errorf("%d lines in 10 s:\n%s", n, out.String())
		}
	})
}
