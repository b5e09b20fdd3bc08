package recipients

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// numbers is a set of numbers of up to 56 bits, exact and in order: sorted runs of at most runMost. A run holds the distance of
// each of its numbers from its own least possible one, in as few bytes as its greatest needs. So what lies close together, as
// the numbers of one country do, takes 2 to 4 bytes a number, and what lies far apart, as those of all countries, 5 to 7.
type numbers struct {
	bases []uint64 // the least number that a run may hold: where the next begins, the one before ends
	runs  []*run
	held  int // bytes of the runs
}

// run is sorted, and has room for spare more.
type run struct {
	data  []byte
	n     uint16
	width uint8 // bytes of each
}

const (
	// runMost is how many numbers a run has at most: finding a place takes 9 steps, and making room moves 1 KB.
	runMost = 512
	// runStep is by how many numbers a run grows.
	runStep = 32
	// runBytes is what a run takes beside its data: itself, and its place in two lists that have half as much again while they grow.
	runBytes = int(unsafe.Sizeof(run{})) + 2*8*3/2
	// maxNumber is what fits into the widest distance but for the byte that reading it needs.
	maxNumber = 1<<56 - 1
)

// add puts a number in and reports whether it was new.
func (s *numbers) add(v uint64) bool {
	if len(s.runs) == 0 {
		s.insertRun(0, v, &run{width: 1})
	}
	at, found := slices.BinarySearch(s.bases, v)
	if !found {
		at--
	}
	if at < 0 { // before all: the first run begins earlier now
		at = 0
		s.rebase(0, v&^(1<<16-1)) // and for a list in falling order not with each number
	}
	r := s.runs[at]
	d := v - s.bases[at]
	i := r.find(d)
	if i < int(r.n) && r.at(i) == d {
		return false
	}
	if r.n == runMost {
		s.split(at, i == runMost)
		return s.add(v)
	}
	if w := widthOf(d); w > r.width {
		s.rewrite(r, w, 0)
	}
	s.held += r.insert(i, d)
	return true
}

// widthOf is how many bytes a distance needs.
func widthOf(d uint64) uint8 {
	w := uint8(1)
	for d >>= 8; d > 0; d >>= 8 {
		w++
	}
	return w
}

// pad is behind the numbers of a run, so that each can be read as eight bytes.
const pad = 8

func (r *run) at(i int) uint64 {
	w := int(r.width)
	return binary.LittleEndian.Uint64(r.data[i*w:]) & (1<<(8*w) - 1)
}

// find returns where the distance is or belongs.
func (r *run) find(d uint64) int {
	lo, hi := 0, int(r.n)
	for lo < hi {
		if mid := (lo + hi) / 2; r.at(mid) < d {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// insert puts the distance in at i, and returns by how much the run's memory grew.
func (r *run) insert(i int, d uint64) (grew int) {
	w, n := int(r.width), int(r.n)
	if need := (n+1)*w + pad; need > len(r.data) {
		data := make([]byte, min(n+runStep, runMost)*w+pad)
		copy(data, r.data[:n*w])
		grew = cap(data) - cap(r.data)
		r.data = data
	}
	copy(r.data[(i+1)*w:(n+1)*w], r.data[i*w:n*w])
	r.put(i, d)
	r.n++
	return grew
}

// put writes the distance at i, and nothing beside it.
func (r *run) put(i int, d uint64) {
	w := int(r.width)
	for b := range w {
		r.data[i*w+b] = byte(d >> (8 * b))
	}
}

// rewrite gives the run another width, and adds something to each of its distances.
func (s *numbers) rewrite(r *run, width uint8, more uint64) {
	next := run{data: make([]byte, min(int(r.n)+runStep, runMost)*int(width)+pad), n: r.n, width: width}
	for i := range int(r.n) {
		next.put(i, r.at(i)+more)
	}
	s.held += cap(next.data) - cap(r.data)
	*r = next
}

// rebase lets a run begin with an earlier number.
func (s *numbers) rebase(at int, base uint64) {
	r := s.runs[at]
	more := s.bases[at] - base
	s.bases[at] = base
	if r.n > 0 {
		s.rewrite(r, widthOf(r.at(int(r.n)-1)+more), more)
	}
}

// split makes two runs of a full one. If what comes next goes behind all of it, as in a sorted list, it stays full.
func (s *numbers) split(at int, behind bool) {
	r, base := s.runs[at], s.bases[at]
	keep := runMost / 2
	if behind {
		keep = runMost - 1
	}
	first := r.at(keep)
	left, right := &run{n: uint16(keep), width: widthOf(r.at(keep - 1))}, &run{n: uint16(runMost - keep), width: widthOf(r.at(runMost-1) - first)}
	for _, half := range []struct {
		to          *run
		from, spare int
		less        uint64
	}{{left, 0, runStep * (1 - keep/(runMost-1)), 0}, {right, keep, runStep, first}} {
		half.to.data = make([]byte, (int(half.to.n)+half.spare)*int(half.to.width)+pad)
		for i := range int(half.to.n) {
			half.to.put(i, r.at(half.from+i)-half.less)
		}
	}
	s.runs[at] = left
	s.held += cap(left.data) - cap(r.data)
	s.insertRun(at+1, base+first, right)
}

func (s *numbers) insertRun(at int, base uint64, r *run) {
	s.bases, s.runs = slices.Insert(s.bases, at, base), slices.Insert(s.runs, at, r)
	s.held += cap(r.data)
}

// bytes is what the set takes.
func (s *numbers) bytes() int { return s.held + len(s.runs)*runBytes }
