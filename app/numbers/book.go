package numbers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/app/filewatch"
	"altavoz/schemas"
	"altavoz/whatsapp/marketing"
)

// lookEvery is how often at most the files are looked at because somebody asks for a number that is not there.
const lookEvery = time.Second

// Book is the numbers as they are now. It is safe for concurrent use.
type Book struct {
	cfg   Config
	log   *slog.Logger
	reads map[string]prometheus.Counter

	page  atomic.Pointer[page]
	files *filewatch.Watched

	mu     sync.Mutex
	looked time.Time // when somebody missed a number
}

// page is the numbers at one time.
type page struct {
	list  []Number          // as configured
	known map[string]Number // and those that once were: what was accepted for them goes on
	now   map[string]bool   // those of the list
}

// The results of a reload.
const (
	reloadDone    = "done"
	reloadRefused = "refused"
)

// Open reads the numbers.
func Open(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Book, error) {
	b := &Book{cfg: cfg, log: log, reads: make(map[string]prometheus.Counter)}
	reads := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_senders_reloads_total", Help: "Times that the file of sender numbers was read again, by whether it could be used.",
	}, []string{"result"})
	for _, r := range []string{reloadDone, reloadRefused} {
		b.reads[r] = reads.WithLabelValues(r)
	}
	list, seen, err := read(cfg)
	if err != nil {
		return nil, err
	}
	b.files = filewatch.Watch(seen, b.reload)
	b.page.Store(turn(nil, list))
	return b, nil
}

// Fix makes these the numbers, whatever is configured, for good. It must not be called beside Watch.
func (b *Book) Fix(list ...Number) {
	b.cfg.File = ""
	b.page.Store(turn(nil, list))
}

// turn makes the next page.
func turn(last *page, list []Number) *page {
	p := &page{list: list, known: make(map[string]Number), now: make(map[string]bool)}
	if last != nil {
		maps.Copy(p.known, last.known)
	}
	for i, n := range list {
		was := p.known[n.ID]
		if n.Tokens = was.Tokens; n.Token != was.Token {
			n.Tokens++
		}
		list[i], p.known[n.ID], p.now[n.ID] = n, n, true
	}
	return p
}

// List returns the numbers, the default one first. It is not to be changed.
func (b *Book) List() []Number { return b.page.Load().list }

// Number returns a number, also one that is not configured any more.
func (b *Book) Number(id string) (Number, bool) {
	n, ok := b.page.Load().known[id]
	return n, ok
}

// Token returns the token of a number.
func (b *Book) Token(id string) (schemas.Secret, bool) {
	n, ok := b.Number(id)
	return n.Token, ok
}

// Account returns the id of a number's WhatsApp Business Account; "": it is not known.
func (b *Book) Account(id string) string {
	n, _ := b.Number(id)
	return n.Account
}

// Marketing returns how a number sends marketing templates.
func (b *Book) Marketing(id string) marketing.Setting {
	n, _ := b.Number(id)
	return n.Marketing
}

// IDs returns the ids of the numbers, the default one first.
func (b *Book) IDs() (ids []string) {
	for _, n := range b.List() {
		ids = append(ids, n.ID)
	}
	return ids
}

// Find is Number for those who can wait. A number that is not there may stand in a file that has just changed: of several
// processes that watch it, one takes requests for it before another has seen it.
func (b *Book) Find(id string) (Number, bool) {
	if n, ok := b.Number(id); ok || !b.Watches() {
		return n, ok
	}
	b.mu.Lock()
	if now := time.Now(); now.Sub(b.looked) >= lookEvery {
		b.looked = now
		b.files.ReadChanged()
	}
	b.mu.Unlock()
	return b.Number(id)
}

// Pick returns the number that a broadcast asks for, the default one if it asks for none, and whether there is one such.
func (b *Book) Pick(asked string) (id string, ok bool) {
	p := b.page.Load()
	if asked == "" && len(p.list) > 0 {
		return p.list[0].ID, true
	}
	return asked, p.now[asked]
}

// Watches reports whether the numbers may change.
func (b *Book) Watches() bool { return b.cfg.File != "" }

// Watch reads the numbers again when one of their files has changed, until ctx ends.
func (b *Book) Watch(ctx context.Context) {
	filewatch.Run(ctx, b.files.ReadChanged)
}

// Reload reads the numbers again. If they can't be used, everything stays as it was, and the log says why.
func (b *Book) Reload() {
	if b.Watches() {
		b.files.Read()
	}
}

// reload returns the files that it read.
func (b *Book) reload() []filewatch.Snapshot {
	list, seen, err := read(b.cfg)
	if err == nil && len(list) == 0 {
		err = errors.New("no number is left to send from")
	}
	if err = errors.Join(err, filewatch.Judged(b.log, "ALTAVOZ_SENDERS_FILE", seen)); err != nil {
		b.reads[reloadRefused].Inc()
		b.log.Error("sender numbers stay as they were: their file can't be used", "error", err)
		return seen
	}
	was := b.page.Load()
	is := turn(was, list)
	b.page.Store(is)
	b.reads[reloadDone].Inc()
	added, renewed := 0, 0
	for _, n := range is.list {
		switch old, known := was.known[n.ID]; {
		case !was.now[n.ID]:
			added++
		case known && old.Tokens != n.Tokens:
			renewed++
		}
	}
	b.log.Info("sender numbers were read again", "numbers", len(is.list), "added", added, "removed", len(was.list)+added-len(is.list),
		"tokens_renewed", renewed)
	return seen
}
