package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// StopTimeout bounds a stop: a call to WhatsApp (10 s) and the drain around it (15 s), for the stages one after the
	// other, and what is flushed after them. Below the 40 s after which an orchestrator should kill.
	StopTimeout = 38 * time.Second
	// flushTimeout is kept back of it for what must be written at the very end.
	flushTimeout = 8 * time.Second
)

// lifecycle is what has been started and how it is stopped again, the last first.
type lifecycle struct {
	started []part
}

type part struct {
	name string
	stop func(ctx context.Context) error
}

// stopLast remembers how to stop what has just been started: after all that is started later, which may use it.
func (l *lifecycle) stopLast(name string, stop func(ctx context.Context) error) {
	l.started = append(l.started, part{name, stop})
}

// Stop ends the process in the order that loses nothing: no more requests; then each stage drains, so that no call is cut
// off; then what they wrote is flushed; then the embedded Kafka closes its log. ctx bounds it; what does not stop in
// time is left behind. Only its first call does anything.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() {
		began := time.Now()
		a.running.Store(false)
		a.stopErr = a.web.stop(ctx)
		for _, p := range slices.Backward(a.started) {
			if err := p.stop(ctx); err != nil {
				a.stopErr = errors.Join(a.stopErr, fmt.Errorf("stopping the %s: %w", p.name, err))
			}
		}
		a.log.Info("altavoz has stopped", "seconds", time.Since(began).Seconds(), "clean", a.stopErr == nil)
	})
	return a.stopErr
}

// runStage lets a stage work on its own goroutine until it is told to stop, which is not when ctx ends.
func (a *App) runStage(ctx context.Context, name string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if err != nil && ctx.Err() == nil {
			a.fail(fmt.Errorf("the %s can't go on: %w", name, err))
		}
		done <- err
	}()
	a.stopLast(name, func(bound context.Context) error {
		cancel()
		bound, giveUp := keepBack(bound, flushTimeout)
		defer giveUp()
		select {
		case err := <-done:
			return err
		case <-bound.Done():
			return fmt.Errorf("it did not drain in time: %w", context.Cause(bound))
		}
	})
}

// keepBack returns a context that ends some time before the given one does.
func keepBack(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-d))
	}
	return context.WithCancel(ctx)
}
