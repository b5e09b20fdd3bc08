package main

import (
	"github.com/spf13/cobra"

	"altavoz/cmd/altavoz/numbers"
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
			return numbers.Print(cmd.OutOrStdout(), all, flags.json)
		},
	}
	flags.add(cmd)
	return cmd
}
