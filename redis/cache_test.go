package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"altavoz/schemas"
	"altavoz/schemas/refused"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCacheKeepsItsContract is the contract of a cache, on the double and on a real server.
func TestCacheKeepsItsContract(t *testing.T) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		suite(t, miniredis.RunT(t).Addr())
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		addr := os.Getenv("ALTAVOZ_TEST_REDIS")
		if addr == "" {
			t.Skip("ALTAVOZ_TEST_REDIS=host:port names no Redis")
		}
		suite(t, addr)
	})
}

func suite(t *testing.T, addr string) {
	t.Helper()
	c := open(t, Config{Addrs: []string{addr}})
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := t.Name() + time.Now().String()
	if id, ok := c.Get(t.Context(), key); ok {
		t.Fatalf("a key that nobody put gives %q", id)
	}
	puts(t, c, c, key, "1234567890")
	other := open(t, Config{Addrs: []string{addr}})
	if err := other.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	puts(t, c, other, key, "another")
}

// puts has one cache put an id and another get it. On a machine that is busy with everything else a call may take too long,
// and then Redis is left alone for a while, as it should be.
func puts(t *testing.T, c, other *Cache, key, id string) {
	t.Helper()
	got, ok := "", false
	for end := time.Now().Add(6 * restTime); got != id && time.Now().Before(end); got, ok = other.Get(t.Context(), key) {
		c.Put(t.Context(), key, id, time.Hour)
		time.Sleep(time.Millisecond)
	}
	if !ok || got != id {
		t.Fatalf("put %q, got %q, %v; want %q, true", id, got, ok, id)
	}
}

func fixed(password schemas.Secret) func() schemas.Secret {
	return func() schemas.Secret { return password }
}

func open(t *testing.T, cfg Config) *Cache {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestIDsExpire(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	c := open(t, Config{Addrs: []string{m.Addr()}})
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Put(t.Context(), "k", "id", time.Minute)
	m.FastForward(2 * time.Minute)
	if id, ok := c.Get(t.Context(), "k"); ok {
		t.Fatalf("got %q after its time", id)
	}
}

func TestThreatS14PasswordIsUsed(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.RequireUserAuth("altavoz", "s3cret")
	if err := open(t, Config{Addrs: []string{m.Addr()}, Username: "altavoz", Password: fixed("s3cret")}).Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := open(t, Config{Addrs: []string{m.Addr()}, Username: "altavoz", Password: fixed("wrong")}).Connect(t.Context()); err == nil {
		t.Fatal("a wrong password was taken")
	}
}

// A server that takes connections and never says a word is the worst that can happen to a caller.
func TestHungRedisCostsOneTimeoutInSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		reg := prometheus.NewRegistry()
		c := open(t, Config{Addrs: []string{"redis:6379"}, Registerer: reg, Dial: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			here, there := net.Pipe()
			go func() { // reads and says nothing
				b := make([]byte, 1024)
				for {
					if _, err := there.Read(b); err != nil {
						return
					}
				}
			}()
			return here, nil
		}})
		start := time.Now()
		for range 1000 {
			if _, ok := c.Get(t.Context(), "k"); ok {
				t.Fatal("a hung Redis gave an id")
			}
			c.Put(t.Context(), "k", "id", time.Hour)
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(start) - 1000*10*time.Millisecond
		if most := 3 * callTimeout; took > most {
			t.Errorf("1000 lookups in 10 s waited %v, want at most %v", took, most)
		}
		if n := dials.Load(); n > 3 {
			t.Errorf("%d connections were tried, want at most 3", n)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "altavoz_redis_up" && f.GetMetric()[0].GetGauge().GetValue() != 0 {
				t.Error("the metrics call a hung Redis up")
			}
		}
		c.Close()
	})
}

func TestRedisThatComesLaterIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		defer m.Close()
		var up atomic.Bool
		c := open(t, Config{Addrs: []string{"redis:6379"}, Dial: func(context.Context, string, string) (net.Conn, error) {
			if !up.Load() {
				return nil, errors.New("connection refused")
			}
			return m.Dial()
		}})
		start := time.Now()
		c.Put(t.Context(), "k", "id", time.Hour)
		if _, ok := c.Get(t.Context(), "k"); ok {
			t.Fatal("an id from nowhere")
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("a refused connection took %v, want 0", took)
		}
		up.Store(true)
		time.Sleep(restTime + time.Millisecond)
		c.Put(t.Context(), "k", "id", time.Hour)
		if id, ok := c.Get(t.Context(), "k"); !ok || id != "id" {
			t.Errorf("got %q, %v after Redis came up; want %q, true", id, ok, "id")
		}
		c.Close()
	})
}

// Files are rare: an alert on a Redis that is away must not wait for the next one.
func TestWatchNoticesARedisThatGoesAndComesWithoutAnyFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		defer m.Close()
		c := open(t, Config{Addrs: []string{"redis:6379"}, Dial: func(context.Context, string, string) (net.Conn, error) { return m.Dial() }})
		ctx, cancel := context.WithCancel(t.Context())
		var watch sync.WaitGroup
		watch.Go(func() { c.Watch(ctx) })
		if up, since := c.Up(); up || !since.Equal(time.Now()) {
			t.Errorf("up %v since %s before anybody asked; want false", up, since)
		}
		for _, want := range []bool{true, false, true} {
			if m.SetError(""); !want {
				m.SetError("LOADING")
			}
			time.Sleep(2 * watchEvery)
			synctest.Wait()
			if up, since := c.Up(); up != want || time.Since(since) > 2*watchEvery {
				t.Errorf("up %v, want %v; since %s", up, want, since)
			}
		}
		cancel()
		watch.Wait()
		c.Close()
	})
}

func TestRedisThatGoesIsNoError(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	c := open(t, Config{Addrs: []string{m.Addr()}})
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.SetError("LOADING")
	if _, ok := c.Get(t.Context(), "k"); ok {
		t.Fatal("an error is no id")
	}
	m.Close()
	for range 100 {
		if _, ok := c.Get(t.Context(), "k"); ok {
			t.Fatal("an id from a server that is gone")
		}
	}
}

func TestCallerWhoLeavesDoesNotTakeRedisDown(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	c := open(t, Config{Addrs: []string{m.Addr()}})
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Put(t.Context(), "k", "id", time.Hour)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = c.Get(gone, "k")
	if id, ok := c.Get(t.Context(), "k"); !ok || id != "id" {
		t.Errorf("got %q, %v; want %q, true", id, ok, "id")
	}
}

func TestClosedCacheMisses(t *testing.T) {
	t.Parallel()
	c := open(t, Config{Addrs: []string{miniredis.RunT(t).Addr()}})
	c.Close()
	c.Close()
	if err := c.Connect(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("got %v, want %v", err, errClosed)
	}
}

func TestNoAddressIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Fatal("made without an address")
	}
}

// TestThreatS14RedisSaysWhatItRefuses: what is wrong is counted, and said in words.
func TestThreatS14RedisSaysWhatItRefuses(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.RequireUserAuth("altavoz", "s3cret")
	for name, c := range map[string]struct {
		cfg  Config
		want refused.Reason
		says string
	}{
		"a wrong password":    {Config{Username: "altavoz", Password: fixed("canary")}, refused.Credentials, "ALTAVOZ_REDIS_PASSWORD"},
		"an unknown user":     {Config{Username: "nobody", Password: fixed("canary")}, refused.Credentials, "ALTAVOZ_REDIS_PASSWORD"},
		"no password":         {Config{}, refused.Credentials, "ALTAVOZ_REDIS_PASSWORD"},
		"TLS at a plain port": {Config{Username: "altavoz", Password: fixed("canary"), TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, refused.TLS, "ALTAVOZ_REDIS_TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c.cfg.Addrs, c.cfg.Logger = []string{m.Addr()}, slog.New(slog.NewTextHandler(&log, nil))
			cache := open(t, c.cfg)
			err := cache.Connect(t.Context())
			cache.Close()
			var got dto.Metric
			if e := cache.metrics.refusals[c.want].Write(&got); e != nil {
				t.Fatal(e)
			}
			if said := log.String(); err == nil || got.GetCounter().GetValue() == 0 || !strings.Contains(said, c.says) || strings.Contains(said, "canary") {
				t.Errorf("%v, %v counted, said %q; want an error, other than 0, %q in it, no %q in it", err, got.GetCounter().GetValue(), said, c.says, "canary")
			}
		})
	}
}

// TestPasswordIsAskedForWithEachConnection: a password that was replaced is shown by the next connection, without a restart.
func TestPasswordIsAskedForWithEachConnection(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	m.RequireUserAuth("altavoz", "second")
	password := schemas.Secret("first")
	c := open(t, Config{Addrs: []string{m.Addr()}, Username: "altavoz", Password: func() schemas.Secret { return password }})
	if err := c.Connect(t.Context()); err == nil {
		t.Fatal("an old password was taken")
	}
	password = "second"
	c.mu.Lock()
	c.retryAt = time.Time{} // its rest is over
	c.mu.Unlock()
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
}
