package app

import (
	"cmp"
	"errors"

	"altavoz/kafka/health"
)

// hinted is an error with what to do about it, for a person.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns what to do about it.
func (h hinted) Hint() string { return h.hint }

func withHint(err error, hint string) error { return hinted{err, hint} }

// Hint returns what to do about an error, or "" where that is not known.
func Hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// kafkaError says what to do where Kafka can't be used: what it refused, or where to look.
func kafkaError(err error) error {
	_, words := health.Explain(err)
	return withHint(err, cmp.Or(words, "is ALTAVOZ_KAFKA_BROKERS right, and does Kafka run?"))
}
