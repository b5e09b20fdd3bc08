package embedded

import (
	"context"
	"sync"
	"time"
)

// maxRemembered media ids at some 200 bytes are 2 MB.
const maxRemembered = 10_000

// Cache remembers media ids where there is no Redis, until the process ends. It is safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	ids   map[string]remembered
	order []string // oldest first, for forgetting
}

type remembered struct {
	id    string
	until time.Time
}

// NewCache returns a cache that knows nothing.
func NewCache() *Cache { return &Cache{ids: make(map[string]remembered)} }

// Get returns the id that was put under key, if its time has not passed.
func (c *Cache) Get(_ context.Context, key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.ids[key]
	if !ok || !time.Now().Before(r.until) {
		return "", false
	}
	return r.id, true
}

// Put remembers an id for the time given, in place of the oldest one if there are too many.
func (c *Cache) Put(_ context.Context, key, id string, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.ids[key]; !known {
		c.order = append(c.order, key)
	}
	c.ids[key] = remembered{id, time.Now().Add(ttl)}
	if len(c.order) > maxRemembered {
		delete(c.ids, c.order[0])
		c.order = c.order[1:]
	}
}
