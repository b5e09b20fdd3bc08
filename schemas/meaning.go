package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
	"sync"
)

// Meaning is the digest that makes a repeat a repeat: every member of the request with its default filled in, the recipients in order, the
// file by its digest. Not the task id, which is the request's name and not its meaning, nor literal, by which texts are only checked. sender is the number as it was asked for, phones the
// sum of what HashText makes of all recipients. A new member is hashed only where it is set: a request without it keeps its digest.
func (b *Broadcast) Meaning(sender string, queued bool, phones []byte) []byte {
	h, c := sha256.New(), b.GetContent()
	for _, text := range []string{
		"altavoz request 1", sender, c.GetBody(), c.GetFooter(), c.GetButtonText(), c.GetButtonUrl(), c.GetHeader().String(), c.GetHeaderText(),
		c.GetMedia().GetUrl(), string(c.GetMedia().GetSha256()), c.GetMedia().GetMimeType(), c.GetMedia().GetFilename(), c.GetCategory(),
		b.GetOnUnknown().String(), strconv.FormatBool(queued), string(phones),
	} {
		HashText(h, text)
	}
	for _, n := range []int64{b.GetScheduleMs(), b.GetExpireMs(), int64(b.GetSpeed()), int64(b.GetTotal())} {
		HashText(h, strconv.FormatInt(n, 10))
	}
	if w := b.GetWindow(); w != nil { // what has none means what it meant before there were any; how a preset is called means nothing
		HashText(h, w.GetTimezone())
		HashText(h, w.GetHolidays())
		for _, o := range w.GetHours() {
			HashText(h, fmt.Sprint(o.GetDays(), o.GetFrom(), o.GetTo()))
		}
	}
	if ref := b.GetReference(); ref != "" {
		HashText(h, "reference")
		HashText(h, ref)
	}
	if to := b.GetCallbackUrl(); to != "" {
		HashText(h, "callback_url")
		HashText(h, to)
	}
	if e := b.GetEvents(); e != Events_EVENTS_TASK {
		HashText(h, "events")
		HashText(h, e.String())
	}
	c.GetTemplate().hash(h)
	c.GetShape().hash(h)
	if r := c.GetRoute(); r != Route_ROUTE_FIXED {
		HashText(h, "route")
		HashText(h, r.String())
	}
	return h.Sum(nil)
}

// hash adds what a template says; nil says nothing.
func (x *Template) hash(h hash.Hash) {
	if x == nil {
		return
	}
	for _, text := range []string{"template", x.GetName(), x.GetLanguage(), x.GetHeader().String(), x.GetHeaderValue().GetName(), x.GetHeaderValue().GetText(), strconv.Itoa(len(x.GetBody()))} {
		HashText(h, text)
	}
	for _, v := range x.GetBody() {
		HashText(h, v.GetName())
		HashText(h, v.GetText())
	}
	for _, b := range x.GetButtons() {
		HashText(h, fmt.Sprint(b.GetIndex(), b.GetKind()))
		HashText(h, b.GetValue())
	}
}

// Digest is what a shape means.
func (x *Shape) Digest() string {
	h := sha256.New()
	x.hash(h)
	return string(h.Sum(nil))
}

// hash adds a shape, if there is one.
func (x *Shape) hash(h hash.Hash) {
	switch x.GetKind().(type) {
	case *Shape_Buttons:
		HashText(h, "buttons")
	case *Shape_List:
		HashText(h, "list")
		HashText(h, x.GetList().GetButton())
	case *Shape_Location:
		HashText(h, "location_request")
	}
	for _, b := range x.GetButtons().GetButtons() {
		HashText(h, b.GetId())
		HashText(h, b.GetTitle())
	}
	for _, s := range x.GetList().GetSections() {
		HashText(h, strconv.Itoa(len(s.GetRows())))
		HashText(h, s.GetTitle())
		for _, row := range s.GetRows() {
			HashText(h, row.GetId())
			HashText(h, row.GetTitle())
			HashText(h, row.GetDescription())
		}
	}
}

// textBuffers are those of HashText: what is given to a hash escapes to the heap.
var textBuffers = sync.Pool{New: func() any { return new([]byte) }}

// HashText hashes a text with its length before it, so that no two lists of texts look alike.
func HashText(h hash.Hash, text string) {
	const maxKept = 4 << 10 // bytes: capacity of a buffer that is used again
	b, _ := textBuffers.Get().(*[]byte)
	*b = append(binary.AppendUvarint((*b)[:0], uint64(len(text))), text...)
	h.Write(*b) // hashes take no error
	if cap(*b) <= maxKept {
		textBuffers.Put(b)
	}
}
