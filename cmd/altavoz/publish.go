package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"altavoz/app"
)

// kafkaPatience is how long a command waits for Kafka.
const kafkaPatience = 15 * time.Second

func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, kafkaPatience, errors.New("Kafka did not answer in "+kafkaPatience.String()))
}

func publishCommand() *cobra.Command {
	var broadcast broadcastFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "publish (--body TEXT | --template NAME) (--phones LIST | --csv FILE)",
		Short: "Put a broadcast straight on Kafka, as an upstream system does",
		Long: "Writes a broadcast to the topic broadcasts, and long lists and files to blobs, and prints the task id. Nobody has to run for it\n" +
			"but Kafka: ALTAVOZ_KAFKA_BROKERS, or the embedded one of a process on this machine.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer func() { _ = broadcast.phones.Close() }() // a temporary file that nobody else knows
			if err := broadcast.read(cmd); err != nil {
				return err
			}
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			receipt, err := app.Publish(cmd.Context(), cfg, quietLog(cmd), broadcast.write)
			if err != nil {
				return err
			}
			newProgress(cmd, asJSON).Warn(receipt.Warnings)
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"task_id": receipt.Task.String(), "total": receipt.Total,
					"partition": receipt.Origin.GetPartition(), "offset": receipt.Origin.GetOffset(),
				})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), receipt.Task)
			return err
		},
	}
	broadcast.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was published as one line of JSON")
	return cmd
}

// quietLog is the log of a command: what it has to say itself, it says itself.
func quietLog(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
}
