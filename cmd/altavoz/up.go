package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/app"
)

func upCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process; what is not configured is embedded",
		Long: "Runs every role in one process. Where no Kafka is configured it brings one along, with its log in ALTAVOZ_DATA_DIR: a restart\n" +
			"goes on where it was. Where no WhatsApp number is configured it sends to a simulator of the Cloud API. `altavoz config`\n" +
			"shows the settings.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			return runProcess(cmd, cfg, func(a *app.App) { greet(cmd, cfg, a) })
		},
	}
}

// greet says in three lines what to try.
func greet(cmd *cobra.Command, cfg *app.Config, a *app.App) {
	where := "sends for real, through " + cfg.WhatsApp.BaseURL
	if url := a.SimulatorURL(); url != "" {
		where = "sends to a simulator (" + url + "): nothing leaves this machine"
	}
	send := self() + " send --body 'Hola' --phones 573001234567,573007654321"
	if def := app.Default(); a.URL() != def.Client.URL {
		send += " --url " + a.URL()
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "altavoz answers on %s and %s\ntry: %s\n or: curl -s %s%s -d '%s'\n", a.URL(), where, send,
		a.URL(), app.PathSend, `{"phones":["573001234567"],"body_text":"Hola"}`)
}

// self returns how this program was called, for a person to call it again.
func self() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/altavoz"
	}
	return "altavoz"
}
