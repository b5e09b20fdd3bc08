//go:build unix

package http1

import (
	"errors"
	"syscall"
	"time"
)

// probe sees whether anything came on an idle socket, without waiting and without reading it.
type probe struct {
	socket syscall.RawConn // nil: there is none
	peek   func(fd uintptr) bool
	quiet  bool
}

func (p *probe) open(c socket) {
	var err error
	if p.socket, err = c.SyscallConn(); err != nil {
		p.socket = nil
		return
	}
	p.peek = func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.quiet = errors.Is(err, syscall.EAGAIN)
		return true
	}
}

func (p *probe) silent(time.Time) bool {
	return p.socket == nil || p.socket.Read(p.peek) == nil && p.quiet
}
