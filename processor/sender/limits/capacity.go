package limits

const (
	// expressReserve is the part of the calls that bulk never takes: an eighth.
	expressReserve = 8
	// partsOf: a quarter of them is kept for numbers that have little under way.
	partsOf = 4
)

// Capacity says whether another call may begin. Bulk leaves an eighth to express. Each number has a part that the others
// leave to it, a quarter of everything divided by the numbers, so that one whose calls hang never takes all. What is beyond
// the parts goes, while it is short, to who has the least under way: which is for the caller to see to.
type Capacity struct {
	most     int // calls
	bulkMost int
	part     int // of each number

	total, bulk int
	owed        int // what numbers have left of their parts
	numbers     int
}

// NewCapacity returns room for so many calls.
func NewCapacity(most int) Capacity {
	return Capacity{most: most, bulkMost: most - max(1, most/expressReserve)*min(1, most-1)}
}

// Join counts a number in; inFlight are the numbers before it.
func (c *Capacity) Join(others []int) {
	c.numbers++
	c.part = c.most / partsOf / c.numbers
	c.owed = c.part
	for _, n := range others {
		c.owed += max(0, c.part-n)
	}
}

// Fits reports whether a number with inFlight calls may begin another.
func (c *Capacity) Fits(bulk bool, inFlight int) bool {
	room := c.most - c.total
	if bulk {
		room = min(room, c.bulkMost-c.bulk)
	}
	return room > c.owed || room > 0 && inFlight < c.part
}

// Add counts a call of a number with inFlight others.
func (c *Capacity) Add(bulk bool, inFlight int) {
	c.total++
	if bulk {
		c.bulk++
	}
	if inFlight < c.part {
		c.owed--
	}
}

// Remove counts the end of a call of a number, with inFlight left.
func (c *Capacity) Remove(bulk bool, inFlight int) {
	c.total--
	if bulk {
		c.bulk--
	}
	if inFlight < c.part {
		c.owed++
	}
}

// Total is how many calls are under way, and Bulk how many of them are bulk's.
func (c *Capacity) Total() int { return c.total }

// Bulk is how many calls of bulk are under way.
func (c *Capacity) Bulk() int { return c.bulk }
