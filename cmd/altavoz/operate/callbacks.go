package operate

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/schemas/shown"
)

// Callbacks lists the endpoints of callbacks.
func (t Tools) Callbacks() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "callbacks",
		Short: "List the endpoints of callbacks that fail or are switched off, and how many events wait",
		Args:  t.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := app.LoadCluster(t.Log(cmd))
			if err != nil {
				return err
			}
			all, err := operator.Callbacks(cmd.Context(), cluster)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			for _, e := range all {
				if !asJSON {
					t.Say(out, "%s", e)
					continue
				}
				line, err := json.Marshal(e)
				if err == nil {
					_, err = fmt.Fprintf(out, "%s\n", shown.JSON(line))
				}
				if err != nil {
					return err
				}
			}
			if len(all) == 0 && !asJSON {
				_, err = fmt.Fprintln(cmd.ErrOrStderr(), "no endpoint fails, and nothing waits")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "a line of JSON each")
	return cmd
}
