package group

import (
	"context"
	"sync"
)

// gate lets one assignment callback at a time reach the stage: OnAssigned, OnRevoked or OnLost. A retry of OnAssigned may last longer than a
// rebalance waits, so a revocation cancels it; it is made again later.
type gate struct {
	// token is held during a callback. It is a channel because a goroutine that waits for a mutex keeps the clock of a test's bubble from advancing.
	token chan struct{}

	mu        sync.Mutex
	stopDrain context.CancelFunc // cancels the OnRevoked in progress
	stopRetry context.CancelFunc // cancels the retry in progress
	revoking  int                // revocations that wait for the token: retries are cancelled at once
}

func newGate() *gate {
	return &gate{token: make(chan struct{}, 1), stopDrain: func() {}, stopRetry: func() {}}
}

func (g *gate) lock()   { g.token <- struct{}{} }
func (g *gate) unlock() { <-g.token }

// retry runs one retry of OnAssigned, under a context that a revocation cancels.
func (g *gate) retry(ctx context.Context, assign func(context.Context) (int64, error)) (int64, error) {
	select {
	case g.token <- struct{}{}:
		defer g.unlock()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return 0, errSessionEnded
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g.mu.Lock()
	if g.stopRetry = cancel; g.revoking > 0 {
		cancel()
	}
	g.mu.Unlock()
	return assign(ctx)
}

// lockForRevoke cancels the retry in progress and waits for the token.
func (g *gate) lockForRevoke() {
	g.mu.Lock()
	g.revoking++
	g.stopRetry()
	g.mu.Unlock()
	g.lock()
	g.mu.Lock()
	g.revoking--
	g.mu.Unlock()
}

// draining notes how the drain that begins is cancelled.
func (g *gate) draining(stop context.CancelFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopDrain = stop
}

// hurry cancels the drain in progress.
func (g *gate) hurry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopDrain()
}
