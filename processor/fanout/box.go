package fanout

import (
	"sync"

	"altavoz/schemas"
)

const (
	// inboxRecords and inboxBytes are what may wait in a partition before its fetching is paused.
	inboxRecords = 4096
	inboxBytes   = 8 << 20
	// intakeBatch is how many records a slot takes in before it looks at its turns again.
	intakeBatch = 256
)

// mailbox is what others say of the tasks of a partition, the newest of each, until its next Step. Nobody waits in it.
type mailbox struct {
	wake func()

	mu      sync.Mutex
	news    map[schemas.TaskID]news
	watched map[schemas.TaskID]int // how many of the partition's tasks go by that id
}

func newMailbox(wake func()) *mailbox {
	return &mailbox{wake: wake, news: make(map[schemas.TaskID]news), watched: make(map[schemas.TaskID]int)}
}

// news is the newest that was heard of a task.
type news struct {
	status   *schemas.Status
	controls schemas.Controls
}

// onStatus keeps the newest status of a task that the slot watches, and steered its controls.
func (b *mailbox) heard(id schemas.TaskID, s *schemas.Status) {
	b.tell(id, func(n *news) {
		if n.status == nil || n.status.GetVersion() < s.GetVersion() {
			n.status = s
		}
	})
}

func (b *mailbox) steered(id schemas.TaskID, c schemas.Controls) {
	b.tell(id, func(n *news) { n.controls = c })
}

func (b *mailbox) tell(id schemas.TaskID, what func(*news)) {
	b.mu.Lock()
	_, ok := b.watched[id]
	if ok {
		n := b.news[id]
		what(&n)
		b.news[id] = n
	}
	b.mu.Unlock()
	if ok {
		b.wake()
	}
}

func (b *mailbox) watch(id schemas.TaskID) {
	b.mu.Lock()
	b.watched[id]++
	b.mu.Unlock()
}

func (b *mailbox) unwatch(id schemas.TaskID) {
	b.mu.Lock()
	if b.watched[id]--; b.watched[id] <= 0 {
		delete(b.watched, id)
		delete(b.news, id)
	}
	b.mu.Unlock()
}

// take empties the box.
func (b *mailbox) take() map[schemas.TaskID]news {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.news) == 0 {
		return nil
	}
	all := b.news
	b.news = make(map[schemas.TaskID]news)
	return all
}
