package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"altavoz/app"
	"altavoz/cmd/altavoz/templates"
	"altavoz/schemas/content"
	"altavoz/schemas/shown"
)

// askFrom is how many recipients are not sent to before a person has said so: a wrong column or file is an expensive mistake then.
const askFrom = 1000

// region is the country of phones without a country code, for what is told of a list: the server has the last word.
func region() string {
	if cfg, err := app.Load(); err == nil {
		return cfg.WhatsApp.DefaultRegion
	}
	return app.Default().WhatsApp.DefaultRegion
}

// understand says what is in the list before anything is sent, and asks where that is a lot.
func (b *broadcastFlags) understand(cmd *cobra.Command) error {
	if err := b.doubts(cmd); err != nil {
		return err
	}
	n := len(b.phones.Inline)
	if b.phones.Path != "" && b.phones.Only == "" {
		b.phones.Region = region()
		if err := b.phones.Keep(); err != nil {
			return err
		}
		s, err := b.phones.Summary()
		if err != nil {
			return err
		}
		say(cmd.ErrOrStderr(), "altavoz: %s: %s", shown.Line(b.phones.Name()), shown.Line(s.String()))
		for _, e := range s.Examples {
			say(cmd.ErrOrStderr(), "altavoz:   %s", shown.Line(e))
		}
		if s.Phones == 0 {
			return &exit{
				err: fmt.Errorf("%s: none of its %d entries is a phone: nothing was sent", b.phones.Name(), s.Entries()), code: exitSomeFailed,
				hint: "another column can be named with --column; phones without a country code are taken for " + b.phones.Region,
			}
		}
		n += s.Entries()
	}
	if n < askFrom || b.phones.Only != "" {
		return nil
	}
	return b.ask(cmd, fmt.Sprintf("a broadcast to %d phones", n))
}

// doubts asks about what a program may have forgotten to fill in. What it certainly forgot is the server's to refuse.
func (b *broadcastFlags) doubts(cmd *cobra.Command) error {
	if doubts := content.Doubts(templates.Content(&b.draft)); len(doubts) > 0 && !b.draft.Literal {
		for _, doubt := range doubts {
			say(cmd.ErrOrStderr(), "altavoz: warning: %s", doubt.Spanish())
		}
		return b.ask(cmd, "what may be a placeholder that nobody filled in")
	}
	return nil
}

// ask lets a person decide. Nobody to ask is a no, unless --yes said so beforehand.
func (b *broadcastFlags) ask(cmd *cobra.Command, what string) error {
	if b.yes {
		return nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &exit{err: fmt.Errorf("%s, and nobody to ask", what), code: exitUsage, hint: "--yes sends without asking"}
	}
	say(cmd.ErrOrStderr(), "altavoz: %s: send it? [y/N]", what)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "s", "si", "sí":
		return nil
	}
	return &exit{err: errors.New("not sent"), code: exitUsage}
}
