package keys

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/filewatch"
	"altavoz/internal/testio"
	"altavoz/schemas"
)

// TestThreatS01KeysAreReplacedWithoutAGap: the file changes while it is watched: a secret joins, the old one goes, the file
// breaks and is emptied, and what was in force stays; loudly, and without a secret in the log.
func TestThreatS01KeysAreReplacedWithoutAGap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	write := func(at, text string) {
		if err := os.WriteFile(at+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at+".new", at); err != nil {
			t.Fatal(err)
		}
	}
	key := func(secrets ...string) string {
		return fmt.Sprintf(`[{"owner":"tienda","secrets":["%s"],"scopes":["send"]}]`, strings.Join(secrets, `","`))
	}
	const first, second, third = "hush-hush-hush-1", "hush-hush-hush-2", "hush-hush-hush-3"
	synctest.Test(t, func(t *testing.T) {
		write(path, key(first))
		reg := prometheus.NewRegistry()
		var log testio.Buffer
		book, err := Open(Config{Short: "crm:hush-crm", File: path}, slog.New(slog.NewTextHandler(&log, nil)), reg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); book.Watch(ctx) }()
		let := func(want string) {
			t.Helper()
			var in []string
			for i, s := range []schemas.Secret{first, second, third, "hush-crm"} {
				if _, ok := book.Table().Find(s); ok {
					in = append(in, fmt.Sprint(i+1))
				}
			}
			if got := strings.Join(in, ""); got != want {
				t.Errorf("the secrets %s are let in, want %s", got, want)
			}
		}
		change := func(text string) {
			write(path, text)
			time.Sleep(filewatch.Every)
			synctest.Wait()
		}
		let("14")
		change(key(first, second))
		let("124")
		change(key(second))
		let("24")
		for i, broken := range []string{key(second) + "x", key("short"), `[{"owner":"tienda"}]`, `[{"owner":"crm","secrets":["` + third + `"],"scopes":["send"]}]`} {
			change(broken)
			let("24")
			if n := refused(t, reg); n != float64(i+1) || strings.Count(log.String(), "level=ERROR") != i+1 {
				t.Errorf("after %d broken files %v are counted, and the log has\n%s", i+1, n, log.String())
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(filewatch.Every)
		synctest.Wait()
		let("24")
		change(`[{"owner":"tienda","secret_files":["tienda"],"scopes":["send"]}]`) // which is not there yet
		let("24")
		write(filepath.Join(dir, "tienda"), third+"\n")
		time.Sleep(filewatch.Every)
		synctest.Wait()
		let("34")
		cancel()
		<-done
		if strings.Contains(log.String(), "hush") {
			t.Errorf("a secret is in the log: %s, want no %q in it", log.String(), "hush")
		}
	})
}

// refused is how often a file could not be used.
func refused(t *testing.T, reg *prometheus.Registry) (n float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == "refused" {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// A file that is asked for and has no key does not let everybody in.
func TestNoKeysAmongThoseConfiguredIsRefused(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(empty, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{{File: empty}, {Short: ","}, {File: "/nowhere"}} {
		if table, err := Read(cfg); err == nil {
			t.Errorf("no key among %+v gives %v, want an error", cfg, table)
		}
	}
	if table, err := Read(Config{}); err != nil || table != nil {
		t.Errorf("no keys asked for: %v, %v", table, err)
	}
}

// TestThreatS14SecretFilesOfKeysAreJudgedWhenTheyAreReadAgain: one that everybody reads is a warning, and one that everybody may replace
// changes nothing.
func TestThreatS14SecretFilesOfKeysAreJudgedWhenTheyAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		return path
	}
	cfg := Config{File: write("keys.json", `[{"owner":"tienda","secret_files":["tienda"],"scopes":["send"]}]`, 0o600)}
	secretFile := write("tienda", "hush-hush-hush-1", 0o600)
	if got := Files(cfg); len(got) != 2 || got[0] != cfg.File || got[1] != secretFile {
		t.Errorf("the files are %v, want 2 of them", got)
	}
	var log testio.Buffer
	book, err := Open(cfg, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		secret schemas.Secret
		mode   os.FileMode
		taken  bool
		said   string
	}{{"hush-hush-hush-2", 0o644, true, "may read " + secretFile}, {"hush-hush-hush-3", 0o602, false, "may write to " + secretFile}} {
		write("tienda", c.secret.Reveal(), c.mode)
		book.Reload()
		if _, taken := book.Table().Find(c.secret); taken != c.taken || !strings.Contains(log.String(), c.said) {
			t.Errorf("%#o: taken: %v; log\n%s", c.mode, taken, log.String())
		}
	}
}
