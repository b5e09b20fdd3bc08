package whatsapp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/schemas/optout"
	"altavoz/schemas/price"
	"altavoz/stream"
	"altavoz/whatsapp/account"
	"altavoz/whatsapp/inbound"
	"altavoz/whatsapp/scan"
)

const (
	// maxUpdates is how many statuses a body may hold: ten times what Meta puts into one.
	maxUpdates = 10_000
	// maxReceipts is how many a record holds: with the longest words 0.8 MB, below schemas.MaxRecordBytes.
	maxReceipts = 1000
	// maxRecipient is the longest name of a recipient, a business-scoped user id.
	maxRecipient = 135
	// maxAnnounced is how many changes of a body may speak of accounts and numbers, and maxKinds how many restrictions one may name: Meta puts
	// one change into a body, and there are five kinds.
	maxAnnounced = 100
	maxKinds     = 8
	maxTemplate  = 512 // bytes of its name
	// fieldMessages is the subscription that statuses come under.
	fieldMessages = "messages"
)

var (
	errUpdates = errors.New("the webhook holds more updates than Meta puts into one")
	errBehind  = errors.New("something stands behind the webhook's JSON")
)

// kind is what an update was to us.
type kind int

const (
	kindSent kind = iota
	kindDelivered
	kindRead
	kindFailed
	kindForeign // of a message that another system sent with the same number
	kindIgnored // a status that is not about delivery, or that this version does not know
	kindOther   // a change of another field: an incoming message of the account, a template, a phone number
	kinds
)

// kindNames names the kinds for metrics.
var kindNames = [kinds]string{"sent", "delivered", "read", "failed", "foreign", "ignored", "other"}

// recipient is one entry of a task's list.
type recipient struct {
	task  schemas.TaskID
	index uint32
}

// receipt is what a status reports of one message of ours.
type receipt struct {
	of                   recipient
	mark                 schemas.RecipientState
	phone, reason, wamid string
	price                price.Class
}

// news is what a webhook reports. Only what we use of it is read, wherever it stands among members that we don't know, and
// a member of another type than usual spoils nothing beside it.
type news struct {
	dec      *jsontext.Decoder
	updates  int
	seen     [kinds]int
	receipts []receipt

	announced []account.Announcement
	homes     map[string]account.Home // of the numbers that messages were sent from
	of        account.Announcement    // the change that is read
	refused   []int                   // codes of its messages that failed for the account's sake
	heard     inbound.Change          // what it says of people
	people    optout.Heard            // in all changes: what it says of people
	wrote     []lastinbound.Message   // in all changes: what people wrote, of whatever type
	taps      []*schemas.Tap          // in all changes: what people tapped
}

// readNews fails only where the body is no JSON or too much of it. Depth is bounded by jsontext, at 10,000; nothing here calls
// itself.
func readNews(body []byte) (*news, error) {
	n := &news{dec: jsontext.NewDecoder(bytes.NewBuffer(body), lenient)}
	err := n.object(func(name string) error {
		if name == "entry" {
			return n.array(n.entry)
		}
		return n.dec.SkipValue()
	})
	if err != nil {
		return nil, fmt.Errorf("reading a webhook: %w", err)
	}
	if _, err := n.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errBehind
	}
	return n, nil
}

// object gives the members of an object to each, which reads their values. What is no object is passed over.
func (n *news) object(each func(name string) error) error {
	if n.dec.PeekKind() != jsontext.KindBeginObject {
		return n.dec.SkipValue()
	}
	return n.inside(jsontext.KindEndObject, func() error {
		name, err := n.dec.ReadToken()
		if err != nil {
			return err
		}
		return each(name.String())
	})
}

// array lets each read the elements of an array. What is no array is passed over.
func (n *news) array(each func() error) error {
	if n.dec.PeekKind() != jsontext.KindBeginArray {
		return n.dec.SkipValue()
	}
	return n.inside(jsontext.KindEndArray, each)
}

func (n *news) inside(end jsontext.Kind, each func() error) error {
	if _, err := n.dec.ReadToken(); err != nil {
		return err
	}
	for n.dec.PeekKind() != end {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := n.dec.ReadToken()
	return err
}

// text reads a string; anything else is none.
func (n *news) text(into *string) error {
	if n.dec.PeekKind() != jsontext.KindString {
		return n.dec.SkipValue()
	}
	t, err := n.dec.ReadToken()
	if err == nil {
		*into = t.String()
	}
	return err
}

// entry reads what is reported of one account. Its id may stand behind its changes.
func (n *news) entry() error {
	from, id, at := len(n.announced), "", ""
	homes := n.homes
	n.homes = nil
	err := n.object(func(name string) error {
		switch name {
		case "changes":
			return n.array(n.change)
		case "id":
			return n.text(&id)
		case "time":
			v, err := n.dec.ReadValue()
			at = string(v)
			return err
		}
		return n.dec.SkipValue()
	})
	for i := range n.announced[from:] {
		n.announced[from+i].Account, n.announced[from+i].At = id, inbound.Time(at)
	}
	for number, e := range n.homes {
		if homes == nil {
			homes = make(map[string]account.Home)
		}
		homes[number] = account.Home{Account: id, Display: e.Display}
	}
	n.homes = homes
	return err
}

// change reads a change. The name of its field may stand behind its value.
func (n *news) change() error {
	field, before, seen := fieldMessages, len(n.receipts), n.seen
	n.of, n.refused, n.heard = account.Announcement{}, nil, inbound.Change{}
	err := n.object(func(name string) error {
		switch name {
		case "field":
			return n.text(&field)
		case "value":
			return n.object(n.member)
		}
		return n.dec.SkipValue()
	})
	if field != fieldMessages {
		n.receipts, n.seen = n.receipts[:before], seen
		n.seen[kindOther]++
	}
	n.wrote = append(n.wrote, n.heard.People(field, n.of.Number, &n.people)...)
	n.taps = append(n.taps, n.heard.Taps(field)...)
	n.announce(field)
	return err
}

// wireStatus is a status as Meta writes it, as far as we use it. Its time is only that of an opt-out: it has whole seconds, in old
// versions milliseconds, and is that of days ago when a webhook is repeated; a result's is when it was received.
type wireStatus struct {
	id, status, phone, user, parent, callback, at string
	price                                         price.Class
	err                                           *apiError // the first one
}

func (n *news) status() error {
	if n.updates++; n.updates > maxUpdates {
		return errUpdates
	}
	var s wireStatus
	err := n.object(func(name string) error {
		switch name {
		case "id":
			return n.text(&s.id)
		case "status":
			return n.text(&s.status)
		case "recipient_id":
			return n.text(&s.phone)
		case "recipient_user_id":
			return n.text(&s.user)
		case "recipient_parent_user_id":
			return n.text(&s.parent)
		case "biz_opaque_callback_data":
			return n.text(&s.callback)
		case "timestamp":
			return n.text(&s.at)
		case "pricing":
			v, err := n.dec.ReadValue()
			s.price = scan.Price(v)
			return err
		case "errors":
			return n.array(func() error { return n.failure(&s.err) })
		}
		return n.dec.SkipValue()
	})
	n.heard.Status(optout.Said{
		Phone: s.phone, User: s.user, Parent: s.parent, Out: s.status == "failed" && s.err != nil && s.err.code == schemas.CodeOptedOut,
		At: inbound.Time(s.at), By: schemas.OptOutSource_OPT_OUT_SOURCE_CODE,
	})
	n.take(&s)
	return err
}

// failure reads one of a status's errors. Old versions have no error_data, or a text there, and only a title.
func (n *news) failure(first **apiError) error {
	var e apiError
	var title string
	err := n.object(func(name string) error {
		switch name {
		case "title":
			return n.text(&title)
		case "message":
			return n.text(&e.message)
		case "code", "error_data":
			v, err := n.dec.ReadValue()
			if name == "code" {
				e.code, _ = integer(v)
			} else {
				e.details = detailsOf(v)
			}
			return err
		}
		return n.dec.SkipValue()
	})
	if e.message == "" {
		e.message = title
	}
	if *first == nil {
		*first = &e
	}
	return err
}

// take keeps what a status reports of a message of ours.
func (n *news) take(s *wireStatus) {
	var k kind
	r := receipt{wamid: cut(s.id, maxWAMID)}
	switch s.status {
	case "sent":
		k, r.mark = kindSent, schemas.StateConfirmed
	case "delivered":
		k, r.mark, r.price = kindDelivered, schemas.StateDelivered, s.price
	case "read": // Meta tells the price with one of the two, and with sent: but only what is delivered costs something
		k, r.mark, r.price = kindRead, schemas.StateRead, s.price
	case "failed":
		k, r.phone = kindFailed, s.recipient() // the sender names nobody whom it could send to
		r.mark, r.reason = undelivered(s.err)
		if s.err != nil && verdicts[s.err.code] == schemas.VerdictAccount {
			n.refused = append(n.refused, s.err.code)
		}
	default: // played, deleted, and what may come
		n.seen[kindIgnored]++
		return
	}
	task, index, ours := schemas.ParseCallback(s.callback)
	if !ours || task == (schemas.TaskID{}) { // no task of ours is called nothing
		n.seen[kindForeign]++
		return
	}
	n.seen[k]++
	if schemas.CallbackOfTemplate(s.callback) {
		r.mark = r.mark.ByTemplate()
	}
	r.of = recipient{task, index}
	n.receipts = append(n.receipts, r)
}

// recipient names who the message was for, as Meta does: not always by the phone that it was sent to.
func (s *wireStatus) recipient() string {
	for _, name := range []string{s.phone, s.user, s.parent} {
		odd := func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.'
		}
		if name = strings.TrimPrefix(name, "+"); name != "" && len(name) <= maxRecipient && !strings.ContainsFunc(name, odd) {
			return name
		}
	}
	return ""
}

// undelivered returns the mark of a message that was accepted and failed, and the words for it: those of the same code in the
// answer to a send, with Meta's details where the code alone leaves open what it was.
func undelivered(e *apiError) (schemas.RecipientState, string) {
	if e == nil || e.code < 0 {
		e = &apiError{}
	}
	m := schemas.Undelivered(e.code)
	code, _ := m.Code()
	text, known := m.Spanish(), code == e.code
	if !known {
		text = fmt.Sprintf("(%d) %s", e.code, text)
	}
	v, judged := verdicts[e.code]
	open := !known || !judged || v == schemas.VerdictContent || v == schemas.VerdictTransient || e.code == schemas.CodeOther
	if detail := clean(words(e), ""); open && detail != "" {
		text += ": " + detail
	}
	return m, text
}

// results makes the records of what was read: a task's together, of each recipient only the highest mark and price.
func (n *news) results(now time.Time) []stream.Record {
	slices.SortStableFunc(n.receipts, func(a, b receipt) int {
		return cmp.Or(bytes.Compare(a.of.task[:], b.of.task[:]), cmp.Compare(a.of.index, b.of.index), cmp.Compare(b.mark, a.mark))
	})
	for i := len(n.receipts) - 1; i > 0; i-- {
		if one := &n.receipts[i-1]; one.of == n.receipts[i].of {
			one.price = max(one.price, n.receipts[i].price) //mutant:price-of-a-lower-receipt-is-kept
		}
	}
	all := slices.CompactFunc(n.receipts, func(a, b receipt) bool { return a.of == b.of })
	var recs []stream.Record
	for i := 0; i < len(all); {
		task := all[i].of.task
		some := &schemas.Receipts{}
		for ; i < len(all) && all[i].of.task == task && len(some.GetOutcomes()) < maxReceipts; i++ {
			r := &all[i]
			some.Outcomes = append(some.Outcomes, &schemas.Outcome{Index: r.of.index, Mark: uint32(r.mark), Phone: r.phone, Reason: r.reason, Wamid: r.wamid, Price: uint32(r.price)})
		}
		recs = append(recs, schemas.EncodeResult(&schemas.Result{
			Task: task.Bytes(), AtMs: now.UnixMilli(), Event: &schemas.Result_Receipts{Receipts: some},
		}))
	}
	return recs
}
