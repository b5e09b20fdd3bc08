package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"altavoz/stream"
)

// State is a record's state in the ledger.
type State uint8

// The states. A record that the ledger does not speak of is free.
const (
	Free     State = iota // no call has begun that could have reached anybody
	Started               // a call may have begun
	Done                  // its result is acknowledged, or it needs none
	Repeated              // as started, and it had been before: a process had died, or lost the answer, in the middle of an earlier call
)

// Run is n neighbours, by offset, in the same state.
type Run struct {
	State State
	N     int64
}

// A ledger as text is base64 of a version byte and bits. In version 2 a byte of flags comes between them, and what each flag
// says is there comes before the runs; version 1 is version 2 without flags, and is read. Each run
// is its length as an Elias gamma code (as many zeros as the length has binary digits after the first, then the length) and one bit for its state, which is one of the two that
// the run before it does not have; before the first comes done. Zeros fill the last byte.
//
// A run of n takes 2 bits for each binary digit of n, so at most 2 bits a record whatever the pattern: 10,000 records
// always fit, and millions do when what waits among them is a few hundred.
//
// With flagIdentity the flags are followed by an Identity, and before that its length.
//
// With flagAgain the bits begin with how many records were started again (plus 1) and, for each, its distance from the one
// before among all that are started, all of them as gamma codes; in the runs they count as started.
const (
	ledgerVersion = 1
	ledgerFlagged = 2
	flagAgain     = 1 << 0
	flagIdentity  = 1 << 1
	ledgerFlags   = flagAgain | flagIdentity

	// MaxAgain is how many records of a partition may be started again at a time: calls of broadcasts that asked for "resend", after
	// a death. againBits is the most that they take: the distances sum up to maxOpen at most, so they are longest when all
	// are alike, 8192/256 = 32, which is 11 bits; and their number.
	MaxAgain  = 256
	againBits = MaxAgain*11 + 17
	// ledgerBytes is what fits into the metadata of a commit, whose limit is on the text, beside version, flags and a length of
	// two bytes; Bits is what of it the runs may take.
	ledgerBytes = stream.MaxMetadata/4*3 - 4
	Bits        = (ledgerBytes-LeastBytes)*8 - againBits
	// maxIdentity is what an identity takes at most, however much room there is: its length fits into two bytes then, and commits
	// stay small. Some hundred marks fit.
	maxIdentity = 1 << 10
	// MaxRunDigits bounds a run that is believed: 2^40 records are 100 years of 300 a second.
	MaxRunDigits = 40
	// MaxRunBits is what the longest run takes.
	MaxRunBits = 2 * MaxRunDigits
)

// ErrLedger is the error of a text that is no ledger.
var ErrLedger = errors.New("not a ledger")

// RunBits is how many bits a run takes.
func RunBits(n int64) int { return 2 * bits.Len64(uint64(n)) }

// Others are the two states that can follow a state.
func Others(s State) [2]State {
	switch s {
	case Free:
		return [2]State{Started, Done}
	case Started:
		return [2]State{Free, Done}
	case Done, Repeated:
	}
	return [2]State{Free, Started}
}

// Encode writes the identity, as far as there is room for its marks, and runs that begin with another state than done
// and of which no two neighbours are alike.
func Encode(id *Identity, watermark int64, runs []Run) string {
	flags := byte(flagIdentity)
	w := bitWriter{buf: make([]byte, 0, 64)}
	if slices.ContainsFunc(runs, func(r Run) bool { return r.State == Repeated }) {
		flags |= flagAgain
		runs = w.putAgain(runs)
	}
	w.putRuns(runs)
	states := w.bytes()
	head := id.Append(make([]byte, 0, 128), watermark, min(ledgerBytes-len(states), maxIdentity))
	out := make([]byte, 0, ledgerBytes)
	if len(head)+len(states) > ledgerBytes { // a ledger of the version before that left no room
		out = append(out, ledgerFlagged, flags&^flagIdentity)
	} else {
		out = append(binary.AppendUvarint(append(out, ledgerFlagged, flags), uint64(len(head))), head...)
	}
	return base64.RawStdEncoding.EncodeToString(append(out, states...))
}

func (w *bitWriter) putRuns(runs []Run) {
	before := Done
	for _, r := range runs {
		bit := uint64(0)
		if Others(before)[1] == r.State {
			bit = 1
		}
		w.gamma(uint64(r.N))
		w.put(bit, 1)
		before = r.State
	}
}

// putAgain writes which records were started again, and returns the runs in which they count as started.
func (w *bitWriter) putAgain(runs []Run) (plain []Run) {
	var gaps []uint64
	gap := uint64(1)
	for _, r := range runs {
		switch r.State {
		case Repeated:
			for range r.N {
				gaps, gap = append(gaps, gap), 1
			}
			r.State = Started
		case Started:
			gap += uint64(r.N)
		case Free, Done:
		}
		plain = Join(plain, r)
	}
	w.gamma(uint64(len(gaps)) + 1)
	for _, g := range gaps {
		w.gamma(g)
	}
	return plain
}

// Join adds a run, to the last one if that is in the same state.
func Join(runs []Run, r Run) []Run {
	if last := len(runs) - 1; last >= 0 && runs[last].State == r.State {
		runs[last].N += r.N
		return runs
	}
	return append(runs, r)
}

// Decode reads what Encode wrote, in this version and in those before. No text is a ledger without runs.
func Decode(text string, watermark int64) (id Identity, runs []Run, err error) {
	if text == "" {
		return id, nil, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return id, nil, fmt.Errorf("%w: %w", ErrLedger, err)
	case len(raw) == 0:
		return id, nil, fmt.Errorf("%w: no version", ErrLedger)
	}
	var flags byte
	switch version := raw[0]; {
	case version == ledgerVersion:
		raw = raw[1:]
	case version == ledgerFlagged && len(raw) > 1 && raw[1]&^ledgerFlags == 0:
		flags, raw = raw[1], raw[2:]
	case version == ledgerFlagged:
		return id, nil, fmt.Errorf("%w: flags that this program does not know", ErrLedger)
	default:
		return id, nil, fmt.Errorf("%w: version %d, this program reads %d", ErrLedger, version, ledgerFlagged)
	}
	if flags&flagIdentity != 0 {
		n, k := binary.Uvarint(raw)
		if k <= 0 || n > uint64(len(raw)-k) {
			return id, nil, fmt.Errorf("%w: its identity is cut", ErrLedger)
		}
		if id, err = Parse(raw[k:k+int(n)], watermark); err != nil {
			return id, nil, fmt.Errorf("%w: %w", ErrLedger, err)
		}
		raw = raw[k+int(n):]
	}
	r := bitReader{buf: raw}
	var gaps []uint64
	if flags&flagAgain != 0 {
		if gaps, err = r.gaps(); err != nil {
			return id, nil, err
		}
	}
	if runs, err = r.runs(); err != nil || len(gaps) == 0 {
		return id, runs, err
	}
	runs, err = markAgain(runs, gaps)
	return id, runs, err
}

// runs reads runs to the end.
func (r *bitReader) runs() (runs []Run, err error) {
	for before := Done; ; {
		zeros, end := r.zeros()
		if end {
			if zeros >= 8 {
				return nil, fmt.Errorf("%w: %d empty bits at the end", ErrLedger, zeros)
			}
			return runs, nil
		}
		if zeros >= MaxRunDigits {
			return nil, fmt.Errorf("%w: run %d is too long", ErrLedger, len(runs))
		}
		n, ok := r.take(zeros + 1) // its first digit, a one, was only looked at
		bit, also := r.take(1)
		if !ok || !also {
			return nil, fmt.Errorf("%w: run %d is cut", ErrLedger, len(runs))
		}
		before = Others(before)[bit]
		runs = append(runs, Run{before, int64(n)})
	}
}

// gaps reads what putAgain wrote.
func (r *bitReader) gaps() ([]uint64, error) {
	n, ok := r.gamma()
	if !ok || n > MaxAgain+1 {
		return nil, fmt.Errorf("%w: how many were started again", ErrLedger)
	}
	gaps := make([]uint64, n-1)
	for i := range gaps {
		if gaps[i], ok = r.gamma(); !ok {
			return nil, fmt.Errorf("%w: which were started again", ErrLedger)
		}
	}
	return gaps, nil
}

// markAgain gives the records that were started again their state.
func markAgain(runs []Run, gaps []uint64) (out []Run, err error) {
	for _, r := range runs {
		for r.State == Started && len(gaps) > 0 && gaps[0] <= uint64(r.N) {
			if before := int64(gaps[0]) - 1; before > 0 {
				out = Join(out, Run{Started, before})
			}
			out = Join(out, Run{Repeated, 1})
			r.N -= int64(gaps[0])
			gaps = gaps[1:]
		}
		if r.State == Started && len(gaps) > 0 {
			gaps[0] -= uint64(r.N)
		}
		if r.N > 0 {
			out = Join(out, r)
		}
	}
	if len(gaps) > 0 {
		return nil, fmt.Errorf("%w: more were started again than were started", ErrLedger)
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
	if end || zeros >= MaxRunDigits {
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
