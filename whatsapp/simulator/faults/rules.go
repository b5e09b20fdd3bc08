package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Effect is what becomes of a call.
type Effect uint8

// The effects. From DropAfter on, the message was accepted.
const (
	None       Effect = iota
	Refuse            // with a code
	HTML              // 500 and a page
	DropBefore        // the connection closes; nothing was accepted
	DropAfter         // the connection closes
	Truncate          // half of the answer
	Stall             // no answer until the client gives up
)

var names = map[string]Effect{
	"html": HTML, "drop_before": DropBefore, "drop_after": DropAfter, "truncate": Truncate, "stall": Stall,
}

// rule is one line of faults.
type rule struct {
	text    string
	number  string    // "": all
	phone   string    // "": all
	prefix  bool      // phone is the beginning of one
	uploads bool      // of files, not messages
	after   int       // messages accepted before it begins
	until   time.Time // zero: for good

	latency    time.Duration
	jitter     time.Duration
	rate       float64 // messages a second by number
	rateStatus int
	pair       bool
	mediaGone  bool
	retryAfter time.Duration
	shares     []share
}

type share struct {
	effect Effect
	code   int
	part   float64 // of calls, 0 to 1
}

// Rules are the faults in force. They don't change.
type Rules struct{ rules []*rule }

// Parse reads rules, one a line; now is when those with a time begin.
//
//	number=106540352242922   only this number          latency=80ms      latency=80ms..2s
//	phone=5730000*           only these phones         rate=80           messages a second by number, then 130429
//	after=10000              once so many were taken   rate_status=400   what 130429 comes with; 429 where not said
//	for=30s                  only so long from now     retry_after=5s    sent with every refusal
//	uploads                  files, not messages       pair              45 at once to a phone, then one in 6 s: 131056
//	                                                   131000=1%         any code, for a share of the calls
//	token_expired  = 190=100%                          html=1%           500 and a page of HTML
//	maintenance    = 131057=100%                       drop_before=1%    closes the connection, nothing accepted
//	media_gone     no media id is known any more       drop_after=1%     accepts, then closes the connection
//	                                                   truncate=1%       accepts, sends half of the answer
//	                                                   stall=1%          accepts, never answers
//
// Shares of one line exclude each other; of several lines that hit, the first one counts. Which calls are hit follows from
// Call.Chance and not from the order of calls.
func Parse(text string, now time.Time) (*Rules, error) {
	rules := &Rules{}
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		r, err := parseRule(line, now)
		if err != nil {
			return nil, err
		}
		rules.rules = append(rules.rules, r)
	}
	return rules, nil
}

// Text returns the rules that are still in force, as they were given.
func (rs *Rules) Text(now time.Time) string {
	var b strings.Builder
	for _, r := range rs.rules {
		if r.until.IsZero() || now.Before(r.until) {
			b.WriteString(r.text + "\n")
		}
	}
	return b.String()
}

func parseRule(line string, now time.Time) (*rule, error) {
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' })
	r := &rule{text: strings.Join(words, " "), rateStatus: 429}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		if err := r.word(key, value, now); err != nil {
			return nil, fmt.Errorf("fault %q: %w", w, err)
		}
	}
	total := 0.0
	for _, sh := range r.shares {
		total += sh.part
	}
	if total > 1.000001 {
		return nil, fmt.Errorf("faults %q: more than 100%%", r.text)
	}
	return r, nil
}

func (r *rule) word(key, value string, now time.Time) (err error) {
	switch key {
	case "number":
		r.number = value
	case "phone":
		r.phone, r.prefix = strings.CutSuffix(strings.TrimPrefix(value, "+"), "*")
	case "after":
		r.after, err = strconv.Atoi(value)
	case "for":
		var d time.Duration
		d, err = time.ParseDuration(value)
		r.until = now.Add(d)
	case "uploads":
		r.uploads = true
	case "latency":
		from, to, ranged := strings.Cut(value, "..")
		r.latency, err = time.ParseDuration(from)
		if err == nil && ranged {
			r.jitter, err = time.ParseDuration(to)
			r.jitter -= r.latency
		}
		if err == nil && (r.latency < 0 || r.jitter < 0) {
			err = errors.New("latency is from..to")
		}
	case "rate":
		r.rate, err = strconv.ParseFloat(value, 64)
	case "rate_status":
		r.rateStatus, err = strconv.Atoi(value)
	case "retry_after":
		r.retryAfter, err = time.ParseDuration(value)
	case "pair":
		r.pair = true
	case "media_gone":
		r.mediaGone = true
	case "token_expired":
		r.shares = append(r.shares, share{Refuse, 190, 1})
	case "maintenance":
		r.shares = append(r.shares, share{Refuse, 131057, 1})
	default:
		return r.share(key, value)
	}
	return err
}

func (r *rule) share(key, value string) error {
	sh := share{effect: names[key]}
	if sh.effect == None {
		code, err := strconv.Atoi(key)
		if err != nil {
			return fmt.Errorf("no such word: %s", key)
		}
		sh.effect, sh.code = Refuse, code
	}
	percent, ok := strings.CutSuffix(value, "%")
	part, err := strconv.ParseFloat(percent, 64)
	if err != nil || !ok || part < 0 || part > 100 {
		return fmt.Errorf("want a share such as %s=1%%", key)
	}
	sh.part = part / 100
	r.shares = append(r.shares, sh)
	return nil
}

// Call is what rules look at.
type Call struct {
	Number, Phone string
	Upload        bool
	Accepted      int    // messages so far
	Chance        uint64 // decides which shares hit
}

func (r *rule) matches(c Call, now time.Time) bool {
	return r.uploads == c.Upload && (r.number == "" || r.number == c.Number) &&
		(r.phone == "" || r.phone == c.Phone || (r.prefix && strings.HasPrefix(c.Phone, r.phone))) &&
		c.Accepted >= r.after && (r.until.IsZero() || now.Before(r.until))
}

// Fate is what all rules together do to a call.
type Fate struct {
	Effect     Effect
	Code       int // with Refuse
	Latency    time.Duration
	Rate       float64 // messages a second; 0: no limit
	RateStatus int
	Pair       bool
	MediaGone  bool
	RetryAfter time.Duration
}

// Fate decides what a call meets with.
func (rs *Rules) Fate(c Call, now time.Time) Fate {
	var f Fate
	for i, r := range rs.rules {
		if r.matches(c, now) {
			r.apply(&f, rand.New(rand.NewPCG(c.Chance, uint64(i))))
		}
	}
	return f
}

func (r *rule) apply(f *Fate, chance *rand.Rand) {
	f.Latency += r.latency
	if r.jitter > 0 {
		f.Latency += time.Duration(chance.Int64N(int64(r.jitter)))
	}
	if r.rate > 0 && f.Rate == 0 {
		f.Rate, f.RateStatus = r.rate, r.rateStatus
	}
	f.Pair = f.Pair || r.pair
	f.MediaGone = f.MediaGone || r.mediaGone
	f.RetryAfter = max(f.RetryAfter, r.retryAfter)
	if f.Effect != None {
		return
	}
	at := chance.Float64()
	for _, sh := range r.shares {
		if at < sh.part {
			f.Effect, f.Code = sh.effect, sh.code
			return
		}
		at -= sh.part
	}
}
