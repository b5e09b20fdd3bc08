package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

func retryCommand() *cobra.Command {
	var of client.Retry
	var failures []string
	cmd := taskVerb("retry TASK", "Send a broadcast that is over to some of its recipients again", func(cmd *cobra.Command, f *tasksFlags, c *client.Client, task schemas.TaskID, _ []string) error {
		for _, text := range failures {
			code, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				return wrongUse(cmd, fmt.Errorf("--code %q is no code", text))
			}
			of.Codes = append(of.Codes, code)
		}
		r, err := c.Retry(cmd.Context(), task, of)
		switch {
		case err != nil:
			return err
		case f.json:
			sayJSON(cmd.OutOrStdout(), r.JSON)
		default:
			say(cmd.OutOrStdout(), "task %s: %d recipients of %s\n%s", shown.Line(r.TaskID), r.Total, shown.Line(r.RetryOf), shown.Line(r.Message))
		}
		return nil
	})
	cmd.Long = "Makes a task of its own, with the message, the number and the hours of the first one, for those who have not got it and may get it then, or\n" +
		"for those with some outcome or code. Asked for twice it is one task. Follow it with `altavoz watch`."
	cmd.Example = "  altavoz tasks retry TASK\n  altavoz tasks retry TASK --outcome failed,undelivered --code 131026,131049"
	cmd.Flags().StringSliceVar(&of.Outcomes, "outcome", nil, "only those with some of expired, cancelled, unknown, failed, undelivered")
	cmd.Flags().StringSliceVar(&failures, "code", nil, "only those with some of Meta's codes, as 131026,131049")
	return cmd
}
