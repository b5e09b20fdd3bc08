package task

import (
	"altavoz/processor/fanout/status"
	"altavoz/schemas"
)

// Claims are the broadcasts of a partition that wait for the Status of their id, and the other ids by which its open tasks are known.
type Claims struct {
	waiting map[schemas.TaskID][]*Task
	count   int
	aliases map[schemas.TaskID]*Task
}

// NewClaims returns none.
func NewClaims() *Claims {
	return &Claims{waiting: make(map[schemas.TaskID][]*Task), aliases: make(map[schemas.TaskID]*Task)}
}

// Len is how many broadcasts wait.
func (c *Claims) Len() int { return c.count }

// Of returns those that wait for the Status of an id, in the order in which they came.
func (c *Claims) Of(id schemas.TaskID) []*Task { return c.waiting[id] }

// Add has a broadcast wait.
func (c *Claims) Add(t *Task) {
	c.waiting[t.ID] = append(c.waiting[t.ID], t)
	c.count++
}

// Resolve asks of each broadcast that waits under the id whether it is to wait on, and calls settled for the others.
func (c *Claims) Resolve(id schemas.TaskID, waits func(t *Task, before bool) bool, settled func(*Task)) {
	all := c.waiting[id]
	delete(c.waiting, id)
	for _, t := range all {
		if waits(t, len(c.waiting[id]) > 0) {
			c.waiting[id] = append(c.waiting[id], t)
			continue
		}
		c.count--
		settled(t)
	}
}

// AddAliases keeps by which other ids a task is known, while it goes on.
func (c *Claims) AddAliases(t *Task) {
	for _, id := range t.Earlier {
		if c.aliases[id] == nil {
			c.aliases[id] = t
		}
	}
}

// RemoveAliases forgets them.
func (c *Claims) RemoveAliases(t *Task) {
	for _, id := range t.Earlier {
		if c.aliases[id] == t {
			delete(c.aliases, id)
		}
	}
}

// SameRequest finds the task that is the same request as t under another id, made with another secret: of t's other ids one that came
// before it, or one that goes on and names t's id. A task that may have written to somebody is not asked: it was the first. shown
// returns the Status of an id.
func (c *Claims) SameRequest(t *Task, partition int32, open map[schemas.TaskID]*Task, shown func(schemas.TaskID) *schemas.Status) (schemas.TaskID, bool) {
	claim := status.Claim{Owner: t.Owner, SHA: t.SHA, Home: &schemas.Origin{Partition: partition, Offset: t.Offset}}
	for _, id := range t.Earlier {
		if x := open[id]; x != nil && x.Failure.None() && claim.Same(x.Owner, x.SHA) {
			return id, true
		}
		for _, x := range c.waiting[id] {
			if x.Offset < t.Offset && claim.Same(x.Owner, x.SHA) {
				return id, true
			}
		}
		st := t.Others[id]
		if st == nil {
			st = shown(id)
		}
		if claim.First(st) {
			return id, true
		}
	}
	if x := c.aliases[t.ID]; x != nil && x.Failure.None() && claim.Same(x.Owner, x.SHA) {
		return x.ID, true
	}
	return schemas.TaskID{}, false
}
