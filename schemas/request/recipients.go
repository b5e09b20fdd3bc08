package request

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
	"altavoz/schemas/rules"
)

// phonesOf reads recipients that are phones.
func (r *reader) phonesOf() error {
	return r.list("phones", schemas.InlineRecipients, func() (string, *schemas.Personal, error) {
		text, err := r.entry()
		return text, nil, err
	})
}

// list reads the recipients, each with entry; inline is how many a broadcast may carry, and a slice has of others. A list that is none, or
// empty, counts as missing.
func (r *reader) list(name string, inline int, entry func() (string, *schemas.Personal, error)) error {
	if kind := r.dec.PeekKind(); kind != jsontext.KindBeginArray {
		if kind == jsontext.KindString || kind == jsontext.KindNumber || kind == jsontext.KindBeginObject {
			r.listHint = es.Say(map[string]es.Code{"phones": es.PhonesArrayHint, "recipients": es.RecipientsArrayHint}[name])
		}
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != jsontext.KindEndArray {
		if fault := r.misplaced(name); fault != nil {
			return fault
		}
		if r.req.Total == r.lim.MaxPhones {
			return Fault(name, CodeTooMany, map[string]es.Code{"phones": es.PhonesMany, "recipients": es.RecipientsMany}[name], r.lim.MaxPhones)
		}
		phone, own, err := entry()
		if err != nil {
			return err
		}
		if len(r.req.Phones) == inline {
			if err := r.slice(); err != nil {
				return err
			}
		}
		schemas.HashText(r.phones, phone)
		r.req.Phones = append(r.req.Phones, rules.Cut(phone, maxKept))
		if own != nil {
			r.req.Personal = append(r.req.Personal, own)
		}
		r.req.Total++
	}
	if int(r.req.Total) > inline {
		if err := r.slice(); err != nil {
			return err
		}
		r.req.Phones, r.req.Personal = nil, nil
		if inline != schemas.SliceRecipients {
			r.req.Sliced = uint32(inline)
		}
	}
	r.req.Personal = schemas.Owned(r.req.Personal)
	_, err := r.dec.ReadToken()
	return err
}

// misplaced returns what is wrong with a list that has recipients, where it can't have any.
func (r *reader) misplaced(name string) error {
	switch {
	case name == "phones" && r.lim.Lists == ListMessages:
		f := Fault(name, CodeUnknown, es.PhonesElsewhere)
		f.Hint = es.Say(es.PhonesElsewhereHint, PathSend)
		return f
	case r.listed != "" && r.listed != name: //mutant:one-list-a-request
		f := Fault("recipients", CodeValue, es.RecipientsAndPhones)
		f.Hint = es.Say(es.RecipientsOneHint)
		return f
	}
	r.listed = name
	return nil
}

// entry reads one phone as it is written. One that is neither text nor number stands in the list as it was written: it is no phone, which
// costs only itself.
func (r *reader) entry() (string, error) {
	if kind := r.dec.PeekKind(); kind == jsontext.KindString || kind == jsontext.KindNumber {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return "", err
		}
		if kind == jsontext.KindNumber {
			return phone.Number(tok.String()), nil
		}
		return tok.String(), nil
	}
	written := &beginning{}
	enc, skipped := jsontext.NewEncoder(written), r.skipped
	if err := r.tokens(enc.WriteToken); err != nil {
		return "", err
	}
	r.skipped = skipped // an entry may be as complex as a value that nobody wants
	return strings.TrimSpace(string(written.text)), nil
}

// skipEntry is skip for what stands in an entry.
func (r *reader) skipEntry() error {
	skipped := r.skipped
	err := r.skip()
	r.skipped = skipped
	return err
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
	phones, own := r.req.Phones, r.req.Personal
	r.req.Phones, r.req.Personal = phones[:0], nil
	if r.refused() {
		return nil
	}
	r.sunk = true
	return r.sink.Slice(phones, schemas.Owned(own))
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
