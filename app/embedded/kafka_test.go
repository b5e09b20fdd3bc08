package embedded

import (
	"errors"
	"log/slog"
	"net"
	"testing"

	"altavoz/whatsapp/simulator"
)

const anyPort = "127.0.0.1:0"

func TestFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	first, err := StartKafka(dir, anyPort, net.Listen, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartKafka(dir, anyPort, net.Listen, log); !errors.Is(err, ErrInUse) {
		t.Errorf("a second owner got %v", err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	again, err := StartKafka(dir, anyPort, net.Listen, log)
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
	if _, err := StartKafka(dir, taken.Addr().String(), net.Listen, log); err == nil {
		t.Fatal("started on a port that is taken")
	}
	k, err := StartKafka(dir, anyPort, net.Listen, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Stop(); err != nil {
		t.Error(err)
	}
}

func TestSimulatorRefusesFaultsThatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, err := StartSimulator(t.Context(), anyPort, simulator.Config{}, "no such word", net.Listen); err == nil {
		t.Error("started")
	}
}
