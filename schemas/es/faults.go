package es

// What is wrong with a request.
const (
	PhonesMissing        Code = "phones_missing"
	BodyMissing          Code = "body_missing"
	FieldLong            Code = "field_long"
	FieldLines           Code = "field_lines"
	FieldRequired        Code = "field_required"
	VariableMissing      Code = "variable_missing"
	FileNumber           Code = "file_number"
	OwnTooLarge          Code = "own_too_large"
	FieldURL             Code = "field_url"
	FieldURLOrFile       Code = "field_url_or_file"
	FieldUser            Code = "field_user"
	FieldPrivate         Code = "field_private"
	FieldInteger         Code = "field_integer"
	FieldText            Code = "field_text"
	FieldBool            Code = "field_bool"
	FieldOneOf           Code = "field_one_of"
	FieldTime            Code = "field_time"
	FieldRepeated        Code = "field_repeated"
	FieldUnknown         Code = "field_unknown"
	FieldUnknownNear     Code = "field_unknown_near"
	FieldIgnored         Code = "field_ignored"
	FieldsAre            Code = "fields_are"
	FieldMeant           Code = "field_meant"
	Placeholder          Code = "placeholder"
	PlaceholderHint      Code = "placeholder_hint"
	PlaceholderDoubt     Code = "placeholder_doubt"
	FileNeedsHeader      Code = "file_needs_header"
	FileByURL            Code = "file_by_url"
	ContentLong          Code = "content_long"
	ContentNotText       Code = "content_not_text"
	DataForm             Code = "data_form"
	DataType             Code = "data_type"
	DataEmpty            Code = "data_empty"
	DataBase64           Code = "data_base64"
	DataNoImage          Code = "data_no_image"
	DataNoVideo          Code = "data_no_video"
	DataNoDocument       Code = "data_no_document"
	DataOther            Code = "data_other"
	DataLarge            Code = "data_large"
	PhonesArrayHint      Code = "phones_array_hint"
	PhonesMany           Code = "phones_many"
	SpeedPositive        Code = "speed_positive"
	SpeedMissing         Code = "speed_missing"
	SpeedForm            Code = "speed_form"
	SpeedRange           Code = "speed_range"
	SpeedObject          Code = "speed_object"
	TaskIDForm           Code = "task_id_form"
	ReferenceForm        Code = "reference_form"
	CallbackUnsigned     Code = "callback_unsigned"
	CallbackUnsignedHint Code = "callback_unsigned_hint"
	CallbackPort         Code = "callback_port"
	ButtonWithoutURL     Code = "button_without_url"
	HeaderTypeMissing    Code = "header_type_missing"
	HeaderContentMissing Code = "header_content_missing"
	HeaderTextLong       Code = "header_text_long"
	ExpireTooEarly       Code = "expire_too_early"
	ExpirePast           Code = "expire_past"
	ScheduleDays         Code = "schedule_days"
	WindowNotOpen        Code = "window_not_open"
	WindowZone           Code = "window_zone"
	WindowSpans          Code = "window_spans"
	WindowDays           Code = "window_days"
	WindowTimes          Code = "window_times"
	WindowHolidays       Code = "window_holidays"
	WindowForm           Code = "window_form"
	JSONObject           Code = "json_object"
	JSONMembers          Code = "json_members"
	JSONTrailing         Code = "json_trailing"
	JSONComplex          Code = "json_complex"
	JSONText             Code = "json_text"
	JSONInvalid          Code = "json_invalid"
	JSONEmpty            Code = "json_empty"
	BodyTooLarge         Code = "body_too_large"
)

// DefaultButton is what a button reads whose text nobody gave.
const DefaultButton = "Ver más"

var faults = map[Code]text{
	PhonesMissing:    {"Se requiere el campo 'phones' con un array de números telefónicos", "The field 'phones' is required, with an array of phone numbers"},
	BodyMissing:      {"Se requiere el campo 'body_text'", "The field 'body_text' is required"},
	FieldLong:        {"El campo '%s' admite como máximo %s caracteres y tiene %s", "The field '%s' takes at most %s characters and has %s"},
	FieldLines:       {"El campo '%s' no admite saltos de línea ni tabulaciones", "The field '%s' takes no line breaks or tabs"},
	FieldRequired:    {"El campo '%s' está vacío", "The field '%s' is empty"},
	VariableMissing:  {"Falta el valor de la variable '%s', que usa el campo '%s'", "There is no value for the variable '%s', which the field '%s' uses"},
	OwnTooLarge:      {"Los valores y textos propios de un destinatario son demasiado grandes", "The values and texts of one recipient's own are too large"},
	FileNumber:       {"El encabezado nombra un archivo que no está en el envío", "The header names a file that is not in the broadcast"},
	FieldURL:         {"El campo '%s' debe ser una URL completa que empiece por http:// o https://", "The field '%s' must be a full URL that begins with http:// or https://"},
	FieldURLOrFile:   {"El campo '%s' debe ser una URL http:// o https://, o un archivo data:<tipo>;base64,...", "The field '%s' must be a URL with http:// or https://, or a file as data:<type>;base64,..."},
	FieldUser:        {"El campo '%s' no puede llevar usuario ni contraseña", "The field '%s' must not carry a user or a password"},
	FieldPrivate:     {"El campo '%s' lleva a una dirección que solo existe en una red privada: nadie podrá abrirla", "The field '%s' leads to an address that exists only in a private network: nobody will be able to open it"},
	FieldInteger:     {"El campo '%s' debe ser un número entero", "The field '%s' must be a whole number"},
	FieldText:        {"El campo '%s' debe ser un texto", "The field '%s' must be a text"},
	FieldBool:        {"El campo '%s' debe ser true o false", "The field '%s' must be true or false"},
	FieldOneOf:       {"El campo '%s' debe ser uno de: %s", "The field '%s' must be one of: %s"},
	FieldTime:        {"El campo '%s' debe ser una fecha RFC 3339, como 2026-01-31T09:00:00-05:00", "The field '%s' must be a time by RFC 3339, such as 2026-01-31T09:00:00-05:00"},
	FieldRepeated:    {"El campo '%s' está repetido", "The field '%s' is there twice"},
	FieldUnknown:     {"Campo desconocido '%s'", "Unknown field '%s'"},
	FieldUnknownNear: {"Campo desconocido '%s'; ¿quiso decir '%s'?", "Unknown field '%s'; did you mean '%s'?"},
	FieldIgnored:     {"Campo desconocido '%s': se ignora", "Unknown field '%s': it is ignored"},
	FieldsAre:        {"los campos son: %s", "the fields are: %s"},
	FieldMeant:       {"el campo '%s' no existe; ¿quiso decir '%s'?", "there is no field '%s'; did you mean '%s'?"},
	Placeholder:      {"El campo '%s' tiene un marcador sin reemplazar: %s", "The field '%s' has a placeholder that was not replaced: %s"},
	PlaceholderHint:  {`reemplácelo antes de enviar; si de verdad es texto: "literal": true`, `replace it before sending; if it really is text: "literal": true`},
	PlaceholderDoubt: {"El campo '%s' tiene %s: ¿un marcador sin reemplazar? Se envía tal cual", "The field '%s' has %s: a placeholder that was not replaced? It is sent as it is"},

	FileNeedsHeader: {"Un archivo necesita 'header_type' image, video o document", "A file needs 'header_type' image, video or document"},
	FileByURL:       {"El archivo debe darse como URL o con su contenido, no con 'media_id' ni 'link'", "The file must be given as a URL or with its content, not by 'media_id' or 'link'"},
	ContentLong:     {"El contenido del encabezado es demasiado largo: una URL admite %s caracteres", "The content of the header is too long: a URL takes %s characters"},
	ContentNotText:  {"El contenido del encabezado no es un texto JSON válido", "The content of the header is not a valid JSON text"},
	DataForm:        {"El contenido del encabezado debe tener la forma data:<tipo>;base64,<archivo>", "The content of the header must have the form data:<type>;base64,<file>"},
	DataType: {
		"El tipo de archivo del encabezado no se entiende: se espera data:<tipo>;base64,<archivo>",
		"The file type of the header can't be understood: data:<type>;base64,<file> is expected",
	},
	DataEmpty:      {"El archivo del encabezado está vacío", "The file of the header is empty"},
	DataBase64:     {"El archivo del encabezado no es base64 válido", "The file of the header is not valid base64"},
	DataNoImage:    {"El archivo del encabezado no es una imagen JPEG o PNG", "The file of the header is not a JPEG or PNG image"},
	DataNoVideo:    {"El archivo del encabezado no es un video MP4 o 3GP", "The file of the header is not an MP4 or 3GP video"},
	DataNoDocument: {"El archivo del encabezado no es un documento PDF, de texto o de Office", "The file of the header is not a PDF, text or Office document"},
	DataOther:      {"El archivo del encabezado dice ser %s y es %s", "The file of the header claims to be %s and is %s"},
	DataLarge:      {"El archivo del encabezado supera el máximo de %s MB", "The file of the header is larger than the limit of %s MB"},

	PhonesArrayHint: {
		`use un array, un número por elemento: "phones": ["573001234567", "573007654321"]`,
		`use an array, one number an element: "phones": ["573001234567", "573007654321"]`,
	},
	PhonesMany:    {"El campo 'phones' admite como máximo %s números", "The field 'phones' takes at most %s numbers"},
	SpeedPositive: {"El campo 'speed' debe ser un número entero de mensajes por segundo, 1 o más", "The field 'speed' must be a whole number of messages per second, 1 or more"},
	SpeedMissing:  {"Se requiere el campo 'speed'", "The field 'speed' is required"},
	SpeedForm:     {"El campo 'speed' debe ser un número entero o null", "The field 'speed' must be a whole number or null"},
	SpeedRange: {
		"El campo 'speed' debe ser un número entero de mensajes por segundo; 0 o null: tan rápido como permita el número emisor",
		"The field 'speed' must be a whole number of messages per second; 0 or null: as fast as the sender number allows",
	},
	SpeedObject:          {`El cuerpo debe ser un objeto JSON, como {"speed": 20}`, `The body must be a JSON object, such as {"speed": 20}`},
	ReferenceForm:        {"El campo 'reference' admite como máximo %s bytes, sin caracteres de control", "The field 'reference' takes at most %s bytes, without control characters"},
	CallbackUnsigned:     {"El campo 'callback_url' no se admite: no hay secreto con que firmar los avisos", "The field 'callback_url' is not taken: there is no secret to sign callbacks with"},
	CallbackUnsignedHint: {"el operador debe configurar %s; sin él, omita el campo", "the operator has to set %s; without it leave the field out"},
	CallbackPort:         {"El campo 'callback_url' lleva a un puerto que no es 80 ni 443", "The field 'callback_url' leads to a port that is neither 80 nor 443"},
	TaskIDForm:           {"El campo 'task_id' debe ser un UUID", "The field 'task_id' must be a UUID"},
	ButtonWithoutURL:     {"El campo 'button_text' no tiene 'button_url': el botón lleva a %s", "The field 'button_text' has no 'button_url': the button leads to %s"},
	HeaderTypeMissing:    {"Se requiere el campo 'header_type' cuando hay 'header_content'", "The field 'header_type' is required where there is 'header_content'"},
	HeaderContentMissing: {"Se requiere el campo 'header_content' cuando hay 'header_type'", "The field 'header_content' is required where there is 'header_type'"},
	HeaderTextLong:       {"El campo 'header_content' admite como máximo %s caracteres en un encabezado de texto", "The field 'header_content' takes at most %s characters in a text header"},
	ExpireTooEarly:       {"El campo 'expire_at' debe ser posterior a 'schedule_at'", "The field 'expire_at' must be later than 'schedule_at'"},
	ExpirePast:           {"El campo 'expire_at' ya pasó", "The time of the field 'expire_at' is past"},
	ScheduleDays:         {"El campo 'schedule_at' admite como máximo %s días desde ahora", "The field 'schedule_at' takes at most %s days from now"},

	WindowNotOpen:  {"El campo 'window' no abre en el tiempo que tiene el envío, hasta %s", "The field 'window' does not open in the time that the broadcast has, until %s"},
	WindowZone:     {"El campo 'window' debe decir en 'timezone' el nombre IANA de una zona horaria, como America/Bogota", "The field 'window' must have the IANA name of a time zone in 'timezone', such as America/Bogota"},
	WindowSpans:    {"El campo 'window' debe tener en 'hours' entre 1 y %s horarios", "The field 'window' must have between 1 and %s spans in 'hours'"},
	WindowDays:     {"El campo 'window' debe tener en 'days' una lista de días (mon, tue, wed, thu, fri, sat, sun) o de tramos como mon-fri", "The field 'window' must have a list of days (mon, tue, wed, thu, fri, sat, sun) or ranges such as mon-fri in 'days'"},
	WindowTimes:    {"El campo 'window' debe decir en 'from' y 'to' horas HH:MM del mismo día, de 00:00 a 24:00, y 'from' antes que 'to'", "The field 'window' must have times HH:MM of one day in 'from' and 'to', from 00:00 to 24:00, and 'from' before 'to'"},
	WindowHolidays: {"El campo 'window' sólo conoce en 'holidays' los festivos de CO", "The field 'window' knows only the holidays of CO in 'holidays'"},
	WindowForm: {
		`El campo 'window' debe ser el nombre de un horario, "%s", o un objeto como {"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}],"holidays":"CO"}`,
		`The field 'window' must be the name of sending hours, "%s", or an object such as {"timezone":"America/Bogota","hours":[{"days":["mon-fri"],"from":"07:00","to":"19:00"}],"holidays":"CO"}`,
	},

	JSONObject:   {"El cuerpo debe ser un objeto JSON", "The body must be a JSON object"},
	JSONMembers:  {"El objeto JSON tiene más de %s campos", "The JSON object has more than %s fields"},
	JSONTrailing: {"Sobra texto después del objeto JSON", "There is text behind the JSON object"},
	JSONComplex:  {"El JSON es demasiado profundo o complejo", "The JSON is too deep or complex"},
	JSONText:     {"El JSON tiene un texto de más de %s bytes", "The JSON has a text of more than %s bytes"},
	JSONInvalid:  {"El cuerpo no es JSON válido (byte %s)", "The body is not valid JSON (byte %s)"},
	JSONEmpty:    {"El cuerpo está vacío o no es JSON válido", "The body is empty or not valid JSON"},
	BodyTooLarge: {"El cuerpo de la solicitud es demasiado grande", "The body of the request is too large"},
}
