package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"altavoz/app"
)

// lines hands on what is logged.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// TestHangupReadsTheNumbersAgain: SIGHUP has the file of sender numbers read again; a process that has none is ended by it, as others are.
func TestHangupReadsTheNumbersAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "senders.json")
	if err := os.WriteFile(file, []byte(`[{"id":"1","token":"t"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, said := app.Default(), make(lines, 10)
	cfg.WhatsApp.SendersFile = file
	a, err := app.New(cfg, app.Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer reloadOnHangup(a)()
	if err := os.WriteFile(file, []byte(`[{"id":"1","token":"t"},{"id":"2","token":"t"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-said:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was read")
	}

	without, err := app.New(app.Default(), app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if without.Reloads() {
		t.Error("there is nothing to reload")
	}
}
