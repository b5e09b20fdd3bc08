package operate

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

// Phones says what is kept of a phone.
func (t Tools) Phones() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "phones",
		Short: "Export what is kept of a phone",
		Args:  t.Usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "export PHONE",
		Short: "Print every record in which the phone stands, a line of JSON each, with until when it is kept",
		Args:  t.Usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			phone, err := schemas.ParsePhone(args[0], cfg.WhatsApp.DefaultRegion)
			if err != nil {
				return t.WrongUse(cmd, err)
			}
			cluster, err := cfg.Cluster(t.Log(cmd))
			if err != nil {
				return err
			}
			n, last := 0, time.Time{}
			err = operator.Traces(cmd.Context(), cluster, phone, cfg.WhatsApp.DefaultRegion, func(found operator.Trace) error {
				n++
				if found.KeptUntil != nil && found.KeptUntil.After(last) {
					last = *found.KeptUntil
				}
				line, err := json.Marshal(found)
				if err == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", shown.JSON(line))
				}
				return err
			})
			if err == nil {
				t.Say(cmd.ErrOrStderr(), "%d records hold %s", n, phone)
			}
			if err == nil && n > 0 {
				t.Say(cmd.ErrOrStderr(), "those with a retention are gone by %s, those of statuses 35 days after their task's end", last.Format(time.DateOnly))
			}
			return err
		},
	})
	return cmd
}
