package main

import (
	"github.com/spf13/cobra"

	"altavoz/cmd/altavoz/history"
)

func recentCommand() *cobra.Command {
	flags := new(tasksFlags)
	var limit uint16
	cmd := &cobra.Command{
		Use:     "recent PHONE",
		Short:   "List what a phone got lately: of which broadcasts, when, and what became of it",
		Example: "  altavoz phones recent '+57 300 123 4567'",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.open(cmd)
			if err != nil {
				return err
			}
			h, err := c.History(cmd.Context(), args[0], int(limit))
			if err != nil {
				return stopped(cmd, err, "")
			}
			if flags.json {
				sayJSON(cmd.OutOrStdout(), h.JSON)
				return nil
			}
			return history.Print(cmd.OutOrStdout(), cmd.ErrOrStderr(), h)
		},
	}
	flags.add(cmd)
	cmd.Flags().Uint16Var(&limit, "limit", listDefault, "how many at most, 500 at most")
	return cmd
}
