// Package slots bounds what a process does at once: how many requests of a kind, how much of that for one caller, and how
// long a body may take. Nobody waits for a place: who finds none is told to come back.
package slots

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"altavoz/producer/access"
	"altavoz/producer/underway"
)

// bodyIdle is the longest pause within a body; a body has bodyGrace and then must have come at minBodyRate on the
// whole, or else a client that drips holds its slot for ever.
const (
	bodyIdle    = 15 * time.Second
	bodyGrace   = 30 * time.Second
	minBodyRate = 256 << 10 // bytes a second: 140 MB in 10 minutes

	// cutTime is how long a body waits for the place of one that is cut off, whose handler has only to notice it; cutTries times.
	cutTime  = 250 * time.Millisecond
	cutTries = 4
)

// What keeps a request from being read.
var (
	ErrNone  = errors.New("all slots are taken")
	ErrShare = errors.New("the caller has its share of them")
	ErrSlow  = errors.New("the body comes too slowly")
)

// Slots bounds how many do a thing at once. Nobody waits for one.
type Slots chan struct{}

// Take reports whether there was one left, and takes it.
func (s Slots) Take() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// Give takes it back.
func (s Slots) Give() { <-s }

// Share counts what a caller has of the slots; nil: nobody's.
type Share struct {
	Of     *access.Shares
	Caller *access.Caller
}

// Take returns ErrShare where the caller has its share of as many slots as there are, and ErrNone where all are taken.
func (s *Share) Take(k access.Kind, from Slots) error {
	if s != nil && !s.Of.Take(s.Caller, k, cap(from)) {
		return ErrShare
	}
	if !from.Take() {
		if s != nil {
			s.Of.Give(s.Caller, k)
		}
		return ErrNone
	}
	return nil
}

// Give takes back one that was taken.
func (s *Share) Give(k access.Kind, to Slots) {
	to.Give()
	if s != nil {
		s.Of.Give(s.Caller, k)
	}
}

// Bodies are the slots of one kind of requests: one for every body, and one of fewer for each that is larger than From.
type Bodies struct {
	Any, Big Slots
	From     int64
	// Underway are the bodies being read where anybody may send one: the one that is read the longest makes room. Nil where callers
	// have shown who they are, and have their shares.
	Underway *underway.Bodies[*Body]
}

// Body reads a request's body under the ingress's limits: it takes a slot of its kind, one more when the body turns out
// big, and sets the deadlines that a slow client must keep.
type Body struct {
	src      io.Reader
	conn     *http.ResponseController
	of       Bodies
	by       *Share
	start    time.Time
	n        int64
	holdsBig atomic.Bool

	mu  sync.Mutex
	cut bool // its place is another's
}

// Open returns ErrNone where there is no room for the request, and ErrShare where its caller has enough of it.
func (s Bodies) Open(w http.ResponseWriter, r *http.Request, by *Share) (*Body, error) {
	if err := s.take(by, access.Bodies, s.Any); err != nil {
		return nil, err
	}
	b := &Body{src: r.Body, conn: http.NewResponseController(w), of: s, by: by, start: time.Now()}
	s.Underway.Begin(b)
	if r.ContentLength > s.From {
		if err := b.takeBig(); err != nil {
			b.Close()
			return nil, err
		}
	}
	return b, nil
}

// take takes a place. Where anybody may send, the body that is read the longest makes room: an honest one is there in an instant.
func (s Bodies) take(by *Share, k access.Kind, from Slots) error {
	err := by.Take(k, from)
	if s.Underway == nil || by != nil || err == nil {
		return err
	}
	wait := time.NewTicker(cutTime)
	defer wait.Stop()
	for range cutTries {
		s.Underway.CutOldest(k == access.Uploads)
		select {
		case from <- struct{}{}:
			return nil
		case <-wait.C:
		}
	}
	return err
}

// Close gives its places back.
func (b *Body) Close() {
	b.of.Underway.End(b)
	b.by.Give(access.Bodies, b.of.Any)
	if b.holdsBig.Load() {
		b.by.Give(access.Uploads, b.of.Big)
	}
}

func (b *Body) takeBig() error {
	if b.holdsBig.Load() {
		return nil
	}
	err := b.of.take(b.by, access.Uploads, b.of.Big)
	b.holdsBig.Store(err == nil)
	return err
}

func (b *Body) Read(p []byte) (int, error) {
	if b.n > b.of.From {
		if err := b.takeBig(); err != nil {
			return 0, err
		}
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
		err = ErrSlow
	case err != nil:
		b.of.Underway.End(b)
		b.deadline(time.Time{}) // or it would end the wait for a direct broadcast
	}
	return n, err
}

// Cut ends the reading for the sake of another's.
func (b *Body) Cut() {
	b.mu.Lock()
	b.cut = true
	b.mu.Unlock()
	b.deadline(past)
}

// Big reports whether it holds one of the places for big ones.
func (b *Body) Big() bool { return b.holdsBig.Load() }

// past is a time that is over.
var past = time.Unix(1, 0)

// deadline is not there in tests without a connection.
func (b *Body) deadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut {
		t = past
	}
	_ = b.conn.SetReadDeadline(t)
}
