package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"altavoz/app"
)

const maxHealth = 64 << 10 // bytes of the answer

const healthTimeout = 3 * time.Second

func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the process that runs here whether it is ready, for containers without a shell",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.HealthURL(), nil)
			if err != nil {
				return err
			}
			resp, err := new(http.Client).Do(req)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }() // it was only read
			body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
			if err != nil || resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %s %s", cfg.HealthURL(), resp.Status, body)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "ready")
			return err
		},
	}
}
