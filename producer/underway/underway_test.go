package underway

import (
	"slices"
	"testing"
)

type body struct{ cut, big bool }

func (b *body) Cut()      { b.cut = true }
func (b *body) Big() bool { return b.big }

func TestThreatS06TheOldestBodyIsCutOff(t *testing.T) {
	t.Parallel()
	u, all := new(Bodies[*body]), []*body{{}, {big: true}, {}, {big: true}}
	for _, b := range all {
		u.Begin(b)
	}
	for i, want := range []struct {
		big bool
		cut []bool
	}{
		{true, []bool{false, true, false, false}},
		{false, []bool{true, true, false, false}},
		{true, []bool{true, true, false, true}},
		{true, []bool{true, true, false, true}}, // there is none
	} {
		u.CutOldest(want.big)
		var got []bool
		for _, b := range all {
			got = append(got, b.cut)
		}
		if !slices.Equal(got, want.cut) {
			t.Errorf("after %d: %v, not %v", i+1, got, want.cut)
		}
	}
	u.End(all[2])
	u.End(all[2])
	if u.CutOldest(false); all[2].cut || len(u.began) != 0 {
		t.Error("a body that is read was cut off")
	}
	var none *Bodies[*body]
	none.Begin(all[0])
	none.End(all[0])
}
