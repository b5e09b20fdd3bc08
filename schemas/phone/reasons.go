package phone

import (
	"errors"

	"altavoz/schemas/es"
)

// ErrInvalid is what every Error is, in the words of the public contract.
var ErrInvalid = errors.New("Invalid phone number format") //nolint:staticcheck // the public contract's words

// Error says why a text is no recipient, in Spanish, for the one whose list it stands in.
type Error struct{ Why es.Sentence }

func (e *Error) Error() string { return ErrInvalid.Error() + ": " + e.Why.Spanish() }

func (e *Error) Unwrap() error { return ErrInvalid }

// The reasons: a closed set.
var (
	errEmpty     = &Error{es.Say(es.PhoneEmpty)}
	errEntry     = &Error{es.Say(es.PhoneEntry)}
	errEncoding  = &Error{es.Say(es.PhoneEncoding)}
	errLetters   = &Error{es.Say(es.PhoneLetters)}
	errSigns     = &Error{es.Say(es.PhoneSigns)}
	errSeveral   = &Error{es.Say(es.PhoneSeveral)}
	errExtension = &Error{es.Say(es.PhoneExtension)}
	errEmail     = &Error{es.Say(es.PhoneEmail)}
	errLink      = &Error{es.Say(es.PhoneLink)}
	errGroup     = &Error{es.Say(es.PhoneGroup)}
	errChannel   = &Error{es.Say(es.PhoneChannel)}
	errInternal  = &Error{es.Say(es.PhoneInternal)}
	errAddress   = &Error{es.Say(es.PhoneAddress)}
	errDate      = &Error{es.Say(es.PhoneDate)}
	errIdentity  = &Error{es.Say(es.PhoneIdentity)}
	errFraction  = &Error{es.Say(es.PhoneFraction)}
	errRounded   = &Error{es.Say(es.PhoneRounded)}
	errText      = &Error{es.Say(es.PhoneText)}
	errShort     = &Error{es.Say(es.PhoneShort)}
	errLong      = &Error{es.Say(es.PhoneLong)}
	errService   = &Error{es.Say(es.PhoneService)}
	errNowhere   = &Error{es.Say(es.PhoneNowhere)}
	errPlus      = &Error{es.Say(es.PhonePlus)}
)

// noCountry is the reason of digits that are no number of the region, nor of any country as they stand.
func noCountry(region string) *Error {
	return &Error{es.Say(es.PhoneCountry, region)}
}
