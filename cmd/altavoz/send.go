package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/cmd/altavoz/dryrun"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

func sendCommand() *cobra.Command {
	var broadcast broadcastFlags
	var server serverFlags
	var detach, dry bool
	var testTo string
	cmd := &cobra.Command{
		Use:   "send (--body TEXT | --template NAME) (--phones LIST | --csv FILE)",
		Short: "Send a message to many phones and follow it",
		Long: "Posts a broadcast to a running altavoz and shows how far it is. Lists and files are read as they are sent, whatever their size.\n" +
			"The exit code is 3 if some phones were not reached. With --dry-run nothing is sent: it shows what would happen, and the code is 3 if some\n" +
			"phones would not be reached. With --test-to the message goes to that phone alone, with the values of the list's first row.\n" +
			"What stands as {{name}} in a text is filled in from the table's column of that name.",
		Example: "  altavoz send --body 'Hola' --phones 573001234567,573007654321\n" +
			"  altavoz send --body 'Promo' --csv list.csv --column phone --header image=promo.png --button 'Ver más=https://example.com'\n" +
			"  altavoz send --body 'Hola {{nombre}}' --csv list.csv\n" +
			"  altavoz send --template aviso --language es_CO --template-value nombre='{{nombre}}' --header image=promo.png --template-url-suffix '0={{pedido}}' --csv list.csv\n" +
			"  altavoz send --body 'Promo' --csv list.csv --dry-run\n" +
			"  altavoz send --body 'Promo' --test-to 573001234567",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer func() { _ = broadcast.phones.Close() }() // a temporary file that nobody else knows
			if cmd.Flags().Changed("test-to") {
				if err := broadcast.only(cmd, testTo); err != nil {
					return err
				}
			}
			broadcast.yes = broadcast.yes || dry // there is nothing to ask about
			if err := broadcast.read(cmd); err != nil {
				return err
			}
			if dry {
				return dryRun(cmd, &broadcast, &server)
			}
			return send(cmd, &broadcast, &server, detach)
		},
	}
	broadcast.add(cmd)
	server.add(cmd)
	cmd.Flags().BoolVar(&broadcast.draft.UseQueue, "queue", false, "let it wait its turn behind what is urgent")
	cmd.Flags().BoolVar(&detach, "detach", false, "print the task id once it is accepted, and don't wait")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "send nothing, and show what would happen")
	cmd.Flags().StringVar(&testTo, "test-to", "", "send to this phone only, and not to the list")
	return cmd
}

// only puts one phone in the place of the list.
func (b *broadcastFlags) only(cmd *cobra.Command, phone string) error {
	if phone == "" {
		return wrongUse(cmd, errors.New("--test-to is empty"))
	}
	list := ""
	if len(b.phones.Inline) > 0 || b.phones.Path != "" {
		list = ", and not to the list"
	}
	say(cmd.ErrOrStderr(), "altavoz: a test: the message goes to %s only%s", shown.Line(phone), list)
	b.phones.Only = phone
	return nil
}

func dryRun(cmd *cobra.Command, b *broadcastFlags, server *serverFlags) error {
	c, ctx, cancel, err := server.client(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	d, err := c.DryRun(ctx, b.write, b.phones.Rewindable())
	if err != nil {
		return ended(ctx, err, "")
	}
	if server.json {
		sayJSON(cmd.OutOrStdout(), d.JSON)
	} else {
		dryrun.Print(cmd.OutOrStdout(), d)
	}
	if !dryrun.Whole(d) {
		return &exit{err: errors.New("some phones would not be reached"), code: exitSomeFailed, silent: true}
	}
	return nil
}

func send(cmd *cobra.Command, b *broadcastFlags, server *serverFlags, detach bool) error {
	c, ctx, cancel, err := server.client(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	task, err := schemas.ParseTaskID(b.draft.TaskID)
	if err != nil {
		return err
	}
	// A direct answer would come at the broadcast's end, for which detached nobody waits.
	b.draft.UseQueue = b.draft.UseQueue || detach
	if detach {
		a, err := c.Send(ctx, b.write, b.phones.Rewindable())
		if err != nil {
			return told(ctx, err, task)
		}
		newProgress(cmd, server.json).Warn(a.Warnings)
		_, err = fmt.Fprintln(cmd.OutOrStdout(), task)
		return err
	}
	p := newProgress(cmd, server.json)
	s, err := c.SendAndFollow(ctx, task, b.write, b.phones.Rewindable(), p.Observer())
	p.End()
	if err != nil {
		return told(ctx, err, task)
	}
	return result(cmd, s, server.json)
}
