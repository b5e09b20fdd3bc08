package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// codeGraph is the highest code of the Graph API itself, such as that of an expired token; those above are about messages.
const codeGraph = 1000

// rule is one line of faults.
type rule struct {
	text    string
	number  string    // "": all
	phone   string    // "": all
	prefix  bool      // phone is the beginning of one
	uploads bool      // of files, not messages
	after   int       // messages accepted before it begins
	until   time.Time // zero: for good

	latency    span
	rate       float64 // messages a second by number
	rateStatus int
	pair       bool
	mediaGone  bool
	retryAfter time.Duration
	outage     []Effect // of every call, in turns
	refused    bool     // connections, of everybody
	shares     []share
	webhooks   wish
	late       []share // of accepted messages: they fail in a webhook
	window     bool
}

type share struct {
	effect Effect
	code   int
	part   float64 // of calls, 0 to 1
}

// Rules are the faults in force. They don't change.
type Rules struct{ rules []*rule }

// Parse reads rules, one a line, words separated by spaces or commas; now is when those with a time begin.
//
//	number=106540352242922   only this number          latency=80ms      latency=80ms..2s
//	phone=5730000*           only these phones         rate=80           messages a second by number, then 130429
//	after=10000              once so many were taken   rate_status=400   what 130429 comes with; 429 where not said
//	for=30s                  only so long from now     retry_after=5s    sent with every refusal and page
//	uploads                  files, not messages       pair              45 at once to a phone, then one in 6 s: 131056
//	                                                   131000=1%         any code, for a share of the calls
//	token_expired  = 190=100%                          html=1%           500 and a page of HTML, nothing accepted
//	maintenance    = 131057=100%                       html_after=1%     accepts, then the same
//	media_gone     no media id is known any more       unavailable=1%    503 and the words of a proxy, nothing accepted
//	                                                   unavailable_after=1%   accepts, then the same
//	                                                   drop_before=1%    closes the connection, nothing accepted
//	                                                   drop_after=1%     accepts, then closes the connection
//	                                                   truncate=1%       accepts, sends half of the answer
//	                                                   stall=1%          accepts, never answers
//	                                                   refused_stream=1% REFUSED_STREAM, nothing accepted
//	                                                   goaway=1%         GOAWAY, nothing accepted; the others are answered
//	                                                   goaway_after=1%   accepts, then GOAWAY, and answers nobody any more
//
//	outage                                   every call of a number meets, in turns, with: 502, 503, an empty 500, a closed connection and no answer, each with
//	                                         nothing accepted and accepted; 200 with a page, {}, nothing and {"success":true}
//	outage=unavailable+stall                 only with these, in turns: any of the words above and below
//	refused for=30s                          nobody gets a connection, and those that there are close
//
// Words for answers of which nothing was accepted, beside html, unavailable and drop_before: bad_gateway (502 and a page), empty (500), stall_before,
// portal (200 and a page), braces (200 and {}), blank (200 and nothing), success (200 and {"success":true}). And accepted: bad_gateway_after,
// empty_after.
//
// The three of HTTP/2 close the connection over HTTP/1.1, as drop_before and drop_after do.
//
// What Meta says later, in webhooks:
//
//	late_131026=2%       accepted and sent, then failed with any code   read=60%             of messages are read (60% where not said)
//	window               131047, 24 hours after the phone last wrote    webhook_delay=1s..5s until sent, again until delivered, and until read
//	webhook_drop=1%      of statuses are never told                     webhook_early=10%    of messages: the first status comes before the answer
//	webhook_dup=5%       of statuses are told twice                     webhook_shuffle      a message's statuses come in any order
//	webhook_old          as before 2026: a conversation, no user ids    webhook_username     whoever it is has a username: no phones
//	webhook_linked       with the id that linked portfolios have in common
//	taps=20%             of the phones tap a choice of the message      stops=1%             of the phones answer STOP
//	free_service=10      of a number's free-form messages are free in a calendar month (1,000 where not said)
//	price_with_read=20%  of messages that are read have their price with read, and not with delivered
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
	if r.refused && r.until.IsZero() {
		return nil, fmt.Errorf("faults %q: refused needs for=, or nothing could end it", r.text)
	}
	for _, shares := range [][]share{r.shares, r.late} {
		total := 0.0
		for _, sh := range shares {
			total += sh.part
		}
		if total > 1.000001 {
			return nil, fmt.Errorf("faults %q: more than 100%%", r.text)
		}
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
		r.latency, err = parseSpan(value)
	case "rate":
		r.rate, err = strconv.ParseFloat(value, 64)
	case "rate_status":
		r.rateStatus, err = strconv.Atoi(value)
	case "retry_after":
		r.retryAfter, err = time.ParseDuration(value)
	case "outage":
		r.outage, err = parseOutage(value)
	case "refused":
		r.refused = true
	case "pair":
		r.pair = true
	case "media_gone":
		r.mediaGone = true
	case "token_expired":
		r.shares = append(r.shares, share{Refuse, 190, 1})
	case "maintenance":
		r.shares = append(r.shares, share{Refuse, 131057, 1})
	case "window":
		r.window = true
	default:
		if known, err := r.webhooks.word(key, value); known {
			return err
		}
		return r.share(key, value)
	}
	return err
}

func (r *rule) share(key, value string) error {
	sh := share{effect: effectOf(key)}
	number, late := strings.CutPrefix(key, "late_")
	if sh.effect == None {
		code, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("no such word: %s", key)
		}
		sh.effect, sh.code = Refuse, code
	}
	part, err := parsePart(key, value)
	if err != nil {
		return err
	}
	sh.part = part
	if late {
		r.late = append(r.late, sh)
	} else {
		r.shares = append(r.shares, sh)
	}
	return nil
}

// parseOutage reads what the calls of an outage meet with.
func parseOutage(value string) ([]Effect, error) {
	if value == "" {
		return usualOutage, nil
	}
	var out []Effect
	for word := range strings.SplitSeq(value, "+") {
		e := effectOf(word)
		if e == None {
			return nil, fmt.Errorf("no such word: %s", word)
		}
		out = append(out, e)
	}
	return out, nil
}

// parsePart reads a share: 1% is 0.01.
func parsePart(key, value string) (float64, error) {
	percent, ok := strings.CutSuffix(value, "%")
	part, err := strconv.ParseFloat(percent, 64)
	if err != nil || !ok || !(part >= 0 && part <= 100) {
		return 0, fmt.Errorf("want a share such as %s=1%%", key)
	}
	return part / 100, nil
}

// span is a time between two.
type span struct{ from, more time.Duration }

func parseSpan(value string) (s span, err error) {
	from, to, ranged := strings.Cut(value, "..")
	s.from, err = time.ParseDuration(from)
	if err == nil && ranged {
		s.more, err = time.ParseDuration(to)
		s.more -= s.from
	}
	if err == nil && (s.from < 0 || s.more < 0) {
		err = errors.New("a time is from..to")
	}
	return s, err
}

func (s span) draw(chance *rand.Rand) time.Duration {
	if s.more <= 0 {
		return s.from
	}
	return s.from + time.Duration(chance.Int64N(int64(s.more)))
}

// Call is what rules look at.
type Call struct {
	Number, Phone string
	Upload        bool
	Read          bool   // of the number's own data; nothing is sent
	Accepted      int    // messages so far
	Turn          int    // calls of the number so far
	Chance        uint64 // decides which shares hit
}

func (r *rule) matches(c Call, now time.Time) bool {
	return (r.uploads == c.Upload || r.outage != nil) && (r.number == "" || r.number == c.Number) &&
		(r.phone == "" || r.phone == c.Phone || (r.prefix && strings.HasPrefix(c.Phone, r.phone))) &&
		c.Accepted >= r.after && (r.until.IsZero() || now.Before(r.until))
}

// Fate is what all rules together do to a call.
type Fate struct {
	Effect     Effect
	Outage     bool // it hits everybody, whatever the phone's ending
	Code       int  // with Refuse
	Latency    time.Duration
	Rate       float64 // messages a second; 0: no limit
	RateStatus int
	Pair       bool
	MediaGone  bool
	RetryAfter time.Duration
	Late       Late
	Window     bool // it fails where the phone has not written for a day
}

// Late is a failure that Meta tells in a webhook, after having accepted the message.
type Late struct {
	Code int  // 0: none
	Sent bool // whether it tells before that the message was sent
}

// Fate decides what a call meets with.
func (rs *Rules) Fate(c Call, now time.Time) Fate {
	var f Fate
	for i, r := range rs.rules {
		if r.matches(c, now) {
			r.apply(&f, c, rand.New(rand.NewPCG(c.Chance, uint64(i))))
			f.Window = f.Window || r.window
			if f.Late.Code == 0 && len(r.late) > 0 {
				code := pick(r.late, rand.New(rand.NewPCG(^c.Chance, uint64(i)))).code
				f.Late = Late{Code: code, Sent: code != 0}
			}
		}
	}
	return f
}

func (r *rule) apply(f *Fate, c Call, chance *rand.Rand) {
	f.Latency += r.latency.draw(chance)
	if r.rate > 0 && f.Rate == 0 {
		f.Rate, f.RateStatus = r.rate, r.rateStatus
	}
	f.Pair = f.Pair || r.pair
	f.MediaGone = f.MediaGone || r.mediaGone
	f.RetryAfter = max(f.RetryAfter, r.retryAfter)
	switch {
	case f.Outage:
		return
	case len(r.outage) > 0:
		f.Effect, f.Code, f.Outage = r.outage[c.Turn%len(r.outage)], 0, true
		return
	case f.Effect != None:
		return
	}
	hit := pick(r.shares, chance)
	if c.Read && hit.effect == Refuse && hit.code > codeGraph {
		return
	}
	f.Effect, f.Code = hit.effect, hit.code
}

// Refused reports until when nobody gets a connection; the zero time where everybody does.
func (rs *Rules) Refused(now time.Time) time.Time {
	var until time.Time
	for _, r := range rs.rules {
		if r.refused && now.Before(r.until) && r.until.After(until) {
			until = r.until
		}
	}
	return until
}

// pick returns the share that is hit; an empty one where none is.
func pick(shares []share, chance *rand.Rand) share {
	at := chance.Float64()
	for _, sh := range shares {
		if at < sh.part {
			return sh
		}
		at -= sh.part
	}
	return share{}
}
