// Package webhooks takes in what Meta posts: it reads the body of a webhook, and puts its receipts into Kafka.
package webhooks

import (
	"bytes"
	"errors"
	"io"
	"time"

	"altavoz/producer/slots"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// Limits of webhooks. They have slots of their own, so that neither they nor broadcasts keep the others out. Meta comes again
// with whatever finds no room.
const (
	// maxBody is what Meta says is the most, 3 MB, with room for its meaning MiB and a little more.
	maxBody = 3<<20 + 64<<10
	// Big is the size from which a body needs one of BigAtOnce slots. A single update has 1 KB, a batch of a
	// hundred with old Meta's long ones 60 KB.
	Big       = 64 << 10
	AtOnce    = 256 // bodies at once, 64 KiB each: 16 MiB
	BigAtOnce = 8   // 3 MiB each, and as much again of receipts on their way: 50 MiB
	// ForgedEvery is how often at most a body with a wrong signature is logged; all are counted.
	ForgedEvery = time.Second
)

// Result is what became of a webhook.
type Result string

// The results.
const (
	Accepted    Result = "accepted"    // its receipts, if it has any, are in Kafka
	Verified    Result = "verified"    // Meta asked whose endpoint this is
	Refused     Result = "refused"     // webhooks are not taken here, or not from there
	Forged      Result = "forged"      // not signed with our app's secret
	Malformed   Result = "malformed"   // no JSON, or too large
	Broken      Result = "broken"      // the body did not come whole
	Busy        Result = "busy"        // no slot
	Unavailable Result = "unavailable" // Kafka did not acknowledge
)

// Results are all of them.
var Results = []string{
	string(Accepted), string(Verified), string(Refused), string(Forged), string(Malformed), string(Broken), string(Busy), string(Unavailable),
}

// Read reads a body whole. On an error it says what to count it as.
func Read(body io.Reader, length int64) ([]byte, Result, error) {
	tooBig := request.Fault("", request.CodeBodyTooBig, es.WebhookTooLarge)
	if length > maxBody {
		return nil, Malformed, tooBig
	}
	buf := bytes.NewBuffer(make([]byte, 0, max(length, 0)+bytes.MinRead))
	switch n, err := buf.ReadFrom(io.LimitReader(body, maxBody+1)); {
	case errors.Is(err, slots.ErrNone):
		return nil, Busy, err
	case err != nil:
		return nil, Broken, err
	case n > maxBody:
		return nil, Malformed, tooBig
	}
	return buf.Bytes(), "", nil
}
