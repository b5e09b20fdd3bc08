// Package numbers prints sender numbers.
package numbers

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"altavoz/client"
	"altavoz/schemas/shown"
)

// Print writes them as a table, or as they came.
func Print(out io.Writer, all []client.Sender, inJSON bool) error {
	if inJSON {
		for _, s := range all {
			line(out, "%s", shown.JSON(s.JSON))
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line(w, "SENDER\tNAME\tDEFAULT\tSTATE\tRATE\tNOW\tSINCE\tUNTIL\tQUALITY\tSERVICE\tBILLED\tWHY")
	for _, s := range all {
		rate, now, service, billed := "", "", "", ""
		if s.Rate != nil {
			rate, now = fmt.Sprintf("%.4g", s.Rate.Configured), fmt.Sprintf("%.4g", s.Rate.Now)
		}
		if m := s.Month; m != nil {
			n := uint32(0)
			for _, p := range m.Priced {
				if p.Billable {
					n += p.Messages
				}
			}
			service, billed = fmt.Sprint(m.Service), fmt.Sprint(n)
		}
		line(w, "%s\t%s\t%v\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", shown.Line(s.ID), shown.Line(s.Name), s.Default, shown.Line(s.State), rate, now,
			shown.Line(s.Since), shown.Line(s.Until), shown.Line(s.Quality), service, billed, shown.Line(strings.Join(strings.Fields(s.Why), " ")))
	}
	return w.Flush()
}

func line(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a terminal that is gone can't be told
}
