package faults_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
)

// tells says in a word each what is told, "sent delivered read", with "+" where it is told again.
func tells(l faults.Later) string {
	words := make([]string, len(l.Steps))
	for i, s := range l.Steps {
		words[i] = s.Status.String()
		if s.Again {
			words[i] += "+"
		}
	}
	return strings.Join(words, " ")
}

func TestWebhookFaultsAreRead(t *testing.T) {
	t.Parallel()
	rejected := faults.Late{Code: 131026}
	tests := map[string]struct {
		late  faults.Late
		tells string
		check func(l faults.Later) bool
	}{
		"read=100%":                            {tells: "sent delivered read"},
		"read=0%":                              {tells: "sent delivered"},
		"read=0% \n read=100%":                 {tells: "sent delivered"},
		"number=2 read=0% \n read=100%":        {tells: "sent delivered read"},
		"uploads read=0% \n read=100%":         {tells: "sent delivered read"},
		"for=1s read=0%":                       {tells: "sent delivered"},
		"read=100%,webhook_drop=100%":          {check: func(l faults.Later) bool { return l.Lost == 3 }},
		"webhook_drop=100% webhook_early=100%": {check: func(l faults.Later) bool { return !l.Early }},
		"webhook_old read=0%":                  {tells: "sent delivered", check: func(l faults.Later) bool { return l.Old }},
		"read=0%; webhook_early=100%":          {tells: "sent delivered", check: func(l faults.Later) bool { return l.Early && l.Steps[0].Told == 0 }},
		"read=0% webhook_dup=100% webhook_delay=1s": {tells: "sent sent+ delivered delivered+", check: func(l faults.Later) bool {
			return l.Steps[0].Told == time.Second && l.Steps[1].Happens == time.Second && l.Steps[1].Told == 2*time.Second && l.Steps[3].Told == 3*time.Second
		}},
		"read=100% price_with_read=100% free_service=7": {tells: "sent delivered read", check: func(l faults.Later) bool {
			return l.PricedWithRead && l.Delivered && l.Free == 7
		}},
		"read=0% price_with_read=100%": {tells: "sent delivered", check: func(l faults.Later) bool { return !l.PricedWithRead && l.Free == ledger.FreeService }},
		"late_131049=100%":             {late: faults.Late{Code: 131049, Sent: true}, tells: "sent failed"},
		"window":                       {late: rejected, tells: "failed"},
	}
	for text, tt := range tests {
		t.Run(text, func(t *testing.T) {
			got := parse(t, text).Later(faults.Call{Number: "1", Phone: "573001234567", Chance: 7}, now, tt.late)
			if tells(got) != tt.tells || (tt.check != nil && !tt.check(got)) {
				t.Errorf("%s; %+v; want %v", tells(got), got, tt.tells)
			}
		})
	}
}

func TestWebhookWordsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"read", "read=x%", "read=NaN%", "webhook_drop=101%", "webhook_dup=1", "webhook_early", "webhook_delay=x", "webhook_delay=2s..1s", "webhook_fire=1%", "free_service=-1", "free_service=x", "price_with_read=2",
		"late_=1%", "late_html=1%", "late_131026", "late_131026=60% late_131049=60%",
	} {
		if _, err := faults.Parse(text, now); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestSharesOfLateFailuresAreKept: they are of calls, beside what is refused at once, and the first line that hits counts.
func TestSharesOfLateFailuresAreKept(t *testing.T) {
	t.Parallel()
	r := parse(t, "late_131026=10% late_131049=20% 131000=50%\nlate_131053=100% window")
	got, refused := map[int]int{}, 0
	const n = 20_000
	for i := range uint64(n) {
		f := r.Fate(faults.Call{Chance: i * 0x9e3779b97f4a7c15}, now)
		got[f.Late.Code]++
		if f.Effect == faults.Refuse {
			refused++
		}
		if !f.Window || !f.Late.Sent {
			t.Fatalf("got %+v, want a late failure of a sent message and a window", f)
		}
	}
	got[131000] = refused
	for code, share := range map[int]float64{131026: .1, 131049: .2, 131053: .7, 131000: .5} {
		if p := float64(got[code]) / n; p < share-.02 || p > share+.02 {
			t.Errorf("%d: %.3f, want %.3f", code, p, share)
		}
	}
}

// TestWebhooksKeepTheirOrderUnderAnyRules: whatever the rules are, nothing is told before it has happened, what is told is in order of time, what happens is
// in the order of the statuses, and the same call meets the same.
func TestWebhooksKeepTheirOrderUnderAnyRules(t *testing.T) {
	t.Parallel()
	shares := map[string]int{}
	const n = 5000
	for _, text := range []string{
		"", "webhook_delay=10ms..5s", "webhook_shuffle webhook_delay=1s..2s", "webhook_early=50%", "webhook_shuffle webhook_dup=30% webhook_drop=20% webhook_early=50%",
	} {
		r := parse(t, text)
		for i := range uint64(n) {
			c := faults.Call{Chance: i * 0x9e3779b97f4a7c15}
			l := r.Later(c, now, faults.Late{})
			if tells(l) != tells(r.Later(c, now, faults.Late{})) {
				t.Fatalf("%q: not the same twice", text)
			}
			shares[text+"|"+tells(l)]++
			byTime := func(a, b faults.Step) int { return cmp.Compare(a.Told, b.Told) }
			if !slices.IsSortedFunc(l.Steps, byTime) {
				t.Fatalf("%q: %+v, want the steps in order of time", text, l)
			}
			happened := map[ledger.Status]time.Duration{}
			for _, s := range l.Steps {
				if s.Told < s.Happens || s.Happens < 0 || s.Told > 15*time.Second || (text == "" && s.Told > 4*time.Second) {
					t.Fatalf("%q: %+v, want each told between when it happens and the longest delay", text, l)
				}
				happened[s.Status] = s.Happens
			}
			sent, ok := happened[ledger.Sent]
			if read, isRead := happened[ledger.Read]; ok && isRead && read < sent {
				t.Fatalf("%q: %+v, want it sent before it is read", text, l)
			}
		}
	}
	near := func(what string, want float64) {
		if p := float64(shares[what]) / n; p < want-.04 || p > want+.04 {
			t.Errorf("%s: %.3f, want %.3f", what, p, want)
		}
	}
	near("|sent delivered read", .6)
	near("|sent delivered", .4)
	near("webhook_shuffle webhook_delay=1s..2s|read delivered sent", .1)
	near("webhook_shuffle webhook_delay=1s..2s|delivered sent read", .1)
}
