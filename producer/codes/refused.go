package codes

import (
	"time"

	"altavoz/schemas/es"
)

// RefusedError is why a request is refused, as an error.
type RefusedError struct {
	Status     int // of HTTP
	Code       string
	Says, Hint es.Sentence   // without a hint it is that of the code
	Again      bool          // it may be made again
	Wait       time.Duration // and when, where that is known
	Close      bool          // its body was not read to the end
}

func (r *RefusedError) Error() string { return r.Says.Spanish() }
