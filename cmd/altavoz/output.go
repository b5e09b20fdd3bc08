package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"altavoz/app"
	"altavoz/client"
	"altavoz/cmd/altavoz/progress"
	"altavoz/lists"
	"altavoz/schemas/shown"
)

// The exit codes.
const (
	exitError       = 1
	exitUsage       = 2
	exitSomeFailed  = 3
	exitTimeout     = 4
	exitRemains     = 5
	exitInterrupted = 130
)

// exit is an error with its code and what to do about it. Silent: everything is said already.
type exit struct {
	err    error
	code   int
	hint   string
	silent bool
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

// remains ends a command that can't erase all.
func remains(err error) error {
	return &exit{err: err, code: exitRemains, hint: "docs/operate.md says what bounds it; take the phone off the lists, or it is written to again"}
}

var errSomeFailed = errors.New("some phones were not reached")

// tell writes what went wrong, in one form for all commands, and returns the exit code.
func tell(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	e := &exit{err: err, code: exitError, hint: app.Hint(err)}
	if own := new(exit); errors.As(err, &own) {
		e = own
	}
	var refused *client.RefusedError
	switch list := new(lists.Error); {
	case errors.As(err, &list):
		e.code = exitUsage
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		e.hint = "give a key with --api-key or ALTAVOZ_API_KEY"
	case refused != nil:
		e.hint = refused.Hint
	case errors.Is(err, client.ErrUnreachable):
		e.hint = "start it with `" + self() + " up`, or name another one with --url"
	case errors.Is(err, client.ErrNotAltavoz):
		e.hint = "is --url right?"
	}
	if e.silent {
		return e.code
	}
	say(w, "altavoz: error: %s", e.err)
	if e.hint != "" {
		say(w, "altavoz: hint: %s", e.hint)
	}
	return e.code
}

// say writes a line for people, or several of ours. What others wrote has to be a shown.Line, or its line breaks are ours, too.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintln(w, clean(fmt.Sprintf(format, args...))) // a terminal that is gone can't be told
}

// clean makes text of others harmless to a terminal: what could move the cursor, hide or turn text round is left out.
func clean(text string) string { return shown.Text(text) }

// sayJSON writes a line for programs, which people may look at.
func sayJSON(w io.Writer, line []byte) {
	_, _ = fmt.Fprintf(w, "%s\n", shown.JSON(line))
}

func wrongUse(cmd *cobra.Command, err error) error {
	return &exit{err: err, code: exitUsage, hint: "`" + cmd.CommandPath() + " --help` says how it is used"}
}

// usage makes wrong arguments wrong use.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return wrongUse(cmd, err)
		}
		return nil
	}
}

// interrupted is the error of a person who pressed Ctrl-C, or of an operator's SIGTERM.
func interrupted(hint string) error {
	return &exit{err: errors.New("interrupted"), code: exitInterrupted, hint: hint}
}

// terminal returns the file behind w if a person looks at it.
func terminal(w io.Writer) (*os.File, bool) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f, true
	}
	return nil, false
}

func newProgress(cmd *cobra.Command, quiet bool) *progress.Line {
	tty, _ := terminal(cmd.ErrOrStderr())
	return progress.New(cmd.ErrOrStderr(), tty, quiet)
}
