//go:build unix

package embedded

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile locks a file for this process. The lock ends with the file's Close or with the process, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w (%w)", ErrInUse, err)
	}
	return f, nil
}
