package limits

const (
	// expressReserve is the part of the calls that bulk never takes: an eighth.
	expressReserve = 8
	// guaranteedPart: a quarter of them is kept for numbers that have little under way.
	guaranteedPart = 4
)

// Capacity decides whether another call may begin. Bulk leaves an eighth to express. Each number has a part that the others
// leave to it, a quarter of everything divided by the numbers, so that one whose calls hang never takes all. What is beyond
// the parts goes, while it is short, to the number that has the least under way; the caller orders them.
type Capacity struct {
	max        int // calls
	bulkMax    int
	guaranteed int // of each number

	total, bulk int
	reserved    int // what numbers have left of their parts
	numbers     int
}

// NewCapacity returns the capacity for so many calls.
func NewCapacity(most int) Capacity {
	return Capacity{max: most, bulkMax: most - max(1, most/expressReserve)*min(1, most-1)}
}

// AddNumber counts a number in; inFlight are the numbers before it.
func (c *Capacity) AddNumber(others []int) {
	c.numbers++
	c.guaranteed = c.max / guaranteedPart / c.numbers
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
	return room > c.reserved || room > 0 && inFlight < c.guaranteed
}

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
