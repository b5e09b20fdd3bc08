package sim

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const simRedis = "127.0.0.1:6379"

// fakeRedis knows as much of Redis as a cache of media ids needs, on a network in fake time.
type fakeRedis struct {
	w    *world
	net  *faultNet
	l    net.Listener
	done sync.WaitGroup

	mu   sync.Mutex
	data map[string]string
}

func newFakeRedis(w *world) *fakeRedis { return &fakeRedis{w: w, data: map[string]string{}} }

func (f *fakeRedis) start() error {
	f.net = newFaultNet(nil, f.w.vn.Listen)
	l, err := f.net.Listen("tcp", simRedis)
	if err != nil {
		return fmt.Errorf("starting redis: %w", err)
	}
	f.l = l
	f.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.done.Go(func() { f.serve(c) })
		}
	})
	return nil
}

func (f *fakeRedis) stop() {
	f.net.Thaw()
	f.net.Cut()
	f.done.Wait()
}

func (f *fakeRedis) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.data)
}

func (f *fakeRedis) hang(r *rand.Rand) {
	f.net.Freeze()
	time.Sleep(upTo(r, 10*time.Second))
	f.net.Thaw()
}

// restart loses everything: nobody told it to keep anything.
func (f *fakeRedis) restart(r *rand.Rand) {
	f.stop()
	f.flush()
	time.Sleep(upTo(r, 10*time.Second))
	if err := f.start(); err != nil {
		f.w.errorf("%v", err)
	}
}

func (f *fakeRedis) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		words, err := readCommand(in)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, f.answer(words)); err != nil {
			return
		}
	}
}

func (f *fakeRedis) answer(words []string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch strings.ToUpper(words[0]) {
	case "HELLO":
		return "%3\r\n+server\r\n+redis\r\n+version\r\n+7.4.0\r\n+proto\r\n:3\r\n"
	case "PING":
		return "+PONG\r\n"
	case "GET":
		v, ok := f.data[words[1]]
		if !ok {
			return "_\r\n"
		}
		return fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
	case "SET":
		f.data[words[1]] = words[2]
	}
	return "+OK\r\n"
}

// readCommand reads an array of texts.
func readCommand(in *bufio.Reader) ([]string, error) {
	n, err := readLength(in)
	if err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		size, err := readLength(in)
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, fmt.Errorf("reading a word: %w", err)
		}
		words[i] = string(b[:size])
	}
	return words, nil
}

func readLength(in *bufio.Reader) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("reading a length: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil {
		return 0, fmt.Errorf("reading a length: %w", err)
	}
	return n, nil
}
