package filewatch

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// Error is what is wrong with a file, and what to do about it.
type Error struct {
	error
	hint string
}

// Unwrap returns what is wrong.
func (e Error) Unwrap() error { return e.error }

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

// Judged judges files with secrets that were read, named by that variable, as at the start: what others can read is logged, what others can
// write to is an error, and nothing of it is to be used. Whoever reads such files again asks it each time.
func Judged(log *slog.Logger, name string, seen []Snapshot) (err error) {
	for _, s := range seen {
		warning, bad := Judge(name, s.path)
		if err = errors.Join(err, bad); warning != "" {
			log.Warn("others can read what they should not", "what", warning)
		}
	}
	return err
}

// Judge judges who may read a file with a secret, and who may replace what is in it. A file that is not there is somebody else's to miss.
// Being readable is a warning: orchestrators mount secrets so. Being writable is refused, except on a file system that is mounted
// read-only: there nobody writes through it, and shared folders of a desktop (9p, virtiofs, CIFS) show every file as 0777.
func Judge(name, path string) (warning string, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil //nolint:nilerr // whoever reads it says what is wrong
	}
	return judgeMode(name, path, info.Mode().Perm(), func() bool { return mountedReadOnly(path) })
}

func judgeMode(name, path string, mode os.FileMode, readOnly func() bool) (warning string, err error) {
	const othersRead, othersWrite = 0o004, 0o002
	switch {
	case mode&othersWrite != 0 && !readOnly():
		return "", Error{fmt.Errorf("%s: everybody on this machine may write to %s (%#o)", name, path, mode), "chmod o-rwx " + path}
	case mode&othersWrite != 0:
		return fmt.Sprintf("%s: %s is everybody's (%#o), though it is mounted read-only here: whoever reaches it where it comes from may read and write it", name, path, mode), nil
	case mode&othersRead != 0:
		return fmt.Sprintf("%s: everybody on this machine may read %s (%#o): chmod o-rwx %s", name, path, mode, path), nil
	}
	return "", nil
}
