package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"altavoz/app/environment"
	"altavoz/schemas"
)

// maxSendersFile is room for ten thousand numbers.
const maxSendersFile = 4 << 20

// number is one that we can send from.
type number struct {
	id    string
	token schemas.Secret
	rate  float64 // messages a second; 0: no limit
}

// senders returns the configured numbers. The first is that of broadcasts which name none.
func (c WhatsAppConfig) senders() ([]number, error) {
	var out []number
	switch {
	case c.PhoneNumberID != "" && c.AccessToken != "":
		out = append(out, number{c.PhoneNumberID, c.AccessToken, c.Rate})
	case c.PhoneNumberID == "" && c.AccessToken != "":
		return nil, withHint(errors.New("ALTAVOZ_WHATSAPP_ACCESS_TOKEN is set without ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID"),
			"a token belongs to a number: set its phone_number_id")
	}
	if c.SendersFile == "" {
		return out, nil
	}
	more, err := readSenders(c.SendersFile, c.Rate)
	if err != nil {
		return nil, withHint(fmt.Errorf("ALTAVOZ_SENDERS_FILE: %w", err), `it should read [{"id":"1234567890","token_file":"/run/secrets/token","rate":80}]`)
	}
	for _, s := range more {
		if slices.ContainsFunc(out, func(o number) bool { return o.id == s.id }) {
			return nil, fmt.Errorf("ALTAVOZ_SENDERS_FILE: the number %s is there twice", s.id)
		}
		out = append(out, s)
	}
	return out, nil
}

func readSenders(path string, rate float64) ([]number, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the senders: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || info.Size() > maxSendersFile {
		return nil, fmt.Errorf("%s is larger than %s", path, environment.Bytes(maxSendersFile))
	}
	var entries []struct {
		ID        string   `json:"id"`
		Token     string   `json:"token"`
		TokenFile string   `json:"token_file"`
		Rate      *float64 `json:"rate"`
	}
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&entries); err != nil {
		return nil, fmt.Errorf("reading the senders of %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the senders of %s: something stands behind the list", path)
	}
	out := make([]number, 0, len(entries))
	for i, e := range entries {
		s := number{id: e.ID, token: schemas.Secret(e.Token), rate: rate}
		if e.Rate != nil {
			s.rate = *e.Rate
		}
		if e.TokenFile != "" {
			if !filepath.IsAbs(e.TokenFile) {
				e.TokenFile = filepath.Join(filepath.Dir(path), e.TokenFile)
			}
			if s.token, err = environment.ReadSecret(e.TokenFile); err != nil {
				return nil, err
			}
		}
		switch {
		case s.id == "":
			return nil, fmt.Errorf("entry %d of %s has no id", i+1, path)
		case s.token == "" || (e.Token != "" && e.TokenFile != ""):
			return nil, fmt.Errorf("entry %d of %s needs one of token and token_file", i+1, path)
		case s.rate < 0:
			return nil, fmt.Errorf("entry %d of %s has a rate below zero", i+1, path)
		}
		out = append(out, s)
	}
	return out, nil
}
