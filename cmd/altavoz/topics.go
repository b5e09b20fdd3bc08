package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"altavoz/app"
)

func topicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Create or check the topics, list what was rejected",
		Args:  known,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		topicsVerb("create", "Create the topics that are missing, and check the others", app.CreateTopics),
		topicsVerb("check", "Compare the topics with what they must be", app.CheckTopics),
		rejectsCommand(),
	)
	return cmd
}

func topicsVerb(verb, short string, do func(context.Context, *app.Config, *slog.Logger) ([]app.Topic, error)) *cobra.Command {
	return &cobra.Command{
		Use:   verb,
		Short: short,
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			ctx, cancel := patient(cmd.Context())
			defer cancel()
			topics, err := do(ctx, cfg, quietLog(cmd))
			if err != nil {
				return err
			}
			for _, t := range topics {
				say(cmd.OutOrStdout(), "%-32s %3d partitions  ok", t.Name, t.Partitions)
			}
			return nil
		},
	}
}

func rejectsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rejects",
		Short: "List the records that could not be processed, with the reason",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			enc := json.NewEncoder(out)
			n := 0
			err = app.Rejects(cmd.Context(), cfg, quietLog(cmd), func(r app.Rejected) error {
				n++
				if asJSON {
					return enc.Encode(r)
				}
				say(out, "%s  %s  %s  %s/%d at %d  %s", r.At, r.Stage, r.Code, r.Topic, r.Partition, r.Offset, r.Reason)
				return nil
			})
			if err == nil && n == 0 && !asJSON {
				_, err = fmt.Fprintln(cmd.ErrOrStderr(), "nothing was rejected")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "a line of JSON each, with the record's key and value")
	return cmd
}
