package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/app"
)

func configCommand() *cobra.Command {
	var asJSON bool
	def := app.Default()
	var help strings.Builder
	help.WriteString("Prints the settings in force, secrets masked. They are read from the environment; a secret X may stand in a file named by X_FILE.\n\n")
	for _, s := range def.Settings() {
		fmt.Fprintf(&help, "  %-36s %s", s.Name, s.Help)
		if s.Value != "" {
			fmt.Fprintf(&help, " (%s)", s.Value)
		}
		help.WriteByte('\n')
	}
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the settings in force, secrets masked",
		Long:  strings.TrimSpace(help.String()),
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			settings := cfg.Settings()
			if asJSON {
				values := make(map[string]string, len(settings))
				for _, s := range settings {
					values[s.Name] = s.Value
				}
				return json.NewEncoder(cmd.OutOrStdout()).Encode(values)
			}
			for _, s := range settings {
				line := s.Name + "=" + s.Value
				if s.Default {
					line = fmt.Sprintf("%-52s # default", line)
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), clean(line)); err != nil {
					return err
				}
			}
			return cfg.Validate()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}
