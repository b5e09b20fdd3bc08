package filewatch

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThreatS15FilesWithSecretsAreNotEverybodys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o600: "", 0o640: "", 0o660: "", 0o604: "may read", 0o644: "may read", 0o602: "may write", 0o666: "may write"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		warning, err := Judge("ALTAVOZ_API_KEYS_FILE", path)
		got := warning
		if err != nil {
			got = err.Error()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) || (err != nil) != (want == "may write") {
			t.Errorf("%#o: %q, %v", mode, warning, err)
		}
	}
	for _, none := range []string{path + "-nowhere", os.DevNull, t.TempDir()} {
		if warning, err := Judge("X", none); warning != "" || err != nil {
			t.Errorf("%s: %q, %v; want %q", none, warning, err, "")
		}
	}
}

// Shared folders of a desktop show every file as 0777. Where a container gets one read-only, as it gets secrets, it starts with a warning.
func TestThreatS15FilesThatAreMountedReadOnlyAreAWarning(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]string{0o777: "mounted read-only", 0o666: "mounted read-only", 0o444: "may read", 0o400: ""} {
		warning, err := judgeMode("ALTAVOZ_API_KEYS_FILE", "/run/secrets/api_keys", mode, func() bool { return true })
		if err != nil || (warning == "") != (want == "") || !strings.Contains(warning, want) {
			t.Errorf("%#o: %q, %v; want %q in it", mode, warning, err, want)
		}
	}
	if mountedReadOnly(filepath.Join(t.TempDir(), "nothing")) {
		t.Error("what is not there is mounted read-only")
	}
}

// A file whose rights change is another one: what reads it judges it again.
func TestRightsOfAFileAreAChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := []Snapshot{Look(path)}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if err := Judged(logger, "X", seen); err != nil || log.Len() > 0 || Changed(seen) {
		t.Errorf("got %v and a warning %q, want neither", err, log.String())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Judged(logger, "X", seen); err != nil || !strings.Contains(log.String(), "may read") || !Changed(seen) {
		t.Errorf("%v, %s; want %q in it", err, log.String(), "may read")
	}
	if err := os.Chmod(path, 0o602); err != nil {
		t.Fatal(err)
	}
	if err := Judged(logger, "X", seen); err == nil || !strings.Contains(err.Error(), "may write") {
		t.Errorf("got %v, want an error", err)
	}
}
