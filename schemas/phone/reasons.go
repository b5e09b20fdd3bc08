package phone

import "errors"

// ErrInvalid is what every Error is, in the words of the public contract.
var ErrInvalid = errors.New("Invalid phone number format") //nolint:staticcheck // the public contract's words

// Error says why a text is no recipient, in Spanish, for the one whose list it stands in.
type Error struct{ Why string }

func (e *Error) Error() string { return ErrInvalid.Error() + ": " + e.Why }

func (e *Error) Unwrap() error { return ErrInvalid }

// The reasons: a closed set.
var (
	errEmpty     = &Error{"está vacío"}
	errEntry     = &Error{"la entrada no es un texto ni un número entero"}
	errEncoding  = &Error{"no es texto UTF-8"}
	errLetters   = &Error{"tiene letras"}
	errSigns     = &Error{"tiene signos que no van en un teléfono"}
	errSeveral   = &Error{"parece más de un número: cada uno va en su propia entrada"}
	errExtension = &Error{"tiene una extensión, y WhatsApp no las marca"}
	errEmail     = &Error{"es un correo electrónico"}
	errLink      = &Error{"es un enlace sin número de teléfono"}
	errGroup     = &Error{"es un grupo de WhatsApp, no un teléfono"}
	errChannel   = &Error{"es un canal o una lista de difusión de WhatsApp, no un teléfono"}
	errInternal  = &Error{"es un identificador interno de WhatsApp (LID), no un teléfono"}
	errAddress   = &Error{"parece una dirección IP"}
	errDate      = &Error{"parece una fecha"}
	errIdentity  = &Error{"parece un documento de identidad o tributario"}
	errFraction  = &Error{"tiene decimales"}
	errRounded   = &Error{"una hoja de cálculo lo redondeó y perdió cifras: dé formato de texto a la columna y expórtela de nuevo"}
	errText      = &Error{"es demasiado largo"}
	errShort     = &Error{"le faltan dígitos"}
	errLong      = &Error{"tiene demasiados dígitos"}
	errService   = &Error{"es una línea de servicio, no la de un abonado"}
	errNowhere   = &Error{"ese código de país no tiene números así"}
	errPlus      = &Error{"después del + va el código de país, que no empieza por cero"}
)

// noCountry is the reason of digits that are no number of the region, nor of any country as they stand.
func noCountry(region string) *Error {
	return &Error{"no es un número válido de " + region + "; si es de otro país, le falta el código de país: escríbalo con +"}
}
