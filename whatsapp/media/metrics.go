package media

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type (
	cacheResult string
	fetchResult string
)

const (
	cacheHit  cacheResult = "hit"
	cacheMiss cacheResult = "miss"
	// cacheForged is a miss too: what is stored was not stored by us, or under a token that was replaced since.
	cacheForged cacheResult = "forged"

	fetchDone    fetchResult = "done"
	fetchLinked  fetchResult = "linked"  // could not be reached from here: Meta is given the link
	fetchRefused fetchResult = "refused" // the URL can't be used
	fetchFailed  fetchResult = "failed"  // our own fault: no room, or stopped
)

type metrics struct {
	cache   map[cacheResult]prometheus.Counter
	fetches map[fetchResult]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	cache := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_media_cache_total", Help: "Files looked up in the media cache, by result.",
	}, []string{"result"})
	fetches := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_media_fetches_total", Help: "URLs fetched for media headers, by result.",
	}, []string{"result"})
	m := &metrics{cache: map[cacheResult]prometheus.Counter{}, fetches: map[fetchResult]prometheus.Counter{}}
	for _, r := range []cacheResult{cacheHit, cacheMiss, cacheForged} {
		m.cache[r] = cache.WithLabelValues(string(r))
	}
	for _, r := range []fetchResult{fetchDone, fetchLinked, fetchRefused, fetchFailed} {
		m.fetches[r] = fetches.WithLabelValues(string(r))
	}
	return m
}
