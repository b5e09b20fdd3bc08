package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/heap"
)

// runProcess starts a process, calls running when it is ready, and stops it when it is interrupted or can't go on.
func runProcess(cmd *cobra.Command, cfg *app.Config, running func(*app.App)) error {
	ctx := cmd.Context()
	_, people := terminal(cmd.ErrOrStderr())
	a, err := app.New(*cfg, app.Options{Logger: app.NewLogger(cfg.Process, cmd.ErrOrStderr(), people)})
	if err != nil {
		return err
	}
	defer heap.Grow()()
	defer reloadOnHangup(a)()
	if err := a.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it waited for Kafka
		}
		return err
	}
	err = a.AwaitReady(ctx)
	if err == nil {
		running(a)
		select {
		case <-ctx.Done():
		case err = <-a.Failed():
		}
	}
	if ctx.Err() != nil {
		err = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.StopTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(stop))
}

// reloadOnHangup has what can be read again while the process runs read again when it is told to (SIGHUP), until the
// returned function is called. A process with nothing of the kind ends with its terminal, as any other.
func reloadOnHangup(a *app.App) (stop func()) {
	if !a.Reloads() {
		return func() {}
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	go func() {
		for range told {
			a.Reload()
		}
	}()
	return func() {
		signal.Stop(told)
		close(told)
	}
}
