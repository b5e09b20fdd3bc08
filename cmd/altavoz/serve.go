package main

import (
	"github.com/spf13/cobra"

	"altavoz/app"
)

func serveCommand() *cobra.Command {
	var roles string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run some roles, or all, on a Kafka of your own",
		Long: "Runs the roles given on the Kafka and the WhatsApp number that are configured; Redis is used if it is configured. Any number\n" +
			"of processes may run any of the roles. `altavoz config` shows the settings.",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("roles") {
				if err := cfg.Process.Roles.UnmarshalText([]byte(roles)); err != nil {
					return &exit{err: err, code: exitUsage, hint: app.Hint(err)}
				}
			}
			if err := cfg.NeedsReal(); err != nil {
				return err
			}
			return runProcess(cmd, cfg, func(*app.App) {})
		},
	}
	cmd.Flags().StringVar(&roles, "roles", "all", "all, or some of "+app.AllRoles().String()+" (instead of ALTAVOZ_ROLES)")
	return cmd
}
