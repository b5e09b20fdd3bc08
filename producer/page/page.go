// Package page reads how much of a list a request asks for.
package page

import (
	"strconv"

	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// Limit reads the parameter limit: how many entries a page has, usual where nothing is said, at most most. Its error is a *request.FieldError.
func Limit(text string, usual, most int) (int, error) {
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, request.ParameterFault("limit", request.CodeValue, es.Literal("limit="+strconv.Itoa(most)), es.ParameterRange, most)
	}
	return n, nil
}
