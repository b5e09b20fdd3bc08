package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas/shown"
)

func sendersCommand() *cobra.Command {
	flags := new(tasksFlags)
	cmd := &cobra.Command{
		Use:   "senders",
		Short: "List the numbers that the key may send from, and whether they can send",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open(cmd)
			if err != nil {
				return err
			}
			all, err := c.Senders(cmd.Context())
			if err != nil {
				return stopped(cmd, err, "")
			}
			return flags.senders(cmd, all)
		},
	}
	flags.add(cmd)
	return cmd
}

func (f *tasksFlags) senders(cmd *cobra.Command, all []client.Sender) error {
	if f.json {
		for _, s := range all {
			sayJSON(cmd.OutOrStdout(), s.JSON)
		}
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	say(w, "SENDER\tNAME\tDEFAULT\tSTATE\tRATE\tNOW\tSINCE\tUNTIL\tQUALITY\tWHY")
	for _, s := range all {
		rate, now := "", ""
		if s.Rate != nil {
			rate, now = fmt.Sprintf("%.4g", s.Rate.Configured), fmt.Sprintf("%.4g", s.Rate.Now)
		}
		say(w, "%s\t%s\t%v\t%s\t%s\t%s\t%s\t%s\t%s\t%s", shown.Line(s.ID), shown.Line(s.Name), s.Default, shown.Line(s.State), rate, now,
			shown.Line(s.Since), shown.Line(s.Until), shown.Line(s.Quality), strings.Join(strings.Fields(s.Why), " "))
	}
	return w.Flush()
}
