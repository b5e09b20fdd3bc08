// Package dryrun prints what a broadcast would do.
package dryrun

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"altavoz/client"
	"altavoz/schemas/shown"
)

// Print writes it for people.
func Print(out io.Writer, d *client.DryRun) {
	r := &d.Recipients
	line(out, "a dry run: nothing was sent")
	if d.TaskID != "" {
		line(out, "the request is the task %s already, which would be answered again: nothing would be sent", shown.Line(d.TaskID))
	}
	line(out, "%d in all, %d would be sent to, %d not a phone, %d twice", r.Total, r.Pending, r.Invalid, r.Repeated)
	for i := range r.Rows {
		line(out, "  recipient %d, %s: %s: %s", r.Rows[i].Index, shown.Line(r.Rows[i].Phone), shown.Line(r.Rows[i].Outcome), shown.Line(r.Rows[i].Reason))
	}
	if r.OptedOut > 0 {
		line(out, "%d opted out", r.OptedOut)
	}
	if more := r.Invalid + r.Repeated + r.OptedOut - min(uint32(len(r.Rows)), r.Invalid+r.Repeated+r.OptedOut); more > 0 {
		line(out, "  and %d more", more)
	}
	number(out, d.Sender)
	if d.File != nil {
		line(out, "file: %s", file(d.File))
	}
	line(out, "%s", sending(&d.Sending))
	for _, text := range d.Sending.Assumptions {
		line(out, "  assumed: %s", shown.Line(text))
	}
	cost(out, d.Cost)
	for _, text := range d.Warnings {
		line(out, "warning: %s", shown.Line(text))
	}
	if call := new(bytes.Buffer); len(d.Call) > 0 && json.Indent(call, d.Call, "", "  ") == nil {
		line(out, "the call to the Cloud API for the first, POST .../%s:\n%s", cmp.Or(shown.Line(d.CallPath), "messages"), shown.Text(call.String()))
	}
}

// Whole reports whether everybody on the list would get the message, as far as that is known.
func Whole(d *client.DryRun) bool {
	return d.Recipients.Pending == d.Recipients.Total && d.Sending.Expired == 0 && (d.File == nil || d.File.Verdict != "refused")
}

func number(out io.Writer, s *client.Sender) {
	if s == nil {
		line(out, "sender: the server does not know which number sends it")
		return
	}
	parts := []string{shown.Line(s.ID)}
	if s.Name != "" {
		parts = append(parts, "("+shown.Line(s.Name)+")")
	}
	parts = append(parts, shown.Line(s.State))
	if s.Why != "" {
		parts = append(parts, "("+shown.Line(s.Why)+")")
	}
	line(out, "sender: %s", strings.Join(parts, " "))
}

func file(f *client.DryRunFile) string {
	parts := []string{shown.Line(f.Verdict)}
	if f.MIMEType != "" {
		parts = append(parts, shown.Line(f.MIMEType), fmt.Sprintf("%d bytes", f.Size))
	}
	for _, text := range []string{f.Filename, f.Why} {
		if text != "" {
			parts = append(parts, shown.Line(text))
		}
	}
	return strings.Join(parts, ", ")
}

func sending(s *client.Sending) string {
	text := "it would begin at " + shown.Line(s.StartsAt)
	if s.EndsAt == "" {
		return text + "; how long it takes is not known"
	}
	took := time.Duration(s.Seconds * float64(time.Second)).Round(time.Millisecond)
	text += fmt.Sprintf(" and end at %s: %s of sending at %.4g a second", shown.Line(s.EndsAt), took, s.Rate)
	if s.Expired > 0 {
		text += fmt.Sprintf("; for %d the time would be over", s.Expired)
	}
	return text
}

func cost(out io.Writer, c *client.DryRunCost) {
	if c == nil {
		return
	}
	sum := shown.Line(c.Most)
	if c.Least != c.Most {
		sum = shown.Line(c.Least) + " to " + sum
	}
	line(out, "cost: %s %s, as %s", sum, shown.Line(c.Currency), shown.Line(c.Category))
	for _, at := range c.Countries {
		line(out, "  %s: %d at %s, %s", cmp.Or(shown.Line(at.Country), "no country"), at.Messages, shown.Line(at.Price), shown.Line(at.Cost))
	}
	if c.Unpriced > 0 {
		line(out, "  %d to countries without a price", c.Unpriced)
	}
	for _, text := range c.Assumptions {
		line(out, "  assumed: %s", shown.Line(text))
	}
}

func line(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a terminal that is gone can't be told
}
