package template

import (
	"errors"
	"fmt"
)

// MostOfPage is the most templates of one page. With the longest texts one has some 10 KB.
const MostOfPage = 100

// Query is what is asked for of an account's templates. Empty members ask for all.
type Query struct {
	Name, Language, Status, Category string
	Cursor                           string
	Limit                            int
}

// Page is some templates of an account.
type Page struct {
	Templates []Definition
	Next      string // the cursor of the page behind it; "": there is none
}

// RefusedError is Meta's refusal to list templates.
type RefusedError struct {
	Code   int
	Detail string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("(#%d) %s", e.Code, e.Detail) }

var (
	// ErrNoAccount is the error of a sender number of which it is not known whose it is, or which has no token here.
	ErrNoAccount = errors.New("the account of the number is not known")
	// ErrUnanswered is the error of a question that was not answered, or not as Meta does.
	ErrUnanswered = errors.New("no answer about templates")
)
