// Package history prints what a phone got lately.
package history

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"altavoz/client"
	"altavoz/schemas/shown"
)

// Print writes the sends as a table to out, and from when on these are all to talk.
func Print(out, talk io.Writer, h *client.History) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(h.Sends) > 0 {
		line(w, "DISPATCHED\tTASK\tINDEX\tPHONE\tSENDER\tOUTCOME\tCODE\tREASON")
	}
	for i := range h.Sends {
		s, code := &h.Sends[i], ""
		if s.Code != 0 {
			code = strconv.Itoa(s.Code)
		}
		line(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s", shown.Line(s.DispatchedAt), shown.Line(s.TaskID), s.Index, shown.Line(s.Phone), shown.Line(s.Sender),
			shown.Line(s.Outcome), code, shown.Line(s.Reason))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case h.StoppedBy != "":
		line(talk, "these are all since %s: there may be earlier ones (stopped by %s)", shown.Line(h.Since), shown.Line(h.StoppedBy))
	case len(h.Sends) == 0:
		line(talk, "nothing was sent to it since %s", shown.Line(h.Since))
	default:
		line(talk, "these are all since %s", shown.Line(h.Since))
	}
	return nil
}

func line(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a terminal that is gone can't be told
}
