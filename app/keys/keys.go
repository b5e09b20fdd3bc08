// Package keys holds the API keys as they are now: those of ALTAVOZ_API_KEYS and those of a file, which is read again when it
// changes. A file that can't be used changes nothing, and says so. What a key may do is producer/access's to say.
package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/app/environment"
	"altavoz/app/filewatch"
	"altavoz/producer/access"
	"altavoz/schemas"
)

// maxFile is room for some thousand keys.
const maxFile = 1 << 20

// Config says where keys are.
type Config struct {
	Short schemas.Secret // name:secret, separated by commas; "": none
	File  string         // "": none
}

// None reports whether no keys are asked for.
func (c Config) None() bool { return c.Short == "" && c.File == "" }

// Error is what is wrong with the keys, and what to do about it.
type Error struct {
	error
	hint string
}

// Unwrap returns what is wrong.
func (e Error) Unwrap() error { return e.error }

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

// Book is the keys as they are now. It is safe for concurrent use.
type Book struct {
	cfg   Config
	log   *slog.Logger
	done  prometheus.Counter
	not   prometheus.Counter
	table atomic.Pointer[access.Table]
	files *filewatch.Watched
}

// Read returns the configured keys, nil where none are asked for.
func Read(cfg Config) (*access.Table, error) {
	t, _, err := read(cfg)
	return t, err
}

// Files returns the files that keys and their secrets are read from, as far as they could be read.
func Files(cfg Config) (paths []string) {
	_, seen, _ := read(cfg) // Read says what is wrong with them
	return filewatch.Paths(seen)
}

// Open reads the keys. The table of a book is nil for good where none are asked for.
func Open(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Book, error) {
	reads := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_keys_reloads_total", Help: "Times that the file of API keys was read again, by whether it could be used.",
	}, []string{"result"})
	b := &Book{cfg: cfg, log: log, done: reads.WithLabelValues("done"), not: reads.WithLabelValues("refused")}
	t, seen, err := read(cfg)
	if err != nil {
		return nil, err
	}
	b.files = filewatch.Watch(seen, b.reload)
	b.table.Store(t)
	return b, nil
}

// Table returns the keys, nil where none are asked for.
func (b *Book) Table() *access.Table { return b.table.Load() }

// Watches reports whether the keys may change.
func (b *Book) Watches() bool { return b.cfg.File != "" }

// Watch reads the keys again when one of their files has changed, until ctx ends.
func (b *Book) Watch(ctx context.Context) {
	filewatch.Run(ctx, b.files.ReadChanged)
}

// Reload reads the keys again. If they can't be used, everything stays as it was, and the log says why.
func (b *Book) Reload() {
	if b.Watches() {
		b.files.Read()
	}
}

// reload returns the files that it read.
func (b *Book) reload() []filewatch.Snapshot {
	t, seen, err := read(b.cfg)
	if err = errors.Join(err, filewatch.Judged(b.log, "ALTAVOZ_KEYS_FILE", seen)); err != nil {
		b.not.Inc()
		b.log.Error("API keys stay as they were: their file can't be used", "error", err)
		return seen
	}
	was := b.table.Swap(t)
	b.done.Inc()
	b.log.Info("API keys were read again", "keys", t.Len(), "before", was.Len())
	return seen
}

// read also returns the files that it read, as they were before.
func read(cfg Config) (t *access.Table, seen []filewatch.Snapshot, err error) {
	if cfg.None() {
		return nil, nil, nil
	}
	callers, err := access.ParseShort(cfg.Short)
	if err != nil {
		return nil, nil, fmt.Errorf("ALTAVOZ_API_KEYS: %w", err)
	}
	if cfg.File != "" {
		more, looked, err := readFile(cfg.File)
		if seen = looked; err != nil {
			return nil, seen, Error{
				fmt.Errorf("ALTAVOZ_KEYS_FILE: %s: %w", cfg.File, err),
				`it should read [{"owner":"tienda","secrets":["<16 random bytes or more>"],"scopes":["send","read","control"]}]`,
			}
		}
		callers = append(callers, more...)
	}
	if len(callers) == 0 { // none would let everybody in
		return nil, seen, errors.New("API keys are configured, and there is none among them")
	}
	if t, err = access.NewTable(callers...); err != nil {
		return nil, seen, fmt.Errorf("API keys: %w", err)
	}
	return t, seen, nil
}

func readFile(path string) (callers []*access.Caller, seen []filewatch.Snapshot, err error) {
	seen = []filewatch.Snapshot{filewatch.Look(path)}
	f, err := os.Open(path)
	if err != nil {
		return nil, seen, fmt.Errorf("reading keys: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, seen, fmt.Errorf("reading keys: %w", err)
	}
	if len(text) > maxFile {
		return nil, seen, fmt.Errorf("it is larger than %s", environment.Bytes(maxFile))
	}
	callers, err = access.ParseFile(text, func(at string) (schemas.Secret, error) {
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		seen = append(seen, filewatch.Look(at))
		return environment.ReadSecret(at)
	})
	return callers, seen, err
}
