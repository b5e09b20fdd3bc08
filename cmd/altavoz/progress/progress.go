// Package progress shows how far a broadcast is: while a command follows it, and all that is known of it.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"altavoz/client"
	"altavoz/schemas/shown"
)

const (
	lineEvery = 5 * time.Second // where nobody looks at it live
	// rateOver is how far back the rate looks: long enough to be steady, short enough to be true.
	rateOver     = 10 * time.Second
	defaultWidth = 80
)

// Line tells how far a broadcast is: one line that changes on a terminal, a line now and then elsewhere.
type Line struct {
	w     io.Writer
	tty   *os.File // nil: not a terminal
	quiet bool

	last    time.Time // when a line was told, where nobody looks live
	text    string
	samples []sample
}

type sample struct {
	at      time.Time
	decided uint32
}

// New returns a line on w, which tty is where w is a terminal. One that is quiet shows nothing.
func New(w io.Writer, tty *os.File, quiet bool) *Line { return &Line{w: w, tty: tty, quiet: quiet} }

// Observer returns what tells p of a broadcast under way.
func (p *Line) Observer() client.Observer {
	return client.Observer{
		Uploading: p.uploading, Answered: func(a *client.Answer) { p.Warn(a.Warnings) }, Status: func(s *client.Task) { p.at(s, time.Now()) },
	}
}

// Warn tells what was accepted and may be a mistake, also where p is quiet.
func (p *Line) Warn(warnings []string) {
	if len(warnings) > 0 {
		p.End()
	}
	for _, w := range warnings {
		_, _ = fmt.Fprintf(p.w, "altavoz: warning: %s\n", shown.Text(w))
	}
}

// uploading tells how much of the request is sent.
func (p *Line) uploading(bytes int64) {
	p.show(fmt.Sprintf("sending the request: %.1f MB", float64(bytes)/1e6))
}

// at tells how far the task is.
func (p *Line) at(s *client.Task, now time.Time) { p.show(p.line(s, now)) }

func (p *Line) line(s *client.Task, now time.Time) string {
	r := s.Result
	if r == nil {
		if s.ETA != "" {
			return "waiting until " + s.ETA
		}
		return "accepted, not begun yet"
	}
	text := fmt.Sprintf("sent %d  failed %d  unknown %d  of %d", r.Successful, r.Failed-min(r.Failed, r.Unknown), r.Unknown, r.Total)
	decided := r.Total - min(r.Total, r.Pending)
	rate := p.rate(decided, now)
	if rate > 0 {
		text += fmt.Sprintf("  %.0f/s", rate)
	}
	if rate > 0 && r.Pending > 0 && s.Status != "PAUSED" {
		text += "  " + roughly(time.Duration(float64(r.Pending)/rate*float64(time.Second))) + " left"
	}
	switch {
	case s.Status == "PAUSED":
		text += "  paused: " + s.Why
	case s.Why != "" && !s.Over():
		text += "  waiting: " + s.Why
	}
	return text
}

// rate is how many recipients were decided a second, lately.
func (p *Line) rate(decided uint32, now time.Time) float64 {
	p.samples = append(p.samples, sample{now, decided})
	for len(p.samples) > 2 && now.Sub(p.samples[0].at) > rateOver {
		p.samples = p.samples[1:]
	}
	first := p.samples[0]
	took := now.Sub(first.at).Seconds()
	if took <= 0 || decided <= first.decided {
		return 0
	}
	return float64(decided-first.decided) / took
}

// roughly writes a time as a person says it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

func (p *Line) show(text string) {
	text = strings.ReplaceAll(shown.Text(text), "\n", " ")
	switch {
	case p.quiet || text == p.text:
		return
	case p.tty != nil:
		width, _, err := term.GetSize(int(p.tty.Fd()))
		if err != nil || width <= 0 {
			width = defaultWidth
		}
		if utf8.RuneCountInString(text) >= width {
			text = string([]rune(text)[:width-1])
		}
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", text)
	case time.Since(p.last) < lineEvery:
		return
	default:
		p.last = time.Now()
		_, _ = fmt.Fprintln(p.w, text)
	}
	p.text = text
}

// End leaves the terminal as it was.
func (p *Line) End() {
	if p.tty != nil && p.text != "" {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.text = ""
}
