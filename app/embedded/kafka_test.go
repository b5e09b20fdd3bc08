package embedded

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"altavoz/whatsapp/simulator"
)

const anyPort = "127.0.0.1:0"

func TestFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	first, err := StartKafka(dir, anyPort, 0, net.Listen, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartKafka(dir, anyPort, 0, net.Listen, log); !errors.Is(err, ErrInUse) {
		t.Errorf("a second owner got %v, want %v", err, ErrInUse)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	again, err := StartKafka(dir, anyPort, 0, net.Listen, log)
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	if err := again.Stop(); err != nil {
		t.Error(err)
	}
}

// A start that fails must not keep the folder.
func TestTakenPortGivesTheFolderBack(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	taken, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := StartKafka(dir, taken.Addr().String(), 0, net.Listen, log); err == nil {
		t.Fatal("started on a port that is taken")
	}
	k, err := StartKafka(dir, anyPort, 0, net.Listen, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Stop(); err != nil {
		t.Error(err)
	}
}

// Whoever made the folder by hand, or by an older version, has phones and messages in it that every user of the machine can read.
func TestThreatS15FolderThatOthersCanReadIsClosed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("rights are not modes there")
	}
	for name, c := range map[string]struct {
		other string // what else lies there
		want  fs.FileMode
	}{"ours": {"", 0o700}, "somebody's": {"notes.txt", 0o755}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			data := filepath.Join(dir, "kafka")
			if err := errors.Join(os.Mkdir(data, 0o755), os.Chmod(data, 0o755), os.Chmod(dir, 0o755)); err != nil { //nolint:gosec // as they may be
				t.Fatal(err)
			}
			if c.other != "" {
				if err := os.WriteFile(filepath.Join(dir, c.other), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			k, err := StartKafka(dir, anyPort, 0, net.Listen, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = k.Stop() }()
			for path, want := range map[string]fs.FileMode{dir: c.want, data: 0o700} {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode().Perm(); got != want {
					t.Errorf("%s has mode %v, want %v", path, got, want)
				}
			}
		})
	}
}

func TestFaultsThatTheSimulatorCannotReadAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := StartSimulator(t.Context(), anyPort, simulator.Config{}, "no such word", net.Listen); err == nil {
		t.Error("started")
	}
}
