package logtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"altavoz/stream"
)

// What a member is told of an exchange that went wrong.
var (
	ErrBusy    = errors.New("buffers are full")                               // at once
	ErrFenced  = fmt.Errorf("of an earlier generation: %w", stream.ErrFenced) // a commit was refused
	ErrUnknown = errors.New("connection reset")                               // nobody knows whether it was done
)

// Fault is how one exchange with the broker goes. The zero value goes well.
type Fault struct {
	Busy          bool                              // a write is refused at once
	Hold          <-chan struct{}                   // not nil: it waits until that is closed
	Before, After time.Duration                     // how long it takes until it happens, and until the answer
	Lose          bool                              // it does not happen
	LoseAnswer    bool                              // it happens, and nobody learns of it
	Unnoticed     bool                              // the group is slow to take the partitions of a member away whose commit was not answered
	Refuse        func(stream.TopicPartition) error // of a commit, by partition; called with the broker locked

	// What no broker does, to show that the checks of a test notice it.
	Early     bool // a commit is answered before it is made
	Forgotten bool // a write is acknowledged and not made
}

// Chances are probabilities of faults.
type Chances struct {
	Busy, Fail, FailWritten float64       // of a write: refused at once, and failed; FailWritten is of those that fail
	Refuse, Unknown         float64       // of a commit: refused for a partition, and not answered, after which half are made
	Read                    float64       // of a read
	Delay                   time.Duration // at most, before and after whatever happens
}

// Seed makes the dice from which faults and delays are drawn.
func (b *Broker) Seed(seed uint64) { b.dice = rand.New(rand.NewPCG(seed, 1)) }

// Chance reports true with a probability. The broker is locked.
func (b *Broker) Chance(p float64) bool { return p > 0 && b.dice.Float64() < p }

// Delay draws how long something takes. The broker is locked.
func (b *Broker) Delay() time.Duration {
	if b.dice == nil {
		return 0
	}
	return time.Duration(b.dice.Int64N(int64(b.Faults.Delay) + 1))
}

func (b *Broker) drawCommit() Fault {
	b.Lock()
	defer b.Unlock()
	f := Fault{Before: b.Delay(), After: b.Delay()}
	if f.LoseAnswer = b.Chance(b.Faults.Unknown); f.LoseAnswer {
		f.Lose = b.Chance(0.5)
	}
	if b.Faults.Refuse > 0 {
		f.Refuse = func(p stream.TopicPartition) error {
			if b.Chance(b.Faults.Refuse) {
				return fmt.Errorf("%s: %w", p, ErrFenced)
			}
			return nil
		}
	}
	return f
}

func (b *Broker) drawWrite() Fault {
	b.Lock()
	defer b.Unlock()
	f := Fault{Busy: b.Chance(b.Faults.Busy), Before: b.Delay()}
	if b.Chance(b.Faults.Fail) {
		written := b.Chance(b.Faults.FailWritten)
		f.Lose, f.LoseAnswer = !written, written
	}
	return f
}

// drawRead draws how long a read takes, and whether it fails.
func (b *Broker) drawRead() (time.Duration, error) {
	b.Lock()
	defer b.Unlock()
	wait := b.Delay()
	if b.Chance(b.Faults.Read) {
		return wait, ErrUnknown
	}
	return wait, nil
}
