package es

// What is wrong with the use of a template.
const (
	UseName         Code = "use_name"
	UseLanguage     Code = "use_language"
	UseLanguageHint Code = "use_language_hint"
	UseLanguageNear Code = "use_language_near"
	UseWith         Code = "use_with"
	UseWithHint     Code = "use_with_hint"
	UseOwn          Code = "use_own"
	UseOwnHint      Code = "use_own_hint"
	UseOwnHeader    Code = "use_own_header"
	UseMember       Code = "use_member"
	UseHeaderNone   Code = "use_header_none"
	UseHeaderName   Code = "use_header_name"
	UseHeaderUnname Code = "use_header_unname"
	UseBodyForm     Code = "use_body_form"
	UseBodyHint     Code = "use_body_hint"
	UseMany         Code = "use_many"
	UseBytes        Code = "use_bytes"
	UseVariableName Code = "use_variable_name"
	UseVariableHint Code = "use_variable_hint"
	UseTwice        Code = "use_twice"
	UseMixed        Code = "use_mixed"
	UseObjects      Code = "use_objects"
	UseIndex        Code = "use_index"
	UseIndexTwice   Code = "use_index_twice"
	UseButtonKind   Code = "use_button_kind"
	UseValueEmpty   Code = "use_value_empty"
	UseValueForm    Code = "use_value_form"
	UseValueHint    Code = "use_value_hint"
	UseSuffix       Code = "use_suffix"
)

var useTemplate = map[Code]text{
	UseName:         {"El campo '%s' debe ser el nombre de una plantilla: letras de la a a la z en minúscula, dígitos y _, como máximo %s", "The field '%s' must be the name of a template: small letters a to z, digits and _, at most %s"},
	UseLanguage:     {"El campo '%s' debe ser el idioma de la plantilla, como es o es_CO", "The field '%s' must be the language of the template, such as es or es_CO"},
	UseLanguageHint: {"es el código que la plantilla tiene en WhatsApp Manager", "it is the code that the template has in WhatsApp Manager"},
	UseLanguageNear: {"¿quiso decir %s?", "did you mean %s?"},
	UseWith:         {"Los campos 'template' y '%s' no van juntos", "The fields 'template' and '%s' do not go together"},
	UseWithHint: {
		"una plantilla ya tiene sus textos y botones: aquí van solo sus valores, en 'template'; o quite 'template' para enviar un mensaje interactivo",
		"a template has its texts and buttons already: only its values go here, into 'template'; or leave out 'template' to send an interactive message",
	},
	UseOwn: {"El campo '%s' no va con 'template'", "The field '%s' does not go with 'template'"},
	UseOwnHint: {
		"dé lo que cambia en 'variables', y use {{nombre}} en los valores de 'template'; propio puede ser el archivo del encabezado",
		"give what differs in 'variables', and use {{name}} in the values of 'template'; the file of the header may be a recipient's own",
	},
	UseOwnHeader:    {"El encabezado '%s' debe ser del tipo del de 'template': %s", "The header '%s' must be of the kind of that of 'template': %s"},
	UseMember:       {"Se requiere el campo '%s'", "The field '%s' is required"},
	UseHeaderNone:   {"El campo '%s' no va con un encabezado de ese tipo", "The field '%s' does not go with a header of that kind"},
	UseHeaderName:   {"Se requiere el campo '%s': las variables de 'template.body' tienen nombre, y la del encabezado también", "The field '%s' is required: the variables of 'template.body' have names, and so has that of the header"},
	UseHeaderUnname: {"El campo '%s' no va con un 'template.body' sin nombres", "The field '%s' does not go with a 'template.body' without names"},
	UseBodyForm:     {"El campo '%s' debe ser un objeto con los valores por nombre, o un array con los valores en orden", "The field '%s' must be an object with the values by name, or an array with the values in order"},
	UseBodyHint: {
		`de una plantilla con variables con nombre: {"nombre": "Ana"}; de una con {{1}}, {{2}}: ["Ana", "lunes"]`,
		`of a template whose variables have names: {"nombre": "Ana"}; of one with {{1}}, {{2}}: ["Ana", "Monday"]`,
	},
	UseBytes:        {"Los valores del campo '%s' admiten como máximo %s bytes en total y tienen %s", "The values of the field '%s' take at most %s bytes in all and have %s"},
	UseMany:         {"El campo '%s' admite como máximo %s valores", "The field '%s' takes at most %s values"},
	UseVariableName: {"El nombre de variable del campo '%s' no es válido: letras de la a a la z, dígitos y _, como máximo %s", "The name of the variable in the field '%s' is not valid: letters a to z, digits and _, at most %s"},
	UseVariableHint: {`la variable {{1}} no tiene nombre: dé los valores en un array, en su orden`, `the variable {{1}} has no name: give the values in an array, in their order`},
	UseTwice:        {"El valor '%s' está dos veces", "The value '%s' is there twice"},
	UseMixed:        {"El campo '%s' tiene valores con nombre y sin nombre", "The field '%s' has values with and without a name"},
	UseObjects:      {"El campo '%s' debe ser un array de objetos", "The field '%s' must be an array of objects"},
	UseIndex:        {"El campo '%s' debe ser la posición del botón en la plantilla, de 0 a %s", "The field '%s' must be the position of the button in the template, from 0 to %s"},
	UseIndexTwice:   {"Dos botones de 'template.buttons' tienen la posición %s", "Two buttons of 'template.buttons' have the position %s"},
	UseButtonKind:   {"El campo '%s' necesita uno de: %s", "The field '%s' needs one of: %s"},
	UseValueEmpty:   {"El campo '%s' está vacío", "The field '%s' has no text"},
	UseValueForm:    {"El campo '%s' no admite saltos de línea, tabulaciones ni más de %s espacios seguidos", "The field '%s' takes no line breaks, no tabs, and no more than %s blanks in a row"},
	UseValueHint:    {"es una regla de WhatsApp para los valores de una plantilla", "it is a rule of WhatsApp for the values of a template"},
	UseSuffix:       {"El campo '%s' debe ser solo el final del enlace: WhatsApp lo pone detrás del que tiene la plantilla", "The field '%s' must be the end of the link only: WhatsApp puts it behind the one that the template has"},
}
