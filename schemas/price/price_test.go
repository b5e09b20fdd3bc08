package price

import (
	"math"
	"slices"
	"testing"
)

// What stands in records for good.
func TestClassesAreWireFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		category, kind string
		says, billed   bool
		want           Class
		words          [2]string
	}{
		{"service", "free_customer_service", true, false, 0x21, [2]string{"service", "free_customer_service"}},
		{"service", "regular", true, true, 0x71, [2]string{"service", "regular"}},
		{"utility", "regular", true, true, 0x72, [2]string{"utility", "regular"}},
		{"authentication", "regular", true, true, 0x73, [2]string{"authentication", "regular"}},
		{"authentication-international", "regular", true, true, 0x74, [2]string{"authentication-international", "regular"}},
		{"marketing", "regular", true, true, 0x75, [2]string{"marketing", "regular"}},
		{"marketing", "free_entry_point", true, false, 0x15, [2]string{"marketing", "free_entry_point"}},
		{"marketing_lite", "regular", true, true, 0x76, [2]string{"marketing_lite", "regular"}},
		{"referral_conversion", "", true, false, 0x07, [2]string{"referral_conversion", Other}},
		{"group_marketing", "what_may_come", true, true, 0x4f, [2]string{Other, Other}},
		{"marketing", "regular", false, false, 0x75, [2]string{"marketing", "regular"}}, // Meta means to leave out whether it is billed
		{"service", "free_customer_service", false, false, 0x21, [2]string{"service", "free_customer_service"}},
		{"", "regular", true, true, None, [2]string{Other, Other}},
	} {
		got := Of([]byte(c.category), []byte(c.kind), c.says, c.billed)
		if got != c.want || got.Category() != c.words[0] || got.Type() != c.words[1] || got != None && got.Billed() != (c.billed || !c.says && c.kind == Regular) {
			t.Errorf("%s %s: %#x, %s %s, billed %v; want %#x, %v", c.category, c.kind, byte(got), got.Category(), got.Type(), got.Billed(), byte(c.want), c.words)
		}
	}
}

// Any byte can be shown, and what is none is nothing.
func TestAnyRecordCanBeShown(t *testing.T) {
	t.Parallel()
	for i := range uint32(math.MaxUint8 + 1) {
		c := Read(i)
		if byte(c) != byte(i) || c.Category() == "" || !slices.Contains([]string{"free_entry_point", Free, Regular, Other}, c.Type()) {
			t.Errorf("%d is shown as %q, %q", i, c.Category(), c.Type())
		}
	}
	if c := Read(math.MaxUint8 + 1); c != None {
		t.Errorf("256 is %d, want %d", c, None)
	}
}

// Of two prices of a message the one that is billed counts.
func TestBilledCountsOverFree(t *testing.T) {
	t.Parallel()
	for _, category := range categories {
		free, regular := Of([]byte("utility"), []byte(Free), true, false), Of([]byte(category), []byte(Regular), true, true)
		if category != "" && regular <= free {
			t.Errorf("%s regular is %d, free is %d; want more", category, regular, free)
		}
	}
}
