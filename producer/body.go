package producer

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

var (
	errNoSlot = errors.New("all slots are taken")
	errSlow   = errors.New("the body comes too slowly")
)

// slots bounds how many do a thing at once. Nobody waits for one.
type slots chan struct{}

func (s slots) take() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s slots) give() { <-s }

// bodies are the slots of one kind of requests: one for every body, and one of fewer for each that is larger than from.
type bodies struct {
	any, big slots
	from     int64
}

// bodyReader reads a request's body under the door's limits: it takes a slot of its kind, one more when the body turns out
// big, and sets the deadlines that a slow client must keep.
type bodyReader struct {
	src      io.Reader
	conn     *http.ResponseController
	of       bodies
	start    time.Time
	n        int64
	holdsBig bool
}

// open returns errNoSlot where there is no room for the request.
func (s bodies) open(w http.ResponseWriter, r *http.Request) (*bodyReader, error) {
	if !s.any.take() {
		return nil, errNoSlot
	}
	b := &bodyReader{src: r.Body, conn: http.NewResponseController(w), of: s, start: time.Now()}
	if r.ContentLength > s.from && !b.takeBig() {
		s.any.give()
		return nil, errNoSlot
	}
	return b, nil
}

func (b *bodyReader) close() {
	b.of.any.give()
	if b.holdsBig {
		b.of.big.give()
	}
}

func (b *bodyReader) takeBig() bool {
	b.holdsBig = b.holdsBig || b.of.big.take()
	return b.holdsBig
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.n > b.of.from && !b.takeBig() {
		return 0, errNoSlot
	}
	whole := b.start.Add(bodyGrace + time.Duration(b.n)*time.Second/minBodyRate)
	if idle := time.Now().Add(bodyIdle); idle.Before(whole) {
		whole = idle
	}
	b.deadline(whole)
	n, err := b.src.Read(p)
	b.n += int64(n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	case err != nil:
		b.deadline(time.Time{}) // or it would end the wait for a direct broadcast
	}
	return n, err
}

// deadline is not there in tests without a connection.
func (b *bodyReader) deadline(t time.Time) { _ = b.conn.SetReadDeadline(t) }
