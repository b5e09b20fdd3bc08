package faults_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/whatsapp/simulator/faults"
)

var now = time.Unix(1_750_000_000, 0)

func parse(t *testing.T, text string) *faults.Rules {
	t.Helper()
	r, err := faults.Parse(text, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFaultsAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]faults.Fate{
		"":                                    {},
		"latency=80ms":                        {Latency: 80 * time.Millisecond},
		"rate=80":                             {Rate: 80, RateStatus: 429},
		"rate=80,pair":                        {Rate: 80, RateStatus: 429, Pair: true},
		"rate_status=400":                     {},
		"retry_after=5s":                      {RetryAfter: 5 * time.Second},
		"media_gone":                          {MediaGone: true},
		"token_expired":                       {Effect: faults.Refuse, Code: 190},
		"maintenance":                         {Effect: faults.Refuse, Code: 131057},
		"131000=100%":                         {Effect: faults.Refuse, Code: 131000},
		"html=100%":                           {Effect: faults.HTML},
		"drop_before=100%":                    {Effect: faults.DropBefore},
		"drop_after=100%":                     {Effect: faults.DropAfter},
		"truncate=100%":                       {Effect: faults.Truncate},
		"stall=100%":                          {Effect: faults.Stall},
		"refused_stream=100%":                 {Effect: faults.RefuseStream},
		"goaway=100%":                         {Effect: faults.GoAway},
		"goaway_after=100%":                   {Effect: faults.GoAwayAfter},
		"html_after=100%":                     {Effect: faults.HTMLAfter},
		"unavailable=100%":                    {Effect: faults.Unavailable},
		"unavailable_after=100%":              {Effect: faults.UnavailableAfter},
		"outage=empty+html":                   {Effect: faults.HTML, Outage: true},
		"131026=100%\noutage=blank":           {Effect: faults.Blank, Outage: true},
		"outage=blank\n131026=100%":           {Effect: faults.Blank, Outage: true},
		"number=2 outage":                     {},
		"refused for=1s":                      {},
		"html=0%":                             {},
		"html=100%;stall=100%":                {Effect: faults.HTML},
		"number=1 html=100%":                  {Effect: faults.HTML},
		"number=2 html=100%":                  {},
		"phone=+57300* html=100%\nlatency=1s": {Effect: faults.HTML, Latency: time.Second},
		"phone=57300 html=100%":               {},
		"phone=573001234567 html=100%":        {Effect: faults.HTML},
		"uploads html=100%":                   {},
		"after=10 html=100%":                  {Effect: faults.HTML},
		"window":                              {Window: true},
		"late_131026=100%":                    {Late: faults.Late{Code: 131026, Sent: true}},
		"late_131026=0%\nlate_1=100%":         {Late: faults.Late{Code: 1, Sent: true}},
		"read=0% webhook_shuffle webhook_old": {},
		"after=11 html=100%":                  {},
		"for=1s html=100%":                    {Effect: faults.HTML},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			got := parse(t, text).Fate(faults.Call{Number: "1", Phone: "573001234567", Accepted: 10, Chance: 7, Turn: 1}, now)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s", diff)
			}
		})
	}
	over := parse(t, "for=1s html=100%")
	if got := over.Fate(faults.Call{}, now.Add(time.Second)); got.Effect != faults.None || over.Text(now.Add(time.Second)) != "" {
		t.Errorf("after its time: %+v, want Effect %v", got, faults.None)
	}
}

func TestWordsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"fire", "html", "html=1", "html=101%", "html=-1%", "html=x%", "latency=", "latency=-1s", "latency=2s..1s", "rate=x", "for=x", "after=x",
		"outage=html+fire", "outage=131000", "refused", "html=60% stall=60%", "token_expired=no html=1%", "131000",
	} {
		if _, err := faults.Parse(text, now); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestSharesOfALineExcludeEachOther: shares of a line exclude each other and are kept.
func TestSharesOfALineExcludeEachOther(t *testing.T) {
	t.Parallel()
	r := parse(t, "131000=10% html=20% drop_after=30% latency=1s..2s")
	got := map[faults.Effect]int{}
	const n = 20_000
	for i := range uint64(n) {
		f := r.Fate(faults.Call{Chance: i * 0x9e3779b97f4a7c15}, now)
		got[f.Effect]++
		if f.Latency < time.Second || f.Latency >= 2*time.Second {
			t.Fatalf("latency %v, want at least %v, less than %v", f.Latency, time.Second, 2*time.Second)
		}
	}
	for e, share := range map[faults.Effect]float64{faults.Refuse: .1, faults.HTML: .2, faults.DropAfter: .3, faults.None: .4} {
		if p := float64(got[e]) / n; p < share-.02 || p > share+.02 {
			t.Errorf("effect %d: %.3f, want %.3f", e, p, share)
		}
	}
}

func TestLimitsAllowTheRateAndOneSecondMore(t *testing.T) {
	t.Parallel()
	l := faults.NewLimits()
	at, sent := now, 0
	for range 10_000 { // ten a millisecond, for a second
		if !l.TooFast(at, 80) {
			sent++
		}
		at = at.Add(100 * time.Microsecond)
	}
	if sent < 160 || sent > 162 { // a second's worth at once, and a second's worth
		t.Errorf("%d in a second at 80, want at least 160, at most 162", sent)
	}
	pair := 0
	for range 60 {
		if !l.TooOften(now, 1) {
			pair++
		}
	}
	if pair != 45 || l.TooOften(now, 2) || l.TooOften(now.Add(6*time.Second), 1) || !l.TooOften(now.Add(6*time.Second), 1) {
		t.Errorf("%d to a phone at once, want 45", pair)
	}
}
