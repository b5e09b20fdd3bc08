package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/schemas/shown"
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
		aclsCommand(),
	)
	return cmd
}

func aclsCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "acls",
		Short: "Print the commands that give each role's user of Kafka and Redis the least rights",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.Count(as, "%s") != 1 || strings.Count(as, "%") != 1 {
				return wrongUse(cmd, errors.New("--as needs one %s, in the place of the role"))
			}
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			cluster, err := cfg.Cluster(quietLog(cmd))
			if err != nil {
				return err
			}
			return operator.PrintACLs(cmd.OutOrStdout(), cluster.Prefix, as, cluster.Brokers)
		},
	}
	cmd.Flags().StringVar(&as, "as", "altavoz-%s", "what users are called, with %s for the role; those of certificates as CN=altavoz-%s")
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
			cluster, err := cfg.Cluster(quietLog(cmd))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			n := 0
			err = operator.Rejects(cmd.Context(), cluster, func(r operator.Rejected) error {
				n++
				if asJSON {
					line, err := json.Marshal(r)
					if err == nil {
						sayJSON(out, line)
					}
					return err
				}
				replayed := ""
				if r.Replayed {
					replayed = "replayed: "
				}
				say(out, "%-7s %s  %s  %s  %s/%d at %d  %s%s", r.ID, shown.Line(r.At), shown.Line(r.Stage), shown.Line(r.Code), shown.Line(r.Topic), r.Partition, r.Offset, replayed, shown.Line(r.Reason))
				return nil
			})
			if err == nil && n == 0 && !asJSON {
				_, err = fmt.Fprintln(cmd.ErrOrStderr(), "nothing was rejected")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "a line of JSON each, with the record's key and value")
	cmd.AddCommand(replayCommand())
	return cmd
}

func replayCommand() *cobra.Command {
	var all, again bool
	cmd := &cobra.Command{
		Use:   "replay [ID]...",
		Short: "Write rejected records again, byte for byte, to where they were read",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return wrongUse(cmd, errors.New("say which: ids as `altavoz topics rejects` shows them, or --all"))
			}
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			cluster, err := cfg.Cluster(quietLog(cmd))
			if err != nil {
				return err
			}
			n := 0
			err = operator.ReplayRejects(cmd.Context(), cluster, ids, again, func(r operator.Replay) {
				n++
				say(cmd.OutOrStdout(), "%s is in %s/%d again, at %d", r.ID, shown.Line(r.Topic), r.Partition, r.Offset)
			})
			if err == nil && n == 0 {
				_, err = fmt.Fprintln(cmd.ErrOrStderr(), "there is nothing to replay")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all that were not replayed yet")
	cmd.Flags().BoolVar(&again, "again", false, "also those that were replayed before")
	return cmd
}
