package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/schemas"
)

func simulateCommand() *cobra.Command {
	var c app.SimulatorConfig
	var token string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run the simulator of WhatsApp's Cloud API alone",
		Long: "Runs a Cloud API that sends nothing, for ALTAVOZ_WHATSAPP_BASE_URL. It checks every request strictly, and remembers what each\n" +
			"phone received:\n\n" +
			"  GET  /_simulator/summary           everything in numbers\n" +
			"  GET  /_simulator/ledger?phone=...  what a phone received\n" +
			"  POST /_simulator/faults            new faults, one rule a line; GET shows them\n\n" +
			"The README lists the endings of phones that fail on purpose, and the words of fault rules.",
		Example: "  altavoz simulate --faults 'latency=100ms..300ms' --faults '131000=2% drop_after=1%'",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("addr") {
				c.Addr = cfg.Embedded.SimulatorAddr
			}
			c.Token = schemas.Secret(token)
			_, people := terminal(cmd.ErrOrStderr())
			return app.Simulate(cmd.Context(), c, app.NewLogger(cfg.Process, cmd.ErrOrStderr(), people), func(url string) {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "the simulator answers on %s: set ALTAVOZ_WHATSAPP_BASE_URL=%s\n", url, url)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Addr, "addr", app.Default().Embedded.SimulatorAddr, "where it listens")
	f.StringArrayVar(&c.Faults, "faults", nil, "a rule; may be given again")
	f.Uint64Var(&c.Seed, "seed", 0, "decides ids, and which requests the faults hit")
	f.BoolVar(&c.PlainPhones, "plain-phones", false, "no endings that fail on purpose")
	f.StringVar(&c.Number, "number", "", "the only phone number id that exists (any)")
	f.StringVar(&token, "token", "", "the only token that it takes (any)")
	return cmd
}
