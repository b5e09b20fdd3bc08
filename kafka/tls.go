package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// dialFunc opens a connection.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// overTLS encrypts what plain opens, unless config is nil. The broker's certificate must be for the host of its address, unless the configuration names another.
func overTLS(plain dialFunc, config *tls.Config) dialFunc {
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
