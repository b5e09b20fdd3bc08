package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/client"
	"altavoz/cmd/altavoz/progress"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

// serverFlags say which altavoz is talked to, and for how long.
type serverFlags struct {
	url     string
	key     string
	json    bool
	timeout time.Duration
}

func (s *serverFlags) add(cmd *cobra.Command) {
	s.reach(cmd)
	f := cmd.Flags()
	f.BoolVar(&s.json, "json", false, "print the result as one line of JSON, and no progress")
	f.DurationVar(&s.timeout, "timeout", 0, "how long to wait for the end, as 10m (for ever)")
}

func (s *serverFlags) reach(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.url, "url", app.Default().Client.URL, "the altavoz to talk to (or ALTAVOZ_URL)")
	cmd.Flags().StringVar(&s.key, "api-key", "", "the key to show it (or ALTAVOZ_API_KEY, which keeps it out of the list of processes)")
}

// client returns a client of that altavoz, and a context that ends with the time-out.
func (s *serverFlags) client(cmd *cobra.Command) (*client.Client, context.Context, context.CancelFunc, error) {
	cfg, err := app.Load()
	if err != nil {
		return nil, nil, nil, err
	}
	name := "--url"
	if !cmd.Flags().Changed("url") {
		s.url, name = cfg.Client.URL, "ALTAVOZ_URL"
	}
	if _, err := url.Parse(s.url); err != nil {
		return nil, nil, nil, &exit{err: fmt.Errorf("--url %s: %w", s.url, err), code: exitUsage, hint: "it looks like http://127.0.0.1:8080"}
	}
	key := schemas.Secret(s.key)
	if key == "" {
		key = cfg.Client.APIKey
	}
	warning, err := app.ClearClient(name, s.url, key)
	if err != nil {
		return nil, nil, nil, err
	}
	if warning != "" {
		say(cmd.ErrOrStderr(), "altavoz: warning: %s", warning)
	}
	ctx, cancel := cmd.Context(), context.CancelFunc(func() {})
	if s.timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, errTimeout)
	}
	return client.New(s.url, key), ctx, cancel, nil
}

var errTimeout = errors.New("not finished in time")

// taskOf reads a task id.
func taskOf(text string) (schemas.TaskID, error) {
	task, err := schemas.ParseTaskID(text)
	if err != nil {
		return task, &exit{err: err, code: exitUsage, hint: "it looks like 0190a0a0-0000-7000-8000-000000000000"}
	}
	return task, nil
}

func watchCommand() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use:   "watch TASK",
		Short: "Follow a broadcast until its end",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			task, err := taskOf(args[0])
			if err != nil {
				return err
			}
			c, ctx, cancel, err := server.client(cmd)
			if err != nil {
				return err
			}
			defer cancel()
			p := newProgress(cmd, server.json)
			s, err := c.Follow(ctx, task, p.Observer())
			p.End()
			if err != nil {
				return told(ctx, err, task)
			}
			return result(cmd, s, server.json)
		},
	}
	server.add(cmd)
	return cmd
}

// told turns an error of a broadcast under way into what a person should know.
func told(ctx context.Context, err error, task schemas.TaskID) error {
	return ended(ctx, err, "the broadcast goes on: `"+self()+" watch "+task.String()+"` shows it")
}

// ended tells an error from the end of the time, and from a person who had enough.
func ended(ctx context.Context, err error, hint string) error {
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		return &exit{err: errTimeout, code: exitTimeout, hint: hint}
	case ctx.Err() != nil:
		return interrupted(hint)
	}
	return err
}

// result prints how a task ended.
func result(cmd *cobra.Command, s *client.Task, asJSON bool) error {
	out := cmd.OutOrStdout()
	switch {
	case asJSON:
		sayJSON(out, s.JSON)
	case s.Result != nil:
		r := s.Result
		say(out, "task %s: %s", shown.Line(s.TaskID), shown.Line(s.Status))
		line := []string{fmt.Sprintf("%d in all, %s, %d not", r.Total, progress.Sent(r), r.Failed)}
		for _, kind := range []struct {
			n    uint32
			name string
		}{{r.Unknown, "unknown"}, {r.Skipped, "skipped"}, {r.Expired, "expired"}, {r.Cancelled, "cancelled"}, {r.Undelivered, "undelivered"}} {
			if kind.n > 0 {
				line = append(line, fmt.Sprintf("of them %d %s", kind.n, kind.name))
			}
		}
		say(out, "%s", strings.Join(line, ", "))
		for _, e := range r.Errors {
			say(out, "  %s", shown.Line(e))
		}
		if more := int(r.Failed) - len(r.Errors); more > 0 && len(r.Errors) > 0 {
			say(out, "  and %d more", more)
		}
	}
	switch {
	case s.Status == "FAILURE":
		why := s.Why
		if why == "" {
			why = "the broadcast failed"
		}
		return &exit{err: errors.New(why), code: exitError}
	case s.Result != nil && s.Result.Failed > 0:
		return &exit{err: errSomeFailed, code: exitSomeFailed, silent: true}
	}
	return nil
}
