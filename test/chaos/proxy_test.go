//go:build linux

package chaos

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// aim is a kind of request at which a process is to be stopped: as it leaves the process, or as its answer arrives.
type aim struct {
	key    int16
	before bool
	at     func(process string) (hit bool) // asked under no lock; false: this one goes on
	goOn   chan struct{}                   // closed when what was hit may go on

	mu   sync.Mutex
	done bool
}

// meets reports whether the request, or the answer, is the one: then it is held until goOn.
func (a *aim) meets(process string, key int16, before bool) bool {
	if a == nil || a.key != key || a.before != before {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done || !a.at(process) {
		return false
	}
	a.done = true
	return true
}

// end takes the aim back, and reports whether it was hit before.
func (a *aim) end() (hit bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hit, a.done = a.done, true
	return hit
}

// proxies stand between processes and the broker, one for each, so that what is aimed at is known for what it is: the broker tells
// each process to come by its own.
type proxies struct {
	mu   sync.Mutex
	all  map[string]*proxy
	aims *aim // one at a time
}

// proxy passes the requests of one process on.
type proxy struct {
	of      *proxies
	process string
	in      net.Listener
	broker  string
}

// openProxies listens for each of the names. args are what the broker has to be started with.
func openProxies(t *testing.T, names []string) (ps *proxies, args []string) {
	t.Helper()
	ps = &proxies{all: make(map[string]*proxy)}
	addr, controller := freeAddr(t), freeAddr(t)
	listeners := []string{"PLAINTEXT://" + addr, "CONTROLLER://" + controller}
	advertised := []string{"PLAINTEXT://" + addr}
	security := []string{"PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"}
	for i, name := range names {
		in, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := &proxy{of: ps, process: name, in: in, broker: freeAddr(t)}
		ps.all[name] = p
		listener := fmt.Sprintf("PROXY%d", i)
		listeners = append(listeners, listener+"://"+p.broker)
		advertised = append(advertised, listener+"://"+in.Addr().String())
		security = append(security, listener+":PLAINTEXT")
		done := make(chan struct{})
		go func() { defer close(done); p.serve() }()
		t.Cleanup(func() { _ = in.Close(); <-done })
	}
	_, port, _ := net.SplitHostPort(addr)
	args = []string{"--port", port}
	for key, value := range map[string]string{
		"controller.quorum.voters": "1@" + controller, "listeners": strings.Join(listeners, ","),
		"advertised.listeners": strings.Join(advertised, ","), "listener.security.protocol.map": strings.Join(security, ","),
	} {
		args = append(args, "--set", key+"="+value)
	}
	return ps, args
}

// addr returns where the process finds the broker.
func (ps *proxies) addr(process string) string {
	if ps == nil || ps.all[process] == nil {
		return ""
	}
	return ps.all[process].in.Addr().String()
}

// set puts an aim in force, or takes it back (nil).
func (ps *proxies) set(a *aim) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.aims = a
}

func (ps *proxies) now() *aim {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.aims
}

func (p *proxy) serve() {
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		c, err := p.in.Accept()
		if err != nil {
			return
		}
		conns.Go(func() { p.pass(c) })
	}
}

// pass carries one connection, until either side ends it.
func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	broker, err := net.Dial("tcp", p.broker)
	if err != nil {
		return
	}
	defer broker.Close()
	w := &wire{p: p, aimed: make(map[int32]*aim)}
	var both sync.WaitGroup
	for _, way := range []func(){
		func() { w.requests(broker, client) },
		func() { w.answers(client, broker) },
	} {
		both.Go(func() {
			way()
			_ = client.Close()
			_ = broker.Close()
		})
	}
	both.Wait()
}

// wire is one connection, and the requests on it whose answers are aimed at.
type wire struct {
	p *proxy

	mu    sync.Mutex
	aimed map[int32]*aim // by correlation id
}

const (
	lengthBytes  = 4 // before each request and answer
	requestBytes = 8 // of a request: its kind, its version and its correlation id; an answer begins with the last
	answerBytes  = 4
)

// requests passes requests on. One that is aimed at waits here while its process is stopped.
func (w *wire) requests(to io.Writer, from io.Reader) {
	head := make([]byte, lengthBytes+requestBytes)
	for {
		rest, err := frame(from, head)
		if err != nil {
			return
		}
		key, id := int16(binary.BigEndian.Uint16(head[lengthBytes:])), int32(binary.BigEndian.Uint32(head[lengthBytes+4:]))
		switch a := w.p.of.now(); {
		case a.meets(w.p.process, key, true):
			<-a.goOn
		case a != nil && a.key == key && !a.before:
			w.mu.Lock()
			w.aimed[id] = a
			w.mu.Unlock()
		}
		if !forward(to, from, head, rest) {
			return
		}
	}
}

// answers passes answers back.
func (w *wire) answers(to io.Writer, from io.Reader) {
	head := make([]byte, lengthBytes+answerBytes)
	for {
		rest, err := frame(from, head)
		if err != nil {
			return
		}
		id := int32(binary.BigEndian.Uint32(head[lengthBytes:]))
		w.mu.Lock()
		a := w.aimed[id]
		delete(w.aimed, id)
		w.mu.Unlock()
		if a != nil && a.meets(w.p.process, a.key, false) {
			<-a.goOn
		}
		if !forward(to, from, head, rest) {
			return
		}
	}
}

// frame reads the length and the head of a request or answer, and returns how much of it is left.
func frame(from io.Reader, head []byte) (rest int64, err error) {
	if _, err := io.ReadFull(from, head); err != nil {
		return 0, err
	}
	rest = int64(binary.BigEndian.Uint32(head)) - int64(len(head)-lengthBytes)
	if rest < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return rest, nil
}

func forward(to io.Writer, from io.Reader, head []byte, rest int64) bool {
	if _, err := to.Write(head); err != nil {
		return false
	}
	_, err := io.CopyN(to, from, rest)
	return err == nil
}
