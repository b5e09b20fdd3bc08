// Package price is what Meta says of the price of a message, in one byte: a category, a type, and whether it is billed. It is wire format: the
// field price of an Outcome, the prices of a StatePage and those of a Status.
//
//	bit 7 6 5 4 3 2 1 0
//	    │ │ └┬┘ └──┬──┘
//	    │ │  │     category: 1 to 14 as below; 15 is none of these
//	    │ │  type: 0 is none of these
//	    │ billed
//	    not used
//
// Of two prices of one message the greater counts, in whatever order they come: billed before not billed.
package price

import "math"

// Class is a price.
type Class byte

// None is what a message has of which no price was told.
const None Class = 0

const (
	billed       = 1 << 6
	typeShift    = 4
	typeMask     = 3
	categoryMask = 15
)

// The categories and types that are asked for, as Meta writes them.
const (
	Service   = "service" // free-form messages
	Marketing = "marketing"
	Utility   = "utility"
	Regular   = "regular"               // what its category costs
	Free      = "free_customer_service" // to who wrote within 24 hours
	Other     = "other"                 // none that is known here
)

// All categories and types by their number. Append only, categories up to 14.
var (
	categories = [...]string{1: Service, 2: Utility, 3: "authentication", 4: "authentication-international", 5: Marketing, 6: "marketing_lite", 7: "referral_conversion"}
	types      = [...]string{1: "free_entry_point", 2: Free, 3: Regular}
)

// Of returns the class of what a webhook says; None where it names no category. One that does not say whether it is billed says it by its type.
func Of(category, kind []byte, says, isBilled bool) Class {
	if len(category) == 0 {
		return None
	}
	c := Class(categoryMask)
	for i, name := range categories {
		if string(category) == name {
			c = Class(i)
		}
	}
	for i, name := range types {
		if len(kind) > 0 && string(kind) == name {
			c |= Class(i << typeShift)
		}
	}
	if says && isBilled || !says && string(kind) == Regular {
		c |= billed
	}
	return c
}

// Read returns the class that a record has; None for what is no byte.
func Read(field uint32) Class {
	if field > math.MaxUint8 {
		return None
	}
	return Class(field)
}

// Category returns the word for its category.
func (c Class) Category() string {
	if i := int(c & categoryMask); i > 0 && i < len(categories) {
		return categories[i]
	}
	return Other
}

// Type returns the word for its type.
func (c Class) Type() string {
	if i := c >> typeShift & typeMask; i > 0 {
		return types[i]
	}
	return Other
}

// Billed reports whether Meta bills the message.
func (c Class) Billed() bool { return c&billed != 0 }
