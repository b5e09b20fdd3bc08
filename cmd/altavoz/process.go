package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"altavoz/app"
)

// runProcess starts a process, calls running when it is ready, and stops it when it is interrupted or can't go on.
func runProcess(cmd *cobra.Command, cfg *app.Config, running func(*app.App)) error {
	ctx := cmd.Context()
	_, people := terminal(cmd.ErrOrStderr())
	a, err := app.New(*cfg, app.Options{Logger: app.NewLogger(cfg.Process, cmd.ErrOrStderr(), people)})
	if err != nil {
		return err
	}
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
