package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/schemas/request"
)

func upCommand() *cobra.Command {
	var anyEndings bool
	var faults []string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process; what is not configured is embedded",
		Long: "Runs every role in one process. Where no Kafka is configured it brings one along, with its log in ALTAVOZ_DATA_DIR: a restart\n" +
			"goes on where it was. Where no WhatsApp number is configured it sends to a simulator of the Cloud API. `altavoz config`\n" +
			"shows the settings.",
		Example: "  altavoz up --faults 'taps=30% stops=2%'   # people answer by themselves",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			cfg.Embedded.AnyEndings = cfg.Embedded.AnyEndings || anyEndings
			cfg.Embedded.Faults = strings.Join(append(faults, cfg.Embedded.Faults), ";") // of two rules that say the same the first counts
			return runProcess(cmd, cfg, func(a *app.App) { greet(cmd, cfg, a) })
		},
	}
	cmd.Flags().BoolVar(&anyEndings, "any-endings", false, "the simulator's endings that fail on purpose hold for any phone, not only 57399...")
	cmd.Flags().StringArrayVar(&faults, "faults", nil, "rules of the simulator, as altavoz simulate has them: 'taps=30% stops=2%'")
	return cmd
}

// greet says in three lines what to try. The phones it names are nobody's (57399...), and where messages are sent for real it names none:
// what stands there is pasted.
func greet(cmd *cobra.Command, cfg *app.Config, a *app.App) {
	phones := []string{"YOUR-OWN-PHONE"}
	where := "sends for real, through " + cfg.WhatsApp.BaseURL
	if !cfg.WhatsApp.Meta() {
		where += ", which is not Meta: a gateway, or a simulator"
	}
	if url := a.SimulatorURL(); url != "" {
		where, phones = "sends to a simulator ("+url+"): simulated, nothing leaves this machine", []string{"573991234567", "573997654321"}
	}
	send := self() + " send --body 'Hola' --phones " + strings.Join(phones, ",")
	if def := app.Default(); a.URL() != def.Client.URL {
		send += " --url " + a.URL()
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "altavoz answers on %s and %s\ntry: %s\n or: curl -s %s%s -d '%s'\n", a.URL(), where, send,
		a.URL(), request.PathSend, `{"phones":["`+phones[0]+`"],"body_text":"Hola"}`)
}

// self returns how this program was called, for a person to call it again.
func self() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/altavoz"
	}
	return "altavoz"
}
