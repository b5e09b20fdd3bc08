package media_test

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/whatsapp/media"
)

// sealed begins the keys of entries in the cache.
const sealed = "sealed:"

// While processes of the version before run beside new ones, neither takes the other's entries for its own: each uploads once, and nobody
// is alarmed about entries that are bare because they are old.
func TestCacheEntriesOfTheVersionBeforeStandApart(t *testing.T) {
	t.Parallel()
	h := setup(t, "")
	in := h.blobs.put([]byte(png+"ours"), 300)
	bare := schemas.MediaKey(sender, [32]byte(in.GetSha256()))
	h.cache.Put(t.Context(), bare, "1234567890", time.Hour) // as that version does
	for range 2 {
		if m, err := h.Resolve(t.Context(), sender, image, in); err != nil || m.GetMediaId() == "1234567890" || h.uploads() != 1 {
			t.Errorf("%v, %v, %d uploads; want MediaId other than %q, 1", m, err, h.uploads(), "1234567890")
		}
	}
	if id, ok := h.cache.Get(t.Context(), bare); !ok || id != "1234567890" {
		t.Errorf("the version before finds %q, %v; want %q, true", id, ok, "1234567890")
	}
	if n := h.count(t, "altavoz_media_cache_total", "forged"); n != 0 {
		t.Errorf("%v entries count as forged, want 0", n)
	}
}

// Whoever can write to Redis makes no broadcast carry another file: what lies there and was not sealed for this file and number is a miss.
func TestThreatS14PoisonedCacheDoesNotChangeTheFile(t *testing.T) {
	t.Parallel()
	h := setup(t, "")
	in, other := h.blobs.put([]byte(png+"ours"), 300), h.blobs.put([]byte(png+"another's"), 300)
	own, err := h.Resolve(t.Context(), sender, image, in)
	if err != nil {
		t.Fatal(err)
	}
	evil, err := h.Resolve(t.Context(), sender, image, other)
	if err != nil {
		t.Fatal(err)
	}
	key := sealed + schemas.MediaKey(sender, [32]byte(in.GetSha256()))
	stored, _ := h.cache.Get(t.Context(), key)
	foreign, _ := h.cache.Get(t.Context(), sealed+schemas.MediaKey(sender, [32]byte(other.GetSha256())))
	forged := 0.0
	for name, stored := range map[string]string{
		"another id": evil.GetMediaId(), "another file's entry": foreign, "an entry of before": own.GetMediaId(), "an id that was appended to": stored + "0",
	} {
		t.Run(name, func(t *testing.T) {
			h.cache.Put(t.Context(), key, stored, time.Hour)
			uploads := h.uploads()
			got, err := h.Resolve(t.Context(), sender, image, in)
			if err != nil || got.GetMediaId() == evil.GetMediaId() || h.uploads() != uploads+1 {
				t.Errorf("%v, %v, %d uploads more", got, err, h.uploads()-uploads)
			}
			again, err := h.Resolve(t.Context(), sender, image, in)
			if err != nil || again.GetMediaId() != got.GetMediaId() || h.uploads() != uploads+1 {
				t.Errorf("afterwards %v, %v, %d uploads more", again, err, h.uploads()-uploads)
			}
			if forged++; h.count(t, "altavoz_media_cache_total", "forged") != forged {
				t.Errorf("%v forged, want %v", h.count(t, "altavoz_media_cache_total", "forged"), forged)
			}
		})
	}
	// The way back to a newer id trusts the cache no more than the first way.
	h.cache.Put(t.Context(), key, evil.GetMediaId(), time.Hour)
	if got, err := h.Refresh(t.Context(), sender, image, own); err != nil || got.GetMediaId() == evil.GetMediaId() {
		t.Errorf("refreshed to %v, %v", got, err)
	}
}

// A number's new token makes its entries unreadable, which costs an upload; a number without one remembers nothing.
func TestMediaIdsAreReadWithTheTokenTheyWereStoredUnder(t *testing.T) {
	t.Parallel()
	token, known := schemas.Secret("first"), true
	h := setup(t, "", func(c *media.Config) {
		c.Token = func(string) (schemas.Secret, bool) { return token, known }
	})
	in := h.blobs.put([]byte(png+"ours"), 300)
	resolve := func(uploads int) {
		t.Helper()
		if _, err := h.Resolve(t.Context(), sender, image, in); err != nil || h.uploads() != uploads {
			t.Errorf("%v, %d uploads, want %d", err, h.uploads(), uploads)
		}
	}
	resolve(1)
	resolve(1)
	token = "second"
	resolve(2)
	resolve(2)
	known = false
	resolve(3)
	resolve(4)
}
