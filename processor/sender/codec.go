package sender

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"altavoz/schemas"
)

// state is what the ledger says about a record.
type state uint8

// The states. A record that the ledger does not speak of is free.
const (
	free     state = iota // no call has begun that could have reached anybody
	started               // a call may have begun
	done                  // its result is acknowledged, or it needs none
	repeated              // as started, and it had been before: a process had died, or lost the answer, in the middle of an earlier call
)

// run is n neighbours, by offset, in the same state.
type run struct {
	state state
	n     int64
}

// A ledger as text is base64 of a version byte and bits. In version 2 a byte of flags comes between them, and what each flag
// says is there comes before the runs, in the order of the flags; version 1 is version 2 without flags, and is written wherever
// none is needed. Each run is its length as an Elias gamma code (as many zeros as
// the length has binary digits after the first, then the length) and one bit for its state, which is one of the two that
// the run before it does not have; before the first comes done. Zeros fill the last byte.
//
// A run of n takes 2 bits for each binary digit of n, so at most 2 bits a record whatever the pattern: 10,000 records
// always fit, and millions do when what waits among them is a few hundred.
//
// With flagAgain the bits begin with how many records were started again (plus 1) and, for each, its distance from the one
// before among all that are started, all of them as gamma codes; in the runs they count as started.
const (
	ledgerVersion = 1
	ledgerFlagged = 2
	flagAgain     = 1 << 0
	ledgerFlags   = flagAgain

	// maxAgain is how many records of a partition may be started again at a time: calls of broadcasts that asked for "resend", after
	// a death. againBits is the most that they take: the distances sum up to maxOpen at most, so they are longest when all
	// are alike, 8192/256 = 32, which is 11 bits; and their number.
	maxAgain  = 256
	againBits = maxAgain*11 + 17
	// ledgerBits is what the runs may take of the metadata of a commit, whose limit is on the text: it has the version and the
	// flags besides, and what the flags are for.
	ledgerBits = (schemas.MaxMetadata/4*3-2)*8 - againBits
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
	case done, repeated:
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
	if slices.ContainsFunc(runs, func(r run) bool { return r.state == repeated }) {
		w.buf[0] = ledgerFlagged
		w.buf = append(w.buf, flagAgain)
		runs = w.putAgain(runs)
	}
	before := done
	for _, r := range runs {
		bit := uint64(0)
		if others(before)[1] == r.state {
			bit = 1
		}
		w.gamma(uint64(r.n))
		w.put(bit, 1)
		before = r.state
	}
	return base64.RawStdEncoding.EncodeToString(w.bytes())
}

// putAgain writes which records were started again, and returns the runs in which they count as started.
func (w *bitWriter) putAgain(runs []run) (plain []run) {
	var gaps []uint64
	gap := uint64(1)
	for _, r := range runs {
		switch r.state {
		case repeated:
			for range r.n {
				gaps, gap = append(gaps, gap), 1
			}
			r.state = started
		case started:
			gap += uint64(r.n)
		case free, done:
		}
		plain = join(plain, r)
	}
	w.gamma(uint64(len(gaps)) + 1)
	for _, g := range gaps {
		w.gamma(g)
	}
	return plain
}

// join adds a run, to the last one if that is in the same state.
func join(runs []run, r run) []run {
	if last := len(runs) - 1; last >= 0 && runs[last].state == r.state {
		runs[last].n += r.n
		return runs
	}
	return append(runs, r)
}

// decodeRuns reads what encodeRuns wrote, in this version and in those before. No text is a ledger without runs.
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
	}
	var flags byte
	switch version := raw[0]; {
	case version == ledgerVersion:
		raw = raw[1:]
	case version == ledgerFlagged && len(raw) > 1 && raw[1]&^ledgerFlags == 0:
		flags, raw = raw[1], raw[2:]
	case version == ledgerFlagged:
		return nil, fmt.Errorf("%w: flags that this program does not know", errLedger)
	default:
		return nil, fmt.Errorf("%w: version %d, this program reads %d", errLedger, version, ledgerFlagged)
	}
	r := bitReader{buf: raw}
	var gaps []uint64
	if flags&flagAgain != 0 {
		if gaps, err = r.gaps(); err != nil {
			return nil, err
		}
	}
	runs, err := r.runs()
	if err != nil || len(gaps) == 0 {
		return runs, err
	}
	return markAgain(runs, gaps)
}

// Started returns the offsets of the records that a committed position calls started, for those who look on from outside (app/witness):
// of their calls nobody knows but their process.
func Started(pos schemas.Position) (offsets []int64, err error) {
	runs, err := decodeRuns(pos.Metadata)
	at := pos.Offset
	for _, r := range runs {
		for o := at; o < at+r.n && (r.state == started || r.state == repeated); o++ {
			offsets = append(offsets, o)
		}
		at += r.n
	}
	return offsets, err
}

// runs reads runs to the end.
func (r *bitReader) runs() (runs []run, err error) {
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

// gaps reads what putAgain wrote.
func (r *bitReader) gaps() ([]uint64, error) {
	n, ok := r.gamma()
	if !ok || n > maxAgain+1 {
		return nil, fmt.Errorf("%w: how many were started again", errLedger)
	}
	gaps := make([]uint64, n-1)
	for i := range gaps {
		if gaps[i], ok = r.gamma(); !ok {
			return nil, fmt.Errorf("%w: which were started again", errLedger)
		}
	}
	return gaps, nil
}

// markAgain gives the records that were started again their state.
func markAgain(runs []run, gaps []uint64) (out []run, err error) {
	for _, r := range runs {
		for r.state == started && len(gaps) > 0 && gaps[0] <= uint64(r.n) {
			if before := int64(gaps[0]) - 1; before > 0 {
				out = join(out, run{started, before})
			}
			out = join(out, run{repeated, 1})
			r.n -= int64(gaps[0])
			gaps = gaps[1:]
		}
		if r.state == started && len(gaps) > 0 {
			gaps[0] -= uint64(r.n)
		}
		if r.n > 0 {
			out = join(out, r)
		}
	}
	if len(gaps) > 0 {
		return nil, fmt.Errorf("%w: more were started again than were started", errLedger)
	}
	return out, nil
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

// gamma writes a number from 1 on as an Elias gamma code.
func (w *bitWriter) gamma(v uint64) {
	digits := bits.Len64(v)
	if digits > 1 {
		w.put(0, digits-1)
	}
	w.put(v, digits)
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

// gamma reads a number that gamma wrote.
func (r *bitReader) gamma() (v uint64, ok bool) {
	zeros, end := r.zeros()
	if end || zeros >= maxRunDigits {
		return 0, false
	}
	return r.take(zeros + 1)
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
