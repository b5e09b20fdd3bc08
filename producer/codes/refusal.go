package codes

import (
	"time"

	"altavoz/schemas/es"
)

// Refusal is why a request is refused, as an error.
type Refusal struct {
	Status     int // of HTTP
	Code       string
	Says, Hint es.Sentence   // without a hint it is that of the code
	Again      bool          // it may be made again
	Wait       time.Duration // and when, where that is known
	Close      bool          // its body was not read to the end
}

func (r *Refusal) Error() string { return r.Says.Spanish() }
