package sender

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"

	"altavoz/schemas"
)

// state is what the ledger says about a record.
type state uint8

// The states. A record that the ledger does not speak of is free.
const (
	free    state = iota // no call has begun that could have reached anybody
	started              // a call may have begun
	done                 // its result is acknowledged, or it needs none
)

// run is n neighbours, by offset, in the same state.
type run struct {
	state state
	n     int64
}

// A ledger as text is base64 of a version byte and bits. Each run is its length as an Elias gamma code (as many zeros as
// the length has binary digits after the first, then the length) and one bit for its state, which is one of the two that
// the run before it does not have; before the first comes done. Zeros fill the last byte.
//
// A run of n takes 2 bits for each binary digit of n, so at most 2 bits a record whatever the pattern: 12,000 records
// always fit, and millions do when what waits among them is a few hundred.
const (
	ledgerVersion = 1
	// ledgerBits is what fits beside the version into the metadata of a commit, whose limit is on the text.
	ledgerBits = (schemas.MaxMetadata/4*3 - 1) * 8
	// maxRunDigits bounds a run that is believed: 2^40 records are 100 years of 300 a second.
	maxRunDigits = 40
	// maxRunBits is what the longest run takes.
	maxRunBits = 2 * maxRunDigits
)

var errLedger = errors.New("not a ledger")

// runBits is how many bits a run takes.
func runBits(n int64) int { return 2 * bits.Len64(uint64(n)) }

// others are the two states that can follow a state.
func others(s state) [2]state {
	switch s {
	case free:
		return [2]state{started, done}
	case started:
		return [2]state{free, done}
	case done:
	}
	return [2]state{free, started}
}

// encodeRuns writes runs that begin with another state than done and of which no two neighbours are alike.
func encodeRuns(runs []run) string {
	if len(runs) == 0 {
		return ""
	}
	w := bitWriter{buf: make([]byte, 1, 64)}
	w.buf[0] = ledgerVersion
	before := done
	for _, r := range runs {
		digits, bit := bits.Len64(uint64(r.n)), uint64(0)
		if others(before)[1] == r.state {
			bit = 1
		}
		if digits > 1 {
			w.put(0, digits-1)
		}
		w.put(uint64(r.n)<<1|bit, digits+1)
		before = r.state
	}
	return base64.RawStdEncoding.EncodeToString(w.bytes())
}

// decodeRuns reads what encodeRuns wrote. No text is a ledger without runs.
func decodeRuns(text string) ([]run, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errLedger, err)
	case len(raw) == 0:
		return nil, fmt.Errorf("%w: no version", errLedger)
	case raw[0] != ledgerVersion:
		return nil, fmt.Errorf("%w: version %d, this program reads %d", errLedger, raw[0], ledgerVersion)
	}
	r := bitReader{buf: raw[1:]}
	var runs []run
	for before := done; ; {
		zeros, end := r.zeros()
		if end {
			if zeros >= 8 {
				return nil, fmt.Errorf("%w: %d empty bits at the end", errLedger, zeros)
			}
			return runs, nil
		}
		if zeros >= maxRunDigits {
			return nil, fmt.Errorf("%w: run %d is too long", errLedger, len(runs))
		}
		n, ok := r.take(zeros + 1) // its first digit, a one, was only looked at
		bit, also := r.take(1)
		if !ok || !also {
			return nil, fmt.Errorf("%w: run %d is cut", errLedger, len(runs))
		}
		before = others(before)[bit]
		runs = append(runs, run{before, int64(n)})
	}
}

// bitWriter writes the highest bit first.
type bitWriter struct {
	buf  []byte
	acc  uint64
	held int // bits in acc, fewer than 8 between calls
}

func (w *bitWriter) put(v uint64, n int) {
	w.acc = w.acc<<n | v // n is at most 41 and held at most 7
	w.held += n
	for w.held >= 8 {
		w.held -= 8
		w.buf = append(w.buf, byte(w.acc>>w.held))
	}
}

func (w *bitWriter) bytes() []byte {
	if w.held > 0 {
		w.buf = append(w.buf, byte(w.acc<<(8-w.held)))
	}
	return w.buf
}

type bitReader struct {
	buf []byte
	at  int // bits read
}

func (r *bitReader) bit() uint64 {
	b := r.buf[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return uint64(b)
}

// zeros passes over zeros and says how many; end is true if nothing else was left.
func (r *bitReader) zeros() (n int, end bool) {
	for ; r.at < len(r.buf)*8; n++ {
		if r.bit() == 1 {
			r.at--
			return n, false
		}
	}
	return n, true
}

func (r *bitReader) take(n int) (v uint64, ok bool) {
	if r.at+n > len(r.buf)*8 {
		return 0, false
	}
	for range n {
		v = v<<1 | r.bit()
	}
	return v, true
}
