package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/schemas"
)

func sendCommand() *cobra.Command {
	var broadcast broadcastFlags
	var server serverFlags
	var detach bool
	cmd := &cobra.Command{
		Use:   "send --body TEXT (--phones LIST | --csv FILE)",
		Short: "Send a message to many phones and follow it",
		Long: "Posts a broadcast to a running altavoz and shows how far it is. Lists and files are read as they are sent, whatever their size.\n" +
			"The exit code is 3 if some phones were not reached.",
		Example: "  altavoz send --body 'Hola' --phones 573001234567,573007654321\n" +
			"  altavoz send --body 'Promo' --csv list.csv --column phone --header image=promo.png --button 'Ver más=https://example.com'",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer func() { _ = broadcast.phones.Close() }() // a temporary file that nobody else knows
			if err := broadcast.read(cmd); err != nil {
				return err
			}
			return send(cmd, &broadcast, &server, detach)
		},
	}
	broadcast.add(cmd)
	server.add(cmd)
	cmd.Flags().BoolVar(&broadcast.draft.UseQueue, "queue", false, "let it wait its turn behind what is urgent")
	cmd.Flags().BoolVar(&detach, "detach", false, "print the task id once it is accepted, and don't wait")
	return cmd
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
		if _, err := c.Send(ctx, b.write, b.phones.Rewindable()); err != nil {
			return told(ctx, err, task)
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), task)
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
