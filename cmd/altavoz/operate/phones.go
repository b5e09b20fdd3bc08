package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/schemas"
	"altavoz/schemas/shown"
)

// Phones says what is kept of a phone; with it are more commands about one.
func (t Tools) Phones(more ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "phones",
		Short: "List what a phone got, export what is kept of it, and say when it is gone",
		Args:  t.Usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(append(more, t.export(), t.erase())...)
	return cmd
}

// asked is a phone that somebody asks about, and how Kafka is reached.
type asked struct {
	phone   schemas.Phone
	region  string
	cluster operator.Cluster
}

func (t Tools) asked(cmd *cobra.Command, phone string) (a asked, err error) {
	cfg, err := app.Load()
	if err != nil {
		return a, err
	}
	a.region = cfg.WhatsApp.DefaultRegion
	if a.phone, err = schemas.ParsePhone(phone, a.region); err != nil {
		return a, t.WrongUse(cmd, err)
	}
	a.cluster, err = cfg.Cluster(t.Log(cmd))
	return a, err
}

func (t Tools) export() *cobra.Command {
	return &cobra.Command{
		Use:   "export PHONE",
		Short: "Print every record in which the phone stands, a line of JSON each, with until when it is kept",
		Args:  t.Usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := t.asked(cmd, args[0])
			if err != nil {
				return err
			}
			n, last := 0, time.Time{}
			err = operator.Traces(cmd.Context(), a.cluster, a.phone, a.region, func(found operator.Trace) error {
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
				t.Say(cmd.ErrOrStderr(), "%d records hold %s", n, a.phone)
			}
			if err == nil && n > 0 {
				t.Say(cmd.ErrOrStderr(), "those that go by a time are gone by %s; `altavoz phones erase` says it by topic", last.Format(time.DateOnly))
			}
			return err
		},
	}
}

// errRemains says that something is kept of a phone.
var errRemains = errors.New("something remains of the phone: Kafka can't take one record out of a log, it goes by retention")

func (t Tools) erase() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "erase PHONE",
		Short: "Say what remains of a phone, where, and when the last of it is gone",
		Long: "Says what remains of a phone, where, and when the last of it is gone: as the topics are set now, at the latest.\n\n" +
			"It takes out nothing, since that can't be done: logs are append-only, lists hold many people, and what keeps anybody from being\n" +
			"sent to twice must not change under a task. It stops nothing either. Redis, metrics and the log hold no phones.\n\n" +
			"The exit code is 0 where nothing remains, and 5 where something does.",
		Args: t.Usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := t.asked(cmd, args[0])
			if err != nil {
				return err
			}
			left, err := operator.Remaining(cmd.Context(), a.cluster, a.phone, a.region, time.Now())
			if err != nil {
				return err
			}
			if asJSON {
				line, err := json.Marshal(left)
				if err != nil {
					return fmt.Errorf("writing what remains: %w", err)
				}
				t.Say(cmd.OutOrStdout(), "%s", shown.JSON(line))
			} else {
				t.remains(cmd.OutOrStdout(), a.phone, left)
			}
			if len(left.Topics) > 0 {
				return t.Remains(errRemains)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one line of JSON")
	return cmd
}

// remains says it to a person.
func (t Tools) remains(w io.Writer, phone schemas.Phone, left operator.Remains) {
	if len(left.Topics) == 0 {
		t.Say(w, "nothing is kept of %s", phone)
		return
	}
	t.Say(w, "%-24s %8s  %-20s  %s", "topic", "records", "last written", "all of them gone by")
	for _, r := range left.Topics {
		by := "no time: the topic keeps its records for ever"
		if r.GoneBy != nil {
			by = r.GoneBy.UTC().Format(time.RFC3339)
		}
		if r.GoneBy != nil && r.Compacted {
			by += ", when Kafka compacts the topic then"
		}
		t.Say(w, "%-24s %8d  %-20s  %s", shown.Line(r.Topic), r.Records, r.Last.UTC().Format(time.RFC3339), by)
	}
	t.Say(w, "")
	t.Say(w, "redis, metrics and the log hold no phones: nothing was to be erased there. Nothing was cancelled.")
	for _, task := range left.Tasks {
		t.Say(w, "may still write to %s: task %s; `altavoz tasks show %s` says whether it is over, `altavoz tasks cancel %s` stops it for everybody", phone, task, task, task)
	}
}
