//go:build unix

package connections

import (
	"math"
	"syscall"
)

// Descriptors returns how many descriptors this process may have open. Go has raised the soft limit to the hard one by now.
func Descriptors() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt64
	}
	return uint64(limit.Cur) //nolint:unconvert // signed on some systems
}
