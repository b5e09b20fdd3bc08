package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/cmd/altavoz/progress"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

const (
	listPage    = 500 // as many as the server gives at a time
	listDefault = 50
)

// tasksFlags say which altavoz is talked to and how its answer is printed.
type tasksFlags struct {
	serverFlags
	output string
}

func tasksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tasks",
		Short: "List broadcasts, look at one and its recipients, pause, resume, cancel, retry or slow it down",
		Args:  known,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		listCommand(), showCommand(), recipientsCommand(), retryCommand(), speedCommand(),
		controlCommand("pause", "Let nothing more of a broadcast leave until it is resumed", (*client.Client).Pause),
		controlCommand("resume", "Let a broadcast go on where it was paused", (*client.Client).Resume),
		controlCommand("cancel", "End a broadcast: who is not sent to yet will not be", (*client.Client).Cancel),
	)
	return cmd
}

// taskVerb is a command about one task, whose other arguments its use names.
func taskVerb(use, short string, do func(*cobra.Command, *tasksFlags, *client.Client, schemas.TaskID, []string) error) *cobra.Command {
	flags := new(tasksFlags)
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  usage(cobra.ExactArgs(len(strings.Fields(use)) - 1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			task, err := taskOf(args[0])
			if err != nil {
				return err
			}
			c, err := flags.open(cmd)
			if err != nil {
				return err
			}
			return stopped(cmd, do(cmd, flags, c, task, args[1:]), "`"+self()+" tasks show "+task.String()+"` shows what became of it")
		},
	}
	flags.add(cmd)
	return cmd
}

// stopped returns the error of a command, and that of a person who stopped it as such.
func stopped(cmd *cobra.Command, err error, hint string) error {
	if err != nil && cmd.Context().Err() != nil {
		return interrupted(hint)
	}
	return err
}

func (f *tasksFlags) add(cmd *cobra.Command) {
	f.reach(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "table, for people, or json, for scripts: the server's words, a line each")
}

func (f *tasksFlags) open(cmd *cobra.Command) (*client.Client, error) {
	if f.output != "table" && f.output != "json" {
		return nil, wrongUse(cmd, fmt.Errorf("--output %q is not one of table, json", f.output))
	}
	f.json = f.output == "json"
	c, _, _, err := f.client(cmd)
	return c, err
}

func controlCommand(verb, short string, control func(*client.Client, context.Context, schemas.TaskID) (*client.Controlled, error)) *cobra.Command {
	return taskVerb(verb+" TASK", short, func(cmd *cobra.Command, f *tasksFlags, c *client.Client, task schemas.TaskID, _ []string) error {
		answer, err := control(c, cmd.Context(), task)
		return f.controlled(cmd, task, answer, err)
	})
}

func speedCommand() *cobra.Command {
	const use, short = "speed TASK MESSAGES", "Set how many messages a second a broadcast sends at most; 0: as many as its number may"
	return taskVerb(use, short, func(cmd *cobra.Command, f *tasksFlags, c *client.Client, task schemas.TaskID, args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 32)
		if err != nil {
			return wrongUse(cmd, fmt.Errorf("%q is no number of messages a second", args[0]))
		}
		answer, err := c.SetSpeed(cmd.Context(), task, uint32(n))
		return f.controlled(cmd, task, answer, err)
	})
}

// controlled prints how a control was answered.
func (f *tasksFlags) controlled(cmd *cobra.Command, task schemas.TaskID, a *client.Controlled, err error) error {
	switch {
	case err != nil:
		return err
	case f.json:
		sayJSON(cmd.OutOrStdout(), a.JSON)
	default:
		say(cmd.OutOrStdout(), "task %s: %s\n%s", task, shown.Line(a.Status), shown.Line(a.Message))
	}
	return nil
}

func listCommand() *cobra.Command {
	flags := new(tasksFlags)
	var states, sender, since, until string
	var limit uint
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List broadcasts, the newest first",
		Example: "  altavoz tasks list --status STARTED,PAUSED --since 2026-01-31T09:00:00-05:00",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open(cmd)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range map[string]string{"status": states, "sender": sender, "since": since, "until": until} {
				if value != "" {
					query.Set(name, value)
				}
			}
			rows, more, err := list(cmd.Context(), c, query, int(limit))
			if err != nil {
				return stopped(cmd, err, "")
			}
			return flags.print(cmd, rows, more)
		},
	}
	flags.add(cmd)
	f := cmd.Flags()
	f.StringVar(&states, "status", "", "only those in some of PENDING, STARTED, PAUSED, SUCCESS, FAILURE, REVOKED")
	f.StringVar(&sender, "sender", "", "only those of a number")
	f.StringVar(&since, "since", "", "only those accepted then or later, as 2026-01-31T09:00:00-05:00")
	f.StringVar(&until, "until", "", "only those accepted before")
	f.UintVar(&limit, "limit", listDefault, "how many at most; 0: all")
	return cmd
}

// list asks for pages until there are so many tasks, and reports whether there are more.
func list(ctx context.Context, c *client.Client, query url.Values, limit int) (rows []client.Row, more bool, err error) {
	for {
		size := listPage
		if limit > 0 {
			size = min(size, limit-len(rows))
		}
		query.Set("limit", strconv.Itoa(size))
		page, next, err := c.List(ctx, query)
		rows = append(rows, page...)
		if err != nil || next == "" || len(rows) == limit {
			return rows, next != "", err
		}
		query.Set("cursor", next)
	}
}

func (f *tasksFlags) print(cmd *cobra.Command, rows []client.Row, more bool) error {
	if f.json {
		for _, r := range rows {
			sayJSON(cmd.OutOrStdout(), r.JSON)
		}
		return nil
	}
	if len(rows) == 0 {
		say(cmd.ErrOrStderr(), "there are no such tasks")
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	say(w, "TASK\tSTATUS\tSENT\tFAILED\tPENDING\tTOTAL\tSENDER\tACCEPTED\tWHY")
	for _, r := range rows {
		why := r.Why
		if r.ETA != "" {
			why += " " + r.ETA
		}
		say(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s", shown.Line(r.TaskID), shown.Line(r.Status), r.Successful, r.Failed, r.Pending, r.Total,
			shown.Line(r.Sender), shown.Line(r.AcceptedAt), strings.Join(strings.Fields(why), " "))
	}
	if more {
		say(cmd.ErrOrStderr(), "there are more: --limit 0 lists all")
	}
	return w.Flush()
}

func showCommand() *cobra.Command {
	return taskVerb("show TASK", "Tell everything about a broadcast", func(cmd *cobra.Command, f *tasksFlags, c *client.Client, task schemas.TaskID, _ []string) error {
		t, err := c.Task(cmd.Context(), task)
		switch {
		case err != nil:
			return err
		case f.json:
			sayJSON(cmd.OutOrStdout(), t.JSON)
		default:
			say(cmd.OutOrStdout(), "%s", strings.Join(progress.Describe(t), "\n"))
		}
		return nil
	})
}
