package es

// What is wrong with recipients that have something of their own.
const (
	RecipientsMissing   Code = "recipients_missing"
	RecipientsMany      Code = "recipients_many"
	RecipientsArrayHint Code = "recipients_array_hint"
	RecipientsAndPhones Code = "recipients_and_phones"
	RecipientsOneHint   Code = "recipients_one_hint"
	PhonesElsewhere     Code = "phones_elsewhere"
	PhonesElsewhereHint Code = "phones_elsewhere_hint"
	OwnElsewhere        Code = "own_elsewhere"
	OwnElsewhereHint    Code = "own_elsewhere_hint"
	OwnLarge            Code = "own_large"
	OwnBody             Code = "own_body"
	OwnHeaderType       Code = "own_header_type"
	OwnHeaderContent    Code = "own_header_content"
	OwnFilename         Code = "own_filename"
	OwnFiles            Code = "own_files"
	RecipientFieldsAre  Code = "recipient_fields_are"
	FieldObject         Code = "field_object"
	FieldScalar         Code = "field_scalar"
	FieldUserID         Code = "field_user_id"
	VariableName        Code = "variable_name"
	VariableTwice       Code = "variable_twice"
	VariablesMany       Code = "variables_many"
	VariableNobody      Code = "variable_nobody"
	VariableNearHint    Code = "variable_near_hint"
	VariablesAreHint    Code = "variables_are_hint"
	VariablesNoneHint   Code = "variables_none_hint"
	VariablesUnused     Code = "variables_unused"
	VariableInFile      Code = "variable_in_file"
	VariableInFileHint  Code = "variable_in_file_hint"
)

var personal = map[Code]text{
	RecipientsMissing: {"Se requiere el campo 'recipients' con un array de destinatarios", "The field 'recipients' is required, with an array of recipients"},
	RecipientsMany:    {"El campo 'recipients' admite como máximo %s destinatarios", "The field 'recipients' takes at most %s recipients"},
	RecipientsArrayHint: {
		`use un array, un objeto por destinatario: "recipients": [{"phone": "573001234567", "variables": {"nombre": "Ana"}}]`,
		`use an array, one object a recipient: "recipients": [{"phone": "573001234567", "variables": {"nombre": "Ana"}}]`,
	},
	RecipientsAndPhones: {"Los campos 'phones' y 'recipients' no van juntos", "The fields 'phones' and 'recipients' do not go together"},
	RecipientsOneHint:   {"deje a todos en 'recipients': quien no tiene nada propio lleva solo 'phone'", "leave everybody in 'recipients': who has nothing of their own has 'phone' only"},
	PhonesElsewhere:     {"El campo 'phones' no es de esta dirección", "The field 'phones' does not belong to this address"},
	PhonesElsewhereHint: {"use 'recipients', o POST %s", "use 'recipients', or POST %s"},
	OwnElsewhere:        {"El campo '%s' no es de esta dirección: aquí el mensaje es el mismo para todos", "The field '%s' does not belong to this address: the message is the same for all here"},
	OwnElsewhereHint: {
		"use 'variables' para lo que cambia, o POST %s para un mensaje propio de cada destinatario",
		"use 'variables' for what differs, or POST %s for a message of each recipient's own",
	},
	OwnLarge:         {"El destinatario '%s' tiene más de %s bytes de textos y valores", "The recipient '%s' has more than %s bytes of texts and values"},
	OwnBody:          {"Falta '%s': ni el destinatario ni la solicitud tienen 'body_text'", "'%s' is missing: neither the recipient nor the request has 'body_text'"},
	OwnHeaderType:    {"Falta '%s': en el destinatario, o en la solicitud antes de 'recipients'", "'%s' is missing: in the recipient, or in the request before 'recipients'"},
	OwnHeaderContent: {"Falta '%s', que va con 'header_type'", "'%s' is missing, which goes with 'header_type'"},
	OwnFilename:      {"El campo '%s' necesita 'header_content' en el mismo destinatario", "The field '%s' needs 'header_content' in the same recipient"},
	OwnFiles:         {"Los destinatarios tienen más de %s archivos distintos", "The recipients have more than %s different files"},
	RecipientFieldsAre: {
		`los campos de un destinatario son: %s; los valores para {{nombre}} van en "variables": {"nombre": "Ana"}`,
		`the fields of a recipient are: %s; the values for {{nombre}} go into "variables": {"nombre": "Ana"}`,
	},
	FieldObject:   {"El campo '%s' debe ser un objeto", "The field '%s' must be an object"},
	FieldUserID:   {"El campo '%s' debe ser un identificador de usuario de WhatsApp, como CO.1234567890; los teléfonos van en 'phone'", "The field '%s' must be a user id of WhatsApp, like CO.1234567890; phones stand in 'phone'"},
	FieldScalar:   {"El campo '%s' debe ser un texto, un número o true o false", "The field '%s' must be a text, a number, or true or false"},
	VariableName:  {"El nombre de variable '%s' no es válido: letras, dígitos y _, como máximo %s bytes", "The variable name '%s' is not valid: letters, digits and _, at most %s bytes"},
	VariableTwice: {"La variable '%s' está dos veces", "The variable '%s' is there twice"},
	VariablesMany: {"Los destinatarios tienen más de %s variables distintas", "The recipients have more than %s different variables"},
	VariableNobody: {
		"El campo '%s' tiene {{%s}}, y ningún destinatario tiene un valor para esa variable", "The field '%s' has {{%s}}, and no recipient has a value for that variable",
	},
	VariableNearHint:  {"¿quiso decir {{%s}}?", "did you mean {{%s}}?"},
	VariablesAreHint:  {"las variables son: %s", "the variables are: %s"},
	VariablesNoneHint: {`dé los valores en "variables" de cada destinatario; si de verdad es texto: "literal": true`, `give the values in "variables" of each recipient; if it really is text: "literal": true`},
	VariablesUnused:   {"Ningún texto usa estas variables: %s", "No text uses these variables: %s"},
	VariableInFile:    {"La URL del archivo de '%s' no admite variables", "The URL of the file in '%s' takes no variables"},
	VariableInFileHint: {
		"dé a cada destinatario su 'header_content' en POST %s", "give each recipient a 'header_content' of its own in POST %s",
	},
}
