// Package tlsdial opens encrypted connections over a network that may not be the machine's own.
package tlsdial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Func opens a connection.
type Func = func(ctx context.Context, network, addr string) (net.Conn, error)

// Over encrypts what plain opens, unless config is nil. The broker is held to be who it is called, unless the configuration names another.
func Over(plain Func, config *tls.Config) Func {
	if config == nil {
		return plain
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := plain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		cfg := config.Clone()
		if cfg.ServerName == "" {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("broker address %q: %w", addr, err), conn.Close())
			}
			cfg.ServerName = host
		}
		return tls.Client(conn, cfg), nil
	}
}
