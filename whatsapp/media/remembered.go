package media

import (
	"context"

	"altavoz/schemas"
	"altavoz/whatsapp/media/seal"
)

// maxMediaID bounds an id that a cache may give, in bytes; real ones have about 16.
const maxMediaID = 128

// sealedKey begins the keys of sealed entries. Versions before have bare ids under the rest of it, and would take a sealed entry for one.
const sealedKey = "sealed:"

// remembered is the cache with what is stored there sealed: anybody who reaches it may write to it.
type remembered struct {
	cache   Cache // nil: nothing is remembered
	token   func(sender string) (schemas.Secret, bool)
	metrics *metrics
}

// look is get that counts what it found; an id that is stale is a miss.
func (r remembered) look(ctx context.Context, sender, key, stale string) (string, bool) {
	if r.cache == nil {
		return "", false
	}
	id, ok := r.get(ctx, sender, key)
	if ok = ok && id != stale; ok {
		r.metrics.cache[cacheHit].Inc()
		return id, true
	}
	r.metrics.cache[cacheMiss].Inc()
	return "", false
}

// get returns the id that put stored for the number under key. Anything else that is stored there is counted, and is as if it were not.
func (r remembered) get(ctx context.Context, sender, key string) (string, bool) {
	if r.cache == nil {
		return "", false
	}
	token, known := r.token(sender)
	if !known || token == "" {
		return "", false
	}
	stored, ok := r.cache.Get(ctx, sealedKey+key)
	if !ok {
		return "", false
	}
	id, ok := seal.Open(token, key, stored)
	if !ok || id == "" || len(id) > maxMediaID {
		r.metrics.cache[cacheForged].Inc()
		return "", false
	}
	return id, true
}

func (r remembered) put(ctx context.Context, sender, key, id string) {
	if r.cache == nil {
		return
	}
	if token, known := r.token(sender); known && token != "" {
		r.cache.Put(ctx, sealedKey+key, seal.Close(token, key, id), mediaLife)
	}
}
