package account

import (
	"math"
	"strconv"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// tiers are Meta's names of messaging limits; 0: none.
var tiers = map[string]uint32{
	"TIER_50": 50, "TIER_250": 250, "TIER_1K": 1000, "TIER_2K": 2000, "TIER_10K": 10_000, "TIER_100K": 100_000, "TIER_UNLIMITED": 0, "UNLIMITED": 0, "-1": 0,
}

// Limit takes a messaging limit, as JSON: a number, -1 for none, or the name of a tier. Of two the last one counts. What is neither says nothing.
func (a *Announcement) Limit(value []byte) {
	text := strings.Trim(string(value), `"`)
	people, known := tiers[text]
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > 0 {
		people, known = uint32(min(n, math.MaxUint32)), true //nolint:gosec // bounded
	}
	if known {
		a.People = &people
	}
}

// limits makes the records of a messaging limit.
func (d *Numbers) limits(a *Announcement, now time.Time) (recs []stream.Record) {
	for _, number := range d.about(a, meansNothing) {
		d.log.Info("Meta says to how many people the number's business may write within 24 hours", "sender", number, "account", a.Account, "people", *a.People)
		recs = append(recs, standing.Encode(&schemas.NumberEvent{
			Number: number, AtMs: a.when(now).UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PEOPLE, People: *a.People,
		}))
	}
	return recs
}
