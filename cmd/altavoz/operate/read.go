package operate

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/schemas/shown"
)

// Read shows the records of a topic.
func (t Tools) Read() *cobra.Command {
	var follow, phones bool
	cmd := &cobra.Command{
		Use:   "read TOPIC",
		Short: "Print the records of a topic, a line of JSON each: " + operator.Readable(),
		Args:  t.Usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cluster, err := app.LoadCluster(t.Log(cmd))
			if err != nil {
				return err
			}
			return operator.Read(cmd.Context(), cluster, args[0], follow, phones, func(r operator.Shown) error {
				line, err := json.Marshal(r)
				if err == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", shown.JSON(line))
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "and then what comes, until it is interrupted")
	cmd.Flags().BoolVar(&phones, "phones", false, "phones as they are; otherwise they are masked")
	return cmd
}
