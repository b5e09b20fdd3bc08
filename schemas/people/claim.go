package people

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

const (
	// Window is for how long a person who was written to counts.
	Window = 24 * time.Hour
	// Fresh is how long after it was asked for a message may leave on a claim.
	Fresh = 4 * time.Minute
	// Margin is how much longer than Window a place is taken: Fresh, a commit and a call, which are over in 20 s, and ten minutes by which clocks may differ.
	Margin = 15 * time.Minute

	// MaxLimit is the highest limit that is kept to. Meta's next is none.
	MaxLimit = 100_000
	// MaxPeople bounds the people whose claims are remembered, those of all businesses: 20 at the highest limit. They take 45 MiB.
	MaxPeople = 2_000_000
	// MaxClaim is how many people a claim has at most, at 8 bytes each.
	MaxClaim = 1024
	// maxBehind is how many records may lie between what its writer had read and a claim.
	maxBehind = 4096
)

// Limit is to how many people a business may write: what a webhook said, as NUMBER_EVENT_KIND_PEOPLE, or else, where nothing was said, what is configured.
// 0: to as many as it likes.
func Limit(said *schemas.NumberEvent, configured int) int {
	if said != nil {
		configured = int(said.GetPeople())
	}
	if configured > MaxLimit {
		return 0
	}
	return configured
}

// Person is a person, whom a hash stands for.
type Person uint64

// Of returns the person of a recipient: all national writings of a line are one.
func Of(to schemas.Phone) Person {
	name, ok := optout.Person(to.Digits())
	if !ok {
		name = to.Digits()
	}
	sum := sha256.Sum256([]byte(name))
	return Person(binary.BigEndian.Uint64(sum[:]))
}

// Claim is people whom a process wants to write to.
type Claim struct {
	Business string
	People   []Person
	Places   int // how many of them need one
	Free     int // places there were, as far as its writer had read
	Read     int64
	Process  string
	Number   uint64 // which of its process's it is
}

// Encode makes the record of a claim.
func (c *Claim) Encode() stream.Record {
	people := make([]uint64, len(c.People))
	for i, p := range c.People {
		people[i] = uint64(p)
	}
	return schemas.Encode(schemas.TopicPeople, c.Business, &schemas.PeopleClaim{
		Business: c.Business, People: people, Places: uint32(c.Places), Free: uint32(c.Free), Read: c.Read, Process: c.Process, Number: c.Number, //nolint:gosec // at most MaxClaim and MaxLimit
	})
}

// Decode reads what Encode wrote. Its error is schemas.ErrDecode.
func Decode(rec *stream.Record) (c Claim, err error) {
	var in schemas.PeopleClaim
	if err := schemas.Decode(rec, &in); err != nil {
		return c, err
	}
	if len(in.GetPeople()) > MaxClaim || int(in.GetPlaces()) > len(in.GetPeople()) || in.GetFree() > MaxLimit || in.GetRead() < 0 || in.GetRead() > rec.Offset {
		return c, fmt.Errorf("record %s/%d at %d: %w: no claim of people", rec.Topic, rec.Partition, rec.Offset, schemas.ErrDecode)
	}
	c = Claim{
		Business: in.GetBusiness(), People: make([]Person, len(in.GetPeople())), Places: int(in.GetPlaces()), Free: int(in.GetFree()),
		Read: in.GetRead(), Process: in.GetProcess(), Number: in.GetNumber(),
	}
	for i, p := range in.GetPeople() {
		c.People[i] = Person(p)
	}
	return c, nil
}
