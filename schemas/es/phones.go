package es

// Why a recipient is no phone number; it follows "Invalid phone number format: ".
const (
	PhoneEmpty     Code = "phone_empty"
	PhoneEntry     Code = "phone_entry"
	PhoneEncoding  Code = "phone_encoding"
	PhoneLetters   Code = "phone_letters"
	PhoneSigns     Code = "phone_signs"
	PhoneSeveral   Code = "phone_several"
	PhoneExtension Code = "phone_extension"
	PhoneEmail     Code = "phone_email"
	PhoneLink      Code = "phone_link"
	PhoneGroup     Code = "phone_group"
	PhoneChannel   Code = "phone_channel"
	PhoneInternal  Code = "phone_internal"
	PhoneAddress   Code = "phone_address"
	PhoneDate      Code = "phone_date"
	PhoneIdentity  Code = "phone_identity"
	PhoneFraction  Code = "phone_fraction"
	PhoneRounded   Code = "phone_rounded"
	PhoneText      Code = "phone_text"
	PhoneShort     Code = "phone_short"
	PhoneLong      Code = "phone_long"
	PhoneService   Code = "phone_service"
	PhoneNowhere   Code = "phone_nowhere"
	PhonePlus      Code = "phone_plus"
	PhoneCountry   Code = "phone_country"
)

var phones = map[Code]text{
	PhoneEmpty:     {"está vacío", "it is empty"},
	PhoneEntry:     {"la entrada no es un texto ni un número entero", "the entry is neither text nor a whole number"},
	PhoneEncoding:  {"no es texto UTF-8", "it is not UTF-8 text"},
	PhoneLetters:   {"tiene letras", "it has letters"},
	PhoneSigns:     {"tiene signos que no van en un teléfono", "it has characters that do not belong in a phone number"},
	PhoneSeveral:   {"parece más de un número: cada uno va en su propia entrada", "it looks like more than one number: each goes in an entry of its own"},
	PhoneExtension: {"tiene una extensión, y WhatsApp no las marca", "it has an extension, and WhatsApp does not dial those"},
	PhoneEmail:     {"es un correo electrónico", "it is an email address"},
	PhoneLink:      {"es un enlace sin número de teléfono", "it is a link without a phone number"},
	PhoneGroup:     {"es un grupo de WhatsApp, no un teléfono", "it is a WhatsApp group, not a phone"},
	PhoneChannel:   {"es un canal o una lista de difusión de WhatsApp, no un teléfono", "it is a WhatsApp channel or broadcast list, not a phone"},
	PhoneInternal:  {"es un identificador interno de WhatsApp (LID), no un teléfono", "it is an internal identifier of WhatsApp (LID), not a phone"},
	PhoneAddress:   {"parece una dirección IP", "it looks like an IP address"},
	PhoneDate:      {"parece una fecha", "it looks like a date"},
	PhoneIdentity:  {"parece un documento de identidad o tributario", "it looks like an identity or tax document"},
	PhoneFraction:  {"tiene decimales", "it has decimals"},
	PhoneRounded: {
		"una hoja de cálculo lo redondeó y perdió cifras: dé formato de texto a la columna y expórtela de nuevo",
		"a spreadsheet rounded it and digits were lost: format the column as text and export it again",
	},
	PhoneText:    {"es demasiado largo", "it is too long"},
	PhoneShort:   {"le faltan dígitos", "digits are missing"},
	PhoneLong:    {"tiene demasiados dígitos", "it has too many digits"},
	PhoneService: {"es una línea de servicio, no la de un abonado", "it is a service line, not a subscriber's"},
	PhoneNowhere: {"ese código de país no tiene números así", "that country code has no such numbers"},
	PhonePlus:    {"después del + va el código de país, que no empieza por cero", "after the + goes the country code, which does not begin with zero"},
	PhoneCountry: {
		"no es un número válido de %s; si es de otro país, le falta el código de país: escríbalo con +",
		"it is not a valid number of %s; if it is of another country, its country code is missing: write it with +",
	},
}
