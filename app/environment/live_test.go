package environment

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/app/filewatch"
)

// TestSecretsAreReadAgainWhenTheirFileChanges: within the time between two looks, and a file that can't be used changes nothing.
func TestSecretsAreReadAgainWhenTheirFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("hush-first")
	t.Setenv("ALTAVOZ_TEST_SECRET_FILE", path)
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		now := Live("ALTAVOZ_TEST_SECRET", "hush-first", slog.New(slog.NewTextHandler(&log, nil)))
		for _, step := range []struct{ write, want string }{
			{"", "hush-first"}, {"hush-second\n", "hush-second"}, {" ", "hush-second"}, {"hush-third", "hush-third"},
		} {
			if step.write != "" {
				write(step.write)
			}
			time.Sleep(filewatch.Every)
			if got := now().Reveal(); got != step.want {
				t.Errorf("after %q it is %q; want %q", step.write, got, step.want)
			}
		}
		write("hush-fourth")
		if got := now().Reveal(); got != "hush-third" {
			t.Errorf("the file is looked at with each use: %q, want %q", got, "hush-third")
		}
		if err := os.Chmod(path, 0o606); err != nil {
			t.Fatal(err)
		}
		time.Sleep(filewatch.Every)
		if got := now().Reveal(); got != "hush-third" {
			t.Errorf("what anybody may write is used: %q, want %q", got, "hush-third")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(filewatch.Every)
		if got := now().Reveal(); got != "hush-third" {
			t.Errorf("without its file it is %q, want %q", got, "hush-third")
		}
		if said := log.String(); strings.Count(said, "was read again") != 2 || strings.Count(said, "can't be used") != 3 || strings.Contains(said, "hush") {
			t.Errorf("got %q, want no %q in it", said, "hush")
		}
	})
	if got := Live("ALTAVOZ_TEST_OTHER", "fixed", slog.New(slog.DiscardHandler))(); got != "fixed" {
		t.Errorf("without a file it is %q", got.Reveal())
	}
}
