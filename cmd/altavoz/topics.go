package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/cmd/altavoz/operate"
)

func operators() operate.Tools {
	return operate.Tools{Usage: usage, WrongUse: wrongUse, Remains: remains, Log: quietLog, Say: say}
}

func topicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Create, check or read the topics, list what was rejected",
		Args:  known,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		topicsVerb("create", "Create the topics that are missing, and check the others", app.CreateTopics),
		topicsVerb("check", "Compare the topics with what they must be", app.CheckTopics),
		operators().Read(), operators().Rejects(), operators().ACLs(),
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
