package dryrun

import (
	"encoding/binary"
	"fmt"
	"maps"

	"altavoz/schemas"
	"altavoz/schemas/personal"
)

// maxOwnBytes is how much a dry run keeps of what recipients have of their own, until the whole message is read: 400,000 of 80 bytes.
const maxOwnBytes = 32 << 20

// rowBytes is more than the lengths of a recipient take.
const rowBytes = 32

// owns is what those who would be sent to have of their own, in the order of the list, encoded.
type owns struct {
	data  []byte
	count uint32
	more  bool // there are others, which there was no room for

	nothing countries // those who have nothing
	sample  []owner   // the first of these
}

// owner is a recipient with what it has of its own.
type owner struct {
	index uint32
	text  string // as it was given
	phone schemas.Phone
	own   *schemas.Personal
	// country of the phone, of who is judged now; it is not kept.
	country string
}

func (o *owns) add(r owner) error {
	if r.own.GetOwn() == nil && len(r.own.GetVariables()) == 0 {
		if o.nothing == nil {
			o.nothing = make(countries)
		}
		o.nothing[r.country]++
		if len(o.sample) < maxRows {
			o.sample = append(o.sample, r)
		}
		return nil
	}
	own, err := personal.Append(nil, r.own)
	if err != nil {
		return err //nolint:wrapcheck // says all
	}
	o.more = o.more || len(o.data)+len(own)+len(r.text)+len(r.phone)+rowBytes > maxOwnBytes
	if o.more { //mutant:dry-run-keeps-a-bounded-part-of-values
		return nil
	}
	o.count++
	o.data = binary.AppendUvarint(o.data, uint64(r.index))
	for _, text := range []string{r.text, string(r.phone), string(own)} {
		o.data = append(binary.AppendUvarint(o.data, uint64(len(text))), text...)
	}
	return nil
}

// each hands over the recipients.
func (o *owns) each(f func(owner)) error {
	rest := o.data
	text := func() string {
		n, size := binary.Uvarint(rest)
		out := string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
		return out
	}
	for range o.count {
		index, size := binary.Uvarint(rest)
		rest = rest[size:]
		r := owner{index: uint32(index), text: text(), phone: schemas.Phone(text())}
		var err error
		if r.own, err = personal.Read([]byte(text())); err != nil {
			return err //nolint:wrapcheck // says all
		}
		f(r)
	}
	return nil
}

// judgeOwn takes out of those who would be sent to whose message can't be made of a content, and returns the first of the others; nil: it found
// none.
func (l *List) judgeOwn(c *schemas.Content) (first *owner, err error) {
	judge := func(r owner, all countries) {
		fault := personal.Check(c, r.own)
		switch {
		case fault != nil:
			l.countries.without(all)
			for _, n := range all {
				l.pending -= n
				l.faulty += n
			}
			l.show(judged{r.index, r.text, schemas.Failed(fault.Code), fault.Says})
		case first == nil || r.index < first.index:
			first = &r
		}
	}
	one := func(r owner) countries { return countries{l.country(r.phone): 1} }
	if err := l.owns.each(func(r owner) { judge(r, one(r)) }); err != nil {
		return nil, err
	}
	rest := maps.Clone(l.owns.nothing)
	for i, r := range l.owns.sample { // they are all alike: the last one stands for those who are not shown
		if i == len(l.owns.sample)-1 {
			judge(r, rest)
			break
		}
		rest.without(one(r))
		judge(r, one(r))
	}
	return first, nil
}

// personally has each recipient judged by its own message, and returns that of the first one who would be sent to; nil: nobody of those who were
// looked at would. c has what stands for its file.
func (l *List) personally(c *schemas.Content) (*schemas.Content, error) {
	if len(c.GetVariables()) == 0 && l.owns.count == 0 {
		return c, nil
	}
	first, err := l.judgeOwn(c)
	if err != nil || first == nil {
		return nil, err
	}
	l.first, l.firstAt = first.phone, first.index
	out, err := personal.Of(c, first.own)
	if err != nil {
		return nil, fmt.Errorf("making the first recipient's message: %w", err)
	}
	if m := out.GetMedia(); m != nil && m.GetMediaId() == "" && m.GetLink() == "" { // its own
		out.Media = &schemas.MediaRef{MediaId: mediaID, Filename: m.GetFilename()}
	}
	return out, nil
}
