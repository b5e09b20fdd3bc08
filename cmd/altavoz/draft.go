package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/cmd/altavoz/phones"
	"altavoz/cmd/altavoz/shape"
	"altavoz/cmd/altavoz/templates"
	"altavoz/schemas"
)

var headerKinds = []string{"text", "image", "video", "document"}

// broadcastFlags are the flags that describe a broadcast, of send and of publish.
type broadcastFlags struct {
	phones   phones.List
	draft    client.Draft
	shape    shape.Flags
	template templates.Flags
	header   string
	schedule string
	expire   string
	window   string
	file     string // of the header
	yes      bool   // nobody is asked
}

func (b *broadcastFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.draft.BodyText, "body", "", "the text")
	f.StringSliceVar(&b.phones.Inline, "phones", nil, "who gets it, separated by commas")
	f.StringVar(&b.phones.Path, "csv", "", "a file with a phone a line, or a table; - is standard input")
	f.StringVar(&b.phones.Column, "column", "", "the table's column with the phones, by its name or its number (found out)")
	f.BoolVar(&b.draft.Literal, "literal", false, "what looks like a placeholder, as {{1}} or {name}, is meant as text")
	f.BoolVar(&b.yes, "yes", false, "don't ask, as is done from 1,000 phones on")
	f.StringVar(&b.header, "header", "", "text=TEXT, or image=, video= or document= and a FILE or URL")
	f.StringVar(&b.draft.FooterText, "footer", "", "small text below")
	b.shape.Add(cmd)
	b.template.Add(cmd)
	f.StringVar(&b.draft.Sender, "sender", "", "the phone number id to send from (the server's first)")
	f.StringVar(&b.schedule, "schedule-at", "", "when to begin, as 2026-01-31T09:00:00-05:00")
	f.StringVar(&b.expire, "expire-at", "", "when to give up, written like that")
	f.StringVar(&b.window, "window", "", "hours in which to send: ley-2300 (advertising in Colombia), or the JSON of the request")
	f.Uint32Var(&b.draft.Speed, "speed", 0, "most messages a second (as fast as the number goes)")
	f.StringVar(&b.draft.Reference, "reference", "", "what you call it, at most 128 bytes: answers and events have it")
	f.StringVar(&b.draft.CallbackURL, "callback-url", "", "where what happens to it is posted, signed")
	f.StringVar(&b.draft.Events, "events", "", "what the topic events has of it: task, or recipients (what became of each as well)")
	f.StringVar(&b.draft.OnUnknown, "on-unknown", "", "report, or resend (which may reach a person twice), what a crash left open")
}

// read makes the draft of the flags.
func (b *broadcastFlags) read(cmd *cobra.Command) error {
	b.phones.In = cmd.InOrStdin()
	b.draft.TaskID = schemas.NewTaskID().String() // a repeat is then harmless
	if err := cmp.Or(b.template.Fill(cmd, &b.draft), b.shape.Fill(&b.draft)); err != nil {
		return wrongUse(cmd, err)
	}
	switch {
	case len(b.phones.Inline) == 0 && b.phones.Path == "" && b.phones.Only == "":
		return wrongUse(cmd, errors.New("nobody to send to: --phones or --csv is missing"))
	case b.phones.Column != "" && b.phones.Path == "":
		return wrongUse(cmd, errors.New("--column is about --csv"))
	}
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"schedule-at", b.schedule, &b.draft.ScheduleAt}, {"expire-at", b.expire, &b.draft.ExpireAt}} {
		if t.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			return wrongUse(cmd, fmt.Errorf("--%s %q is not like 2026-01-31T09:00:00-05:00", t.flag, t.text))
		}
		*t.into = at
	}
	if err := b.readWindow(); err != nil {
		return err
	}
	if err := b.readHeader(cmd); err != nil {
		return err
	}
	b.phones.Fill(&b.draft)
	return b.understand(cmd)
}

// readWindow takes what the field window of a request takes, a name without quotes.
func (b *broadcastFlags) readWindow() error {
	if b.window == "" {
		return nil
	}
	text := b.window
	if !strings.HasPrefix(text, "{") {
		text = strconv.Quote(text)
	}
	b.draft.Window = &schemas.Window{}
	if err := b.draft.Window.UnmarshalJSON([]byte(text)); err != nil {
		return &exit{
			err: fmt.Errorf("--window %q is neither a preset nor hours", b.window), code: exitUsage,
			hint: `ley-2300, or {"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}],"holidays":"CO"}`,
		}
	}
	return nil
}

func (b *broadcastFlags) readHeader(cmd *cobra.Command) error {
	if b.header == "" {
		return nil
	}
	kind, content, ok := strings.Cut(b.header, "=")
	if !ok || content == "" || !slices.Contains(headerKinds, kind) {
		return wrongUse(cmd, fmt.Errorf("--header %q is not one of %s= and what it is", b.header, strings.Join(headerKinds, "=, ")))
	}
	b.draft.HeaderType = kind
	if kind == "text" || strings.HasPrefix(content, "http://") || strings.HasPrefix(content, "https://") {
		b.draft.HeaderContent = content
		return nil
	}
	info, err := os.Stat(content)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", content)
	}
	if err != nil {
		return &exit{err: fmt.Errorf("--header: %w", err), code: exitUsage, hint: "a file that exists, or a URL with http:// or https://"}
	}
	b.file = content
	b.draft.FileName = filepath.Base(content)
	b.draft.FileType, _, _ = strings.Cut(mime.TypeByExtension(filepath.Ext(content)), ";")
	return nil
}

// write writes the body of the request, reading list and file as it goes. It fails, and leaves the JSON unfinished, where
// one of them can't be read to its end.
func (b *broadcastFlags) write(w io.Writer) error {
	if b.file != "" {
		f, err := os.Open(b.file)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		b.draft.File = f
	}
	if err := b.draft.WriteJSON(&untilBroken{w, &b.phones.Err}); b.phones.Err == nil {
		return err
	}
	return b.phones.Err // which is why the writing failed
}

// untilBroken writes nothing more once the error is there. A request is complete only with its last byte, so one whose list
// could not be read is never taken for a shorter one.
type untilBroken struct {
	w   io.Writer
	err *error
}

func (u *untilBroken) Write(p []byte) (int, error) {
	if *u.err != nil {
		return 0, *u.err
	}
	return u.w.Write(p)
}
