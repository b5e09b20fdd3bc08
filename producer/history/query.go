package history

import (
	"errors"
	"maps"
	"net/url"
	"slices"

	"altavoz/producer/page"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
	"altavoz/schemas/request"
)

// How many sends an answer has. One is some 250 bytes.
const (
	defaultLimit = 50
	maxLimit     = 500
)

// Query is whose sends somebody wants to see.
type Query struct {
	Language es.Language // of reasons
	phone    schemas.Phone
	limit    int
}

// Parameters are all that a query may have.
var Parameters = []string{"limit"}

// ReadQuery reads the phone of a path and the parameters of a request; region is that of phones without a country. What is wrong is a
// *request.FieldError.
func ReadQuery(text string, values url.Values, region string) (*Query, error) {
	q := &Query{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			return nil, request.ParameterFault(name, request.CodeDuplicate, es.Literal(name+"="+values.Get(name)), es.ParameterOnce)
		}
	}
	var err error
	if q.limit, err = page.Limit(values.Get("limit"), defaultLimit, maxLimit); err != nil {
		return nil, err //nolint:wrapcheck // says all
	}
	p, err := schemas.ParsePhone(text, region)
	if why := new(phone.Error); errors.As(err, &why) {
		return nil, request.ParameterFault("phone", request.CodeValue, es.Literal(request.PathRecipients+"573001234567"), es.ParameterPhone, why.Why.Spanish())
	}
	q.phone = p
	return q, nil
}
