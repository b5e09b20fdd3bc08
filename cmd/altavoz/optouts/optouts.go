// Package optouts are the commands about who opted out: listed, exported, imported, added and removed.
package optouts

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas/shown"
)

const (
	pageSize = 1000
	maxLine  = 4 << 10 // bytes of a line of a list
)

// Open gives a command the flags of a server, and returns what opens it.
type Open func(cmd *cobra.Command) func() (*client.Client, error)

// verb is one of the commands: what it does with a server and a sender number.
func (open Open) verb(use, short, example string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c *client.Client, sender string, args []string) error) *cobra.Command {
	var server func() (*client.Client, error)
	var sender string
	cmd := &cobra.Command{Use: use, Short: short, Example: example, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		c, err := server()
		if err != nil {
			return err
		}
		return do(cmd, c, sender, args)
	}}
	server = open(cmd)
	cmd.Flags().StringVar(&sender, "sender", "", "the business of this number; otherwise of the first one that the key may send from")
	return cmd
}

// Command returns the commands. usage makes a wrong number of arguments a wrong use.
func Command(open Open, usage func(cobra.PositionalArgs) cobra.PositionalArgs) *cobra.Command {
	cmd := &cobra.Command{
		Use: "optouts", Short: "List who opted out, add and remove people, import and export the list", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		open.verb("list", "List who opted out", "  altavoz optouts list", usage(cobra.NoArgs), list),
		open.verb("export", "Write the whole list as CSV", "  altavoz optouts export > optouts.csv", usage(cobra.NoArgs), export),
		open.verb("show PHONE", "Say whether a person opted out", "  altavoz optouts show '+57 300 123 4567'", usage(cobra.ExactArgs(1)), show((*client.Client).OptOut)),
		open.verb("remove PHONE", "Have a person take part in broadcasts again", "  altavoz optouts remove 573001234567", usage(cobra.ExactArgs(1)), show((*client.Client).RemoveOptOut)),
		open.verb("add PHONE...", "Have people opt out", "  altavoz optouts add 573001234567", usage(cobra.MinimumNArgs(1)), add),
		open.verb("import FILE", "Have everybody of a list opt out: a phone a line, or the first column of a CSV; - is standard input",
			"  altavoz optouts import optouts.csv", usage(cobra.ExactArgs(1)), load),
	)
	return cmd
}

// pages calls each for every person, in order.
func pages(cmd *cobra.Command, c *client.Client, sender string, each func(client.OptOut) error) error {
	for cursor := ""; ; {
		p, err := c.OptOuts(cmd.Context(), sender, cursor, pageSize)
		if err != nil {
			return err
		}
		for _, o := range p.OptOuts {
			if err := each(o); err != nil {
				return err
			}
		}
		if cursor = p.NextCursor; cursor == "" {
			return nil
		}
	}
}

func inJSON(cmd *cobra.Command) bool {
	form, err := cmd.Flags().GetString("output")
	return err == nil && form == "json"
}

func list(cmd *cobra.Command, c *client.Client, sender string, _ []string) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	line(w, "PHONE\tOPTED OUT\tSINCE\tSOURCE")
	if inJSON(cmd) {
		return pages(cmd, c, sender, func(o client.OptOut) error { line(cmd.OutOrStdout(), "%s", shown.JSON(o.JSON)); return nil })
	}
	n := 0
	err := pages(cmd, c, sender, func(o client.OptOut) error { n++; row(w, &o); return nil })
	if err != nil {
		return err
	}
	if n == 0 {
		line(cmd.ErrOrStderr(), "nobody has opted out")
		return nil
	}
	return w.Flush()
}

func row(w io.Writer, o *client.OptOut) {
	line(w, "%s\t%v\t%s\t%s", shown.Line(o.Phone), o.OptedOut, shown.Line(o.Since), shown.Line(o.Source))
}

func export(cmd *cobra.Command, c *client.Client, sender string, _ []string) error {
	w := csv.NewWriter(cmd.OutOrStdout())
	if err := w.Write([]string{"phone", "opted_out", "since", "source"}); err != nil {
		return err
	}
	err := pages(cmd, c, sender, func(o client.OptOut) error {
		return w.Write([]string{shown.Line(o.Phone), strconv.FormatBool(o.OptedOut), shown.Line(o.Since), shown.Line(o.Source)})
	})
	if err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

func show(ask func(*client.Client, context.Context, string, string) (*client.OptOut, error)) func(*cobra.Command, *client.Client, string, []string) error {
	return func(cmd *cobra.Command, c *client.Client, sender string, args []string) error {
		o, err := ask(c, cmd.Context(), sender, args[0])
		switch {
		case err != nil:
			return err
		case inJSON(cmd):
			line(cmd.OutOrStdout(), "%s", shown.JSON(o.JSON))
			return nil
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		line(w, "PHONE\tOPTED OUT\tSINCE\tSOURCE")
		row(w, o)
		return w.Flush()
	}
}

// tally is what became of a list.
type tally struct{ added, known, invalid int }

func (t *tally) add(cmd *cobra.Command, c *client.Client, sender string, phones []string, first int) error {
	if len(phones) == 0 {
		return nil
	}
	a, err := c.AddOptOuts(cmd.Context(), sender, phones)
	if err != nil {
		return err
	}
	t.added, t.known, t.invalid = t.added+*a.Added, t.known+a.Known, t.invalid+len(phones)-*a.Added-a.Known
	for _, i := range a.Invalid {
		line(cmd.ErrOrStderr(), "entry %d: %s", first+i.Index+1, shown.Line(i.Error))
	}
	return nil
}

func (t *tally) say(cmd *cobra.Command) {
	line(cmd.OutOrStdout(), "%d added, %d had opted out before, %d are no phones", t.added, t.known, t.invalid)
}

func add(cmd *cobra.Command, c *client.Client, sender string, args []string) error {
	var t tally
	for first := 0; first < len(args); first += client.MaxOptOuts {
		if err := t.add(cmd, c, sender, args[first:min(first+client.MaxOptOuts, len(args))], first); err != nil {
			return err
		}
	}
	t.say(cmd)
	return nil
}

// load adds a list, a part at a time.
func load(cmd *cobra.Command, c *client.Client, sender string, args []string) error {
	in := cmd.InOrStdin()
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	var t tally
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	part, first := make([]string, 0, client.MaxOptOuts), 0
	for lines.Scan() {
		phone := strings.Trim(strings.TrimSpace(firstColumn(lines.Text())), `"`+"\ufeff")
		if phone == "" || first+len(part) == 0 && strings.EqualFold(phone, "phone") { // what export wrote begins so
			continue
		}
		if part = append(part, phone); len(part) == client.MaxOptOuts {
			if err := t.add(cmd, c, sender, part, first); err != nil {
				return err
			}
			first, part = first+len(part), part[:0]
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", args[0], err)
	}
	if err := t.add(cmd, c, sender, part, first); err != nil {
		return err
	}
	t.say(cmd)
	return nil
}

func firstColumn(text string) string {
	if i := strings.IndexAny(text, ",;\t"); i >= 0 {
		return text[:i]
	}
	return text
}

func line(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a terminal that is gone can't be told
}
