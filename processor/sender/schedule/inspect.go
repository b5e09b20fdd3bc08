package schedule

import "altavoz/processor/sender/limits"

// Tasks is how many tasks are held, and how many of them are idle: kept for sends that may come.
func (s *Scheduler) Tasks() (held, idle int) { return len(s.tasks), s.idle.Len() }

// Number returns a number that was named before, or nil.
func (s *Scheduler) Number(id string) *Number { return s.numbers.byID[id] }

// Tasks is how many tasks have sends of the number here, or have to publish that they go on.
func (n *Number) Tasks() int { return len(n.tasks) }

// Breaker returns one of the number's breakers.
func (n *Number) Breaker(f limits.Fault) *limits.Breaker { return &n.breakers[f] }
