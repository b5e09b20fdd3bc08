package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

func recipientsCommand() *cobra.Command {
	var outcome, code, phone string
	var csv bool
	cmd := taskVerb("recipients TASK", "List what became of each recipient of a broadcast", func(cmd *cobra.Command, f *tasksFlags, c *client.Client, task schemas.TaskID, _ []string) error {
		if csv && f.json {
			return wrongUse(cmd, errors.New("--csv and --output json exclude each other"))
		}
		query := url.Values{}
		for name, value := range map[string]string{"outcome": outcome, "code": code, "phone": phone} {
			if value != "" {
				query.Set(name, value)
			}
		}
		version, err := f.recipients(cmd, c, task, query, csv)
		if err == nil && !version.Exact {
			say(cmd.ErrOrStderr(), "the broadcast goes on: some outcomes are later than version %d", version.Number)
		}
		return err
	})
	cmd.Example = "  altavoz tasks recipients TASK --outcome failed,undelivered --csv > failed.csv"
	flags := cmd.Flags()
	flags.StringVar(&outcome, "outcome", "", "only those with some of pending, skipped, expired, cancelled, unknown, failed, sent, undelivered, delivered, read")
	flags.StringVar(&code, "code", "", "only those with some of Meta's codes, as 131026,131049")
	flags.StringVar(&phone, "phone", "", "only one person, in any notation")
	flags.BoolVar(&csv, "csv", false, "a table for spreadsheets")
	return cmd
}

// recipients prints recipients while they arrive: lists are long.
func (f *tasksFlags) recipients(cmd *cobra.Command, c *client.Client, task schemas.TaskID, query url.Values, csv bool) (client.Version, error) {
	out := cmd.OutOrStdout()
	switch {
	case csv:
		return c.RecipientsCSV(cmd.Context(), task, query, func(line []byte) error {
			_, err := fmt.Fprintf(out, "%s\n", shown.Line(string(line))) // as a terminal and its tools want lines; the server ends them by RFC 4180
			return err
		})
	case f.json:
		return c.Recipients(cmd.Context(), task, query, func(r *client.Recipient) error {
			sayJSON(out, r.JSON)
			return nil
		})
	}
	const columns = "%-9v %-16s %-11s %-6s %-9v %s\n"
	some := false
	version, err := c.Recipients(cmd.Context(), task, query, func(r *client.Recipient) (err error) {
		if !some {
			_, err = fmt.Fprintf(out, columns, "INDEX", "PHONE", "OUTCOME", "CODE", "RETRYABLE", "REASON")
			some = true
		}
		code := ""
		if r.Code != 0 {
			code = strconv.Itoa(r.Code)
		}
		_, bad := fmt.Fprintf(out, columns, r.Index, shown.Line(r.Phone), shown.Line(r.Outcome), code, r.Retryable, shown.Line(r.Reason))
		return errors.Join(err, bad)
	})
	if err == nil && !some {
		say(cmd.ErrOrStderr(), "there are no such recipients")
	}
	return version, err
}
