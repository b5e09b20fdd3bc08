package app

import (
	"context"
	"net"
	"time"
)

// Network is the one way out of a process and into it: everything that dials or listens does it through here. A test
// puts a simulated network in its place, with faults, and can then run all of altavoz in fake time.
type Network struct {
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	Listen func(network, addr string) (net.Listener, error)
}

const (
	dialTimeout = 5 * time.Second
	keepAlive   = 15 * time.Second
)

func (n Network) withDefaults() Network {
	if n.Dial == nil {
		n.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext
	}
	if n.Listen == nil {
		n.Listen = net.Listen
	}
	return n
}
