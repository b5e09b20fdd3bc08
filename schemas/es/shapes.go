package es

// What is wrong with what a recipient is to tap.
const (
	FieldMany   Code = "field_many"
	FieldBytes  Code = "field_bytes"
	FieldArray  Code = "field_array"
	FieldsApart Code = "fields_apart"
	FieldsAlike Code = "fields_alike"
	ListHeader  Code = "list_header"
	OneShape    Code = "one_shape"
	FewerParts  Code = "fewer_parts"
	TapOptsOut  Code = "tap_opts_out"
)

var shapes = map[Code]text{
	FieldMany:   {"El campo '%s' admite como máximo %s elementos y tiene %s", "The field '%s' takes at most %s elements and has %s"},
	FieldBytes:  {"El campo '%s' admite como máximo %s bytes de JSON", "The field '%s' takes at most %s bytes of JSON"},
	FieldArray:  {"El campo '%s' debe ser un array", "The field '%s' must be an array"},
	FieldsApart: {"Los campos '%s' y '%s' no van juntos", "The fields '%s' and '%s' do not go together"},
	FieldsAlike: {"El campo '%s' repite lo que dice '%s'", "The field '%s' repeats what '%s' says"},
	ListHeader:  {"Con 'list' el encabezado solo puede ser de texto: 'header_type' debe ser text", "With 'list' the header can only be a text: 'header_type' must be text"},
	OneShape: {
		"un mensaje lleva un enlace ('button_text', 'button_url'), o 'buttons', o 'list', o 'location_request'",
		"a message has a link ('button_text', 'button_url'), or 'buttons', or 'list', or 'location_request'",
	},
	FewerParts: {"ofrezca menos opciones: WhatsApp no admite más en un mensaje", "offer fewer choices: WhatsApp takes no more in a message"},
	TapOptsOut: {
		"El campo '%s' es '%s', una palabra de baja: quien toque ese botón no recibirá más mensajes. Si no quiere eso, use otra palabra",
		"The field '%s' is '%s', a word that opts out: whoever taps that button gets no more messages. If that is not meant, use another word",
	},
}
