package rate

import "time"

// almost is how much a rounding error may lack: it is no reason to wait.
const almost = 1e-6

// Bucket is a token bucket: tokens come with time, and events take them. The zero Bucket has no limit.
type Bucket struct {
	perSecond float64 // tokens; 0: no limit
	most      float64 // that gather
	tokens    float64
	filled    time.Time
}

// Set changes the rate from now on (0: no limit), and how many tokens gather at most. Those that are there stay.
func (b *Bucket) Set(now time.Time, perSecond, most float64) {
	b.fill(now)
	b.perSecond, b.most = perSecond, most
}

// Fill sets how many tokens are there now.
func (b *Bucket) Fill(now time.Time, tokens float64) { b.tokens, b.filled = tokens, now }

// IsNew reports whether it was never set nor filled.
func (b *Bucket) IsNew() bool { return b.filled.IsZero() }

func (b *Bucket) fill(now time.Time) {
	if b.perSecond > 0 && !b.filled.IsZero() && now.After(b.filled) {
		b.tokens += now.Sub(b.filled).Seconds() * b.perSecond
	}
	b.tokens, b.filled = min(b.most, b.tokens), now
}

// Ready returns when there are n tokens: now, if there are. Of more than gather it says when there would be, did nothing bound them.
func (b *Bucket) Ready(now time.Time, n float64) time.Time {
	if b.perSecond <= 0 {
		return now
	}
	b.fill(now)
	lack := n - b.tokens
	if lack <= almost {
		return now
	}
	return now.Add(time.Duration(lack/b.perSecond*float64(time.Second)) + time.Microsecond)
}

// In returns how many whole tokens there would be after a time, did nothing bound them.
func (b *Bucket) In(now time.Time, d time.Duration) int {
	b.fill(now)
	return int(max(0, b.tokens+b.perSecond*d.Seconds()+almost))
}

// Whole is how many whole tokens there were when Ready was asked last.
func (b *Bucket) Whole() uint32 { return uint32(max(0, b.tokens+almost)) }

// Take takes n tokens; none where there is no limit, or one that is set later would have to make up for them.
func (b *Bucket) Take(n float64) {
	if b.perSecond > 0 {
		b.tokens -= n
	}
}

// Return gives back n tokens that were not used.
func (b *Bucket) Return(n float64) { b.tokens += n }
