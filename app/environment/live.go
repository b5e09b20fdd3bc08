package environment

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"altavoz/app/filewatch"
	"altavoz/schemas"
)

// Live returns what gives the secret of a variable as it is now: where it stands in a file, that is looked at again, every filewatch.Every at
// most, and read when it changed. A file that can't be used changes nothing.
func Live(name string, secret schemas.Secret, log *slog.Logger) func() schemas.Secret {
	path := os.Getenv(name + fileSuffix)
	if path == "" {
		return func() schemas.Secret { return secret }
	}
	return (&live{name: name + fileSuffix, path: path, log: log, secret: secret}).now // looked at with the first use
}

type live struct {
	name, path string
	log        *slog.Logger

	mu     sync.Mutex
	secret schemas.Secret
	seen   []filewatch.Snapshot // of the file, as it was read last; nil: not yet
	looked time.Time
}

func (l *live) now() schemas.Secret {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.looked) < filewatch.Every {
		return l.secret
	}
	l.looked = time.Now()
	if l.seen != nil && !filewatch.Changed(l.seen) {
		return l.secret
	}
	l.seen = []filewatch.Snapshot{filewatch.Look(l.path)}
	secret, err := ReadSecret(l.path)
	err = errors.Join(err, filewatch.Judged(l.log, l.name, l.seen))
	switch {
	case err != nil:
		l.log.Error("a secret stays as it was: its file can't be used", "name", l.name, "error", err)
	case secret != l.secret:
		l.secret = secret
		l.log.Info("a secret was read again", "name", l.name)
	}
	return l.secret
}
