package request

import (
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
)

// list reads the recipients. A list that is none, or empty, counts as missing.
func (r *reader) list() error {
	if kind := r.dec.PeekKind(); kind != jsontext.KindBeginArray {
		if kind == jsontext.KindString || kind == jsontext.KindNumber || kind == jsontext.KindBeginObject {
			r.phonesHint = es.Say(es.PhonesArrayHint)
		}
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndArray {
		if r.req.Total == r.lim.MaxPhones {
			return Fault("phones", CodeTooMany, es.PhonesMany, r.lim.MaxPhones)
		}
		phone, err := r.recipient()
		if err != nil {
			return err
		}
		if len(r.req.Phones) == schemas.InlineRecipients {
			if err := r.slice(); err != nil {
				return err
			}
		}
		r.req.Phones = append(r.req.Phones, phone)
		r.req.Total++
	}
	if r.req.Total > schemas.InlineRecipients {
		if err := r.slice(); err != nil {
			return err
		}
		r.req.Phones = nil
	}
	_, err := r.dec.ReadToken()
	return err
}

// recipient reads one entry. One that is neither text nor number stands in the list as it was written: it is no phone, which costs
// only itself.
func (r *reader) recipient() (string, error) {
	var text string
	if kind := r.dec.PeekKind(); kind == jsontext.KindString || kind == jsontext.KindNumber {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return "", err
		}
		if text = tok.String(); kind == jsontext.KindNumber {
			text = phone.Number(text)
		}
	} else {
		written := &beginning{}
		enc, skipped := jsontext.NewEncoder(written), r.skipped
		if err := r.tokens(enc.WriteToken); err != nil {
			return "", err
		}
		r.skipped = skipped // an entry may be as complex as a value that nobody wants
		text = strings.TrimSpace(string(written.text))
	}
	schemas.HashText(r.phones, text)
	return cut(text, maxKept), nil
}

// beginning keeps the first of what is written to it: more than is shown.
type beginning struct{ text []byte }

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), maxKept+1-len(b.text))]...)
	return len(p), nil
}

// slice gives the recipients kept so far to the sink, and part what is decoded of the file; not those of a request that is
// refused anyway.
func (r *reader) slice() error {
	phones := r.req.Phones
	r.req.Phones = phones[:0]
	if r.refused() {
		return nil
	}
	r.sunk = true
	return r.sink.Slice(phones)
}

// refused reports whether the request is refused for what was read of it already.
func (r *reader) refused() bool { return len(r.bad) > 0 || r.unknown != nil }

func (r *reader) part(b []byte) error {
	if r.refused() {
		return nil
	}
	r.sunk = true
	return r.sink.Part(b)
}

// cut shortens text that is too long to at most limit bytes and shows that it did, so that a cut phone is no phone either.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
