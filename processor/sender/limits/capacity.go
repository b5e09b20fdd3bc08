package limits

const (
	// expressReserve is the part of its calls that a number may have, an eighth, which express has beyond them.
	expressReserve = 8
	// guaranteedPart: a quarter of them, beyond them too, is for numbers that have little under way.
	guaranteedPart = 4
)

// Capacity decides whether another call may begin. What one number may have under way it may have alone: an eighth more is for express, which
// bulk never takes, and a quarter more is for the other numbers, an equal part for each, which the others leave to it. So one whose calls hang never
// takes all. What is beyond the parts goes, while it is short, to the number that has the least under way; the caller orders them.
type Capacity struct {
	max        int // calls
	bulkMax    int
	parts      int // of bulkMax, of all numbers together
	guaranteed int // of each number

	total, bulk int
	reserved    int // what numbers have left of their parts
	numbers     int
}

// NewCapacity returns the capacity where one number may have so many calls under way; the caller sees to that. Of one at a time nothing lies beyond.
func NewCapacity(most int) Capacity {
	parts := most / guaranteedPart
	return Capacity{max: most + parts + max(1, most/expressReserve)*min(1, most-1), bulkMax: most + parts, parts: parts}
}

// Most is how many calls may be under way together.
func (c *Capacity) Most() int { return c.max }

// AddNumber counts a number in; inFlight are the numbers before it.
func (c *Capacity) AddNumber(others []int) {
	c.numbers++
	c.guaranteed = c.parts / c.numbers
	c.reserved = c.guaranteed
	for _, n := range others {
		c.reserved += max(0, c.guaranteed-n)
	}
}

// CanStart reports whether a number with inFlight calls may begin another.
func (c *Capacity) CanStart(bulk bool, inFlight int) bool {
	room := c.max - c.total
	if bulk {
		room = min(room, c.bulkMax-c.bulk)
	}
	return c.free(room, inFlight) > 0
}

// Free is how many more calls of bulk a number with inFlight of them may begin.
func (c *Capacity) Free(inFlight int) int {
	return c.free(min(c.max-c.total, c.bulkMax-c.bulk), inFlight)
}

// free is how many of the calls that there is room for are a number's: those that are no other's, or what it has left of its part.
func (c *Capacity) free(room, inFlight int) int {
	return max(room-c.reserved, min(room, c.guaranteed-inFlight), 0)
}

// Ample reports whether less than half of the calls are under way.
func (c *Capacity) Ample() bool { return 2*c.total < c.max }

// Start counts a call of a number with inFlight others.
func (c *Capacity) Start(bulk bool, inFlight int) {
	c.total++
	if bulk {
		c.bulk++
	}
	if inFlight < c.guaranteed {
		c.reserved--
	}
}

// End counts the end of a call of a number, with inFlight left.
func (c *Capacity) End(bulk bool, inFlight int) {
	c.total--
	if bulk {
		c.bulk--
	}
	if inFlight < c.guaranteed {
		c.reserved++
	}
}

// InFlight is how many calls of bulk are under way, or how many others.
func (c *Capacity) InFlight(bulk bool) int {
	if bulk {
		return c.bulk
	}
	return c.total - c.bulk
}
