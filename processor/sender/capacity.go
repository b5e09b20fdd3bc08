package sender

// capacity says whether another call may begin. Bulk leaves an eighth to express. Each number has a part that the others
// leave to it, a quarter of everything divided by the numbers, so that one whose calls hang never takes all. What is beyond
// the parts goes, while it is short, to who has the least under way: see Stage.admit.
type capacity struct {
	most     int // calls
	bulkMost int
	part     int // of each number

	total, bulk int
	owed        int // what numbers have left of their parts
	numbers     int
}

func newCapacity(most int) capacity {
	return capacity{most: most, bulkMost: most - max(1, most/expressReserve)*min(1, most-1)}
}

// join counts a number in; inFlight are the numbers before it.
func (c *capacity) join(others []int) {
	c.numbers++
	c.part = c.most / partsOf / c.numbers
	c.owed = c.part
	for _, n := range others {
		c.owed += max(0, c.part-n)
	}
}

// fits reports whether a number with inFlight calls may begin another.
func (c *capacity) fits(l lane, inFlight int) bool {
	room := c.most - c.total
	if l == bulk {
		room = min(room, c.bulkMost-c.bulk)
	}
	return room > c.owed || room > 0 && inFlight < c.part
}

// add counts a call of a number with inFlight others.
func (c *capacity) add(l lane, inFlight int) {
	c.total++
	if l == bulk {
		c.bulk++
	}
	if inFlight < c.part {
		c.owed--
	}
}

// remove counts the end of a call of a number, with inFlight left.
func (c *capacity) remove(l lane, inFlight int) {
	c.total--
	if l == bulk {
		c.bulk--
	}
	if inFlight < c.part {
		c.owed++
	}
}

// lane is schemas.Lane as an index.
type lane uint8

const (
	express lane = iota
	bulk
	lanes
)
