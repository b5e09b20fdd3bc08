//go:build unix

package filewatch

import (
	"errors"
	"syscall"
)

// mountedReadOnly reports whether a file is on a file system that nobody can write to where we see it.
func mountedReadOnly(path string) bool {
	const write = 2 // W_OK
	return errors.Is(syscall.Access(path, write), syscall.EROFS)
}
