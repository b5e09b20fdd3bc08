package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
	"unicode/utf8"
)

// meaning is the digest that makes a repeat a repeat: every member with its default filled in, the recipients in order, the
// file by its digest. Not the task id, which is the request's name and not its meaning.
func (r *requestReader) meaning() []byte {
	h := sha256.New()
	c, q := r.req.Content, r.req
	for _, text := range []string{
		"altavoz request 1", q.Sender, c.GetBody(), c.GetFooter(), c.GetButtonText(), c.GetButtonUrl(), c.GetHeader().String(), c.GetHeaderText(),
		c.GetMedia().GetUrl(), string(c.GetMedia().GetSha256()), c.GetMedia().GetMimeType(), c.GetMedia().GetFilename(), c.GetCategory(),
		q.OnUnknown.String(), strconv.FormatBool(q.UseQueue), string(r.phones.Sum(nil)),
	} {
		writeText(h, text)
	}
	for _, n := range []int64{q.ScheduleMs, q.ExpireMs, int64(q.Speed), int64(q.Total)} {
		writeText(h, strconv.FormatInt(n, 10))
	}
	if w := q.Window; w != nil { // what has none means what it meant before there were any; how a preset is called means nothing
		writeText(h, w.GetTimezone())
		writeText(h, w.GetHolidays())
		for _, o := range w.GetHours() {
			writeText(h, fmt.Sprint(o.GetDays(), o.GetFrom(), o.GetTo()))
		}
	}
	return h.Sum(nil)
}

// writeText hashes a text with its length before it, so that no two lists of texts look alike.
func writeText(h hash.Hash, text string) {
	var b [maxKept + binary.MaxVarintLen64]byte // on the stack for nearly every text; hashes take no error
	h.Write(append(binary.AppendUvarint(b[:0], uint64(len(text))), text...))
}

// cutText shortens text that is too long to at most limit bytes and shows that it did, so that a cut phone is no phone either.
func cutText(text string, limit int) string {
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
