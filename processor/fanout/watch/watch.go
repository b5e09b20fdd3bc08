// Package watch keeps what the views say of the tasks of a partition, the newest of each, until the partition takes it. The views
// never wait for it.
package watch

import (
	"sync"

	"altavoz/schemas"
)

// News is the newest that is known of a task.
type News struct {
	Status   *schemas.Status // nil: nothing new
	Controls schemas.Controls
}

// List is the tasks that a partition watches. It is safe for concurrent use.
type List struct {
	wake func()

	mu      sync.Mutex
	news    map[schemas.TaskID]News
	watched map[schemas.TaskID]int // how many of the partition's tasks have that id
}

// New returns an empty list. wake is called when there is news.
func New(wake func()) *List {
	return &List{wake: wake, news: make(map[schemas.TaskID]News), watched: make(map[schemas.TaskID]int)}
}

// OnStatus keeps the newest Status of a task that is watched.
func (l *List) OnStatus(id schemas.TaskID, s *schemas.Status) {
	l.update(id, func(n *News) {
		if n.Status == nil || n.Status.GetVersion() < s.GetVersion() {
			n.Status = s
		}
	})
}

// OnControls keeps the newest controls of a task that is watched.
func (l *List) OnControls(id schemas.TaskID, c schemas.Controls) {
	l.update(id, func(n *News) { n.Controls = c })
}

func (l *List) update(id schemas.TaskID, what func(*News)) {
	l.mu.Lock()
	_, ok := l.watched[id]
	if ok {
		n := l.news[id]
		what(&n)
		l.news[id] = n
	}
	l.mu.Unlock()
	if ok {
		l.wake()
	}
}

// Watch watches a task.
func (l *List) Watch(id schemas.TaskID) {
	l.mu.Lock()
	l.watched[id]++
	l.mu.Unlock()
}

// Unwatch ends that, once for each Watch.
func (l *List) Unwatch(id schemas.TaskID) {
	l.mu.Lock()
	if l.watched[id]--; l.watched[id] <= 0 {
		delete(l.watched, id)
		delete(l.news, id)
	}
	l.mu.Unlock()
}

// Take returns the news since the last Take.
func (l *List) Take() map[schemas.TaskID]News {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.news) == 0 {
		return nil
	}
	all := l.news
	l.news = make(map[schemas.TaskID]News)
	return all
}
