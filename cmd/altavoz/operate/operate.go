// Package operate is the commands of operators that work on the topics themselves: rejects, rights, what is kept of a phone.
package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/app/upstream"
	"altavoz/schemas/shown"
)

// Tools are what package main has for all its commands: how they check arguments, log, and write.
type Tools struct {
	Usage    func(cobra.PositionalArgs) cobra.PositionalArgs
	WrongUse func(*cobra.Command, error) error
	Remains  func(error) error // of what can't be erased
	Log      func(*cobra.Command) *slog.Logger
	Say      func(w io.Writer, format string, args ...any)
}

// ACLs prints rights.
func (t Tools) ACLs() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "acls",
		Short: "Print the commands that give each role's user of Kafka and Redis the least rights",
		Args:  t.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			cluster, err := cfg.Cluster(t.Log(cmd))
			if err != nil {
				return err
			}
			sources, err := upstream.Parse(cfg.Kafka.UpstreamTopics)
			if err != nil {
				return fmt.Errorf("ALTAVOZ_UPSTREAM_TOPICS: %w", err)
			}
			return operator.PrintACLs(cmd.OutOrStdout(), cluster.Prefix, as, cluster.Brokers, sources, cfg.Kafka.TrimSends > 0)
		},
	}
	cmd.Flags().StringVar(&as, "as", "altavoz-%s", "what users are called, with %s for the role; those of certificates as CN=altavoz-%s")
	return cmd
}

// Rejects lists and replays rejects.
func (t Tools) Rejects() *cobra.Command {
	var asJSON, phones bool
	cmd := &cobra.Command{
		Use:   "rejects",
		Short: "List the records that could not be processed, with the reason",
		Args:  t.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := app.LoadCluster(t.Log(cmd))
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			n := 0
			err = operator.Rejects(cmd.Context(), cluster, func(r operator.Rejected) error {
				n++
				if !phones {
					r = r.Masked()
				}
				if asJSON {
					line, err := json.Marshal(r)
					if err == nil {
						_, err = fmt.Fprintf(out, "%s\n", shown.JSON(line))
					}
					return err
				}
				t.Say(out, "%s", r)
				return nil
			})
			if err == nil && n == 0 && !asJSON {
				_, err = fmt.Fprintln(cmd.ErrOrStderr(), "nothing was rejected")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "a line of JSON each, with the record's key and value")
	cmd.Flags().BoolVar(&phones, "phones", false, "phones and values as they are; otherwise phones are masked, and values that are not text left out")
	cmd.AddCommand(t.replay())
	return cmd
}

func (t Tools) replay() *cobra.Command {
	var all, again bool
	cmd := &cobra.Command{
		Use:   "replay [ID]...",
		Short: "Write rejected records again, byte for byte, to where they were read",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return t.WrongUse(cmd, errors.New("say which: ids as `altavoz topics rejects` shows them, or --all"))
			}
			cluster, err := app.LoadCluster(t.Log(cmd))
			if err != nil {
				return err
			}
			n := 0
			err = operator.ReplayRejects(cmd.Context(), cluster, ids, again, func(r operator.Replay) {
				n++
				t.Say(cmd.OutOrStdout(), "%s is in %s/%d again, at %d", r.ID, shown.Line(r.Topic), r.Partition, r.Offset)
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
