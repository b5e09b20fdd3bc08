package embedded

import (
	"testing"
	"time"
)

func TestCacheForgetsExpiredAndSurplusIDs(t *testing.T) {
	t.Parallel()
	c := NewCache()
	c.Put(t.Context(), "a", "1", time.Hour)
	c.Put(t.Context(), "old", "2", -time.Second)
	if id, ok := c.Get(t.Context(), "a"); !ok || id != "1" {
		t.Errorf("got %q, %v; want %q, true", id, ok, "1")
	}
	if _, ok := c.Get(t.Context(), "old"); ok {
		t.Error("an id outlived its time")
	}
	for i := range maxRemembered {
		c.Put(t.Context(), string(rune(i+1)), "x", time.Hour)
		c.Put(t.Context(), string(rune(i+1)), "x", time.Hour)
	}
	if len(c.ids) > maxRemembered || len(c.order) > maxRemembered {
		t.Errorf("%d ids are remembered, want at most %v", len(c.ids), maxRemembered)
	}
	if _, ok := c.Get(t.Context(), "a"); ok {
		t.Error("the oldest id was kept")
	}
}
