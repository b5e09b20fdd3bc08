// Package shape is the flags of what recipients tap.
package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"altavoz/client"
)

// Flags are the flags. The server judges what they say.
type Flags struct {
	button   string
	replies  []string
	list     string
	location bool
}

// maxList is the most bytes of a file with a list: more than the service takes of one.
const maxList = 1 << 20

// Add adds them to a command's.
func (s *Flags) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.button, "button", "", "the button, as 'Text=https://...'")
	f.StringArrayVar(&s.replies, "reply", nil, "a reply button, as 'Sí', or as 'si=Sí' with the id that its taps have; up to three times")
	f.StringVar(&s.list, "list", "", "a list to choose from: the JSON of the request, or a file with it")
	f.BoolVar(&s.location, "location-request", false, "ask for the recipient's location")
}

// Fill has a draft say what they say. Its error names the flag.
func (s *Flags) Fill(d *client.Draft) error {
	d.LocationRequest = s.location
	if s.button != "" {
		text, url, ok := strings.Cut(s.button, "=")
		if !ok || text == "" || url == "" {
			return fmt.Errorf("--button %q is not Text=URL", s.button)
		}
		d.ButtonText, d.ButtonURL = text, url
	}
	for _, reply := range s.replies {
		id, title, ok := strings.Cut(reply, "=")
		if !ok {
			title = id
		}
		d.Buttons = append(d.Buttons, client.Button{ID: id, Title: title})
	}
	if s.list == "" {
		return nil
	}
	text := []byte(s.list)
	if !strings.HasPrefix(strings.TrimSpace(s.list), "{") {
		info, err := os.Stat(s.list)
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxList) {
			err = fmt.Errorf("%s is no file of at most %d bytes", s.list, maxList)
		}
		if err == nil {
			text, err = os.ReadFile(s.list)
		}
		if err != nil {
			return fmt.Errorf("--list: %w", err)
		}
	}
	d.List = &client.List{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d.List); err != nil {
		return fmt.Errorf("--list is not like %s: %w", Example, err)
	}
	return nil
}

// Example is a list as JSON.
const Example = `{"button":"Ver","sections":[{"title":"Hoy","rows":[{"id":"9am","title":"9:00"}]}]}`
