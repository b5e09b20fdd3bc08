package es

// What to do about a refusal, by its code.
const (
	HintInternal    Code = "hint_internal"
	HintDataFull    Code = "hint_data_full"
	HintWrongKeys   Code = "hint_wrong_keys"
	HintForbidden   Code = "hint_forbidden"
	HintCrossOrigin Code = "hint_cross_origin"
	HintScope       Code = "hint_scope"
	HintSender      Code = "hint_sender"
	HintShare       Code = "hint_share"
	HintDaily       Code = "hint_daily"
	HintSignature   Code = "hint_signature"
	HintNotFound    Code = "hint_not_found"
	HintMethod      Code = "hint_method"
	HintEncoding    Code = "hint_encoding"
	HintSlow        Code = "hint_slow"
	HintBroken      Code = "hint_broken"
	HintLater       Code = "hint_later"
	HintConflict    Code = "hint_conflict"
	HintContent     Code = "hint_content"
	HintClosed      Code = "hint_closed"
	HintExpired     Code = "hint_expired"
	HintHost        Code = "hint_host"
	HintRequired    Code = "hint_required"
	HintType        Code = "hint_type"
	HintLong        Code = "hint_long"
	HintMany        Code = "hint_many"
	HintValue       Code = "hint_value"
	HintURL         Code = "hint_url"
	HintTime        Code = "hint_time"
	HintBase64      Code = "hint_base64"
	HintFileType    Code = "hint_file_type"
	HintFileSize    Code = "hint_file_size"
	HintJSON        Code = "hint_json"
	HintDuplicate   Code = "hint_duplicate"
	HintUnknown     Code = "hint_unknown"
	HintPlaceholder Code = "hint_placeholder"
	HintBody        Code = "hint_body"
)

var hints = map[Code]text{
	HintInternal: {
		"dé a quien opera el servicio el valor de X-Request-Id; repita un envío solo con el mismo Idempotency-Key o task_id",
		"give whoever runs the service the value of X-Request-Id; repeat a broadcast only with the same Idempotency-Key or task_id",
	},
	HintDataFull:    {"intente de nuevo más tarde, cuando terminen envíos en curso; quien opera el servicio puede subir ALTAVOZ_DATA_BUDGET", "try again later, when broadcasts have ended; whoever runs the service can raise ALTAVOZ_DATA_BUDGET"},
	HintWrongKeys:   {"espere lo que dice Retry-After, y muestre una clave válida", "wait as Retry-After says, and show a valid key"},
	HintForbidden:   {"pida a quien opera el servicio que lo permita", "ask whoever runs the service to allow it"},
	HintCrossOrigin: {"haga la solicitud desde un servidor, no desde una página web", "make the request from a server, not from a web page"},
	HintScope:       {"use una clave con ese permiso", "use a key with that scope"},
	HintSender:      {"GET /api/messages/senders dice desde qué números puede enviar una clave", "GET /api/messages/senders says which numbers a key may send from"},
	HintShare:       {"espere a que terminen sus otras solicitudes, y lo que dice Retry-After", "wait until your other requests have ended, and as Retry-After says"},
	HintDaily:       {"envíe a menos destinatarios, o espere lo que dice Retry-After", "send to fewer recipients, or wait as Retry-After says"},
	HintSignature:   {"la firma de X-Hub-Signature-256 se hace con el secreto de la app de Meta", "the signature in X-Hub-Signature-256 is made with the secret of the app at Meta"},
	HintNotFound:    {"GET /api/messages/tasks lista las tareas que su clave puede ver", "GET /api/messages/tasks lists the tasks that your key may see"},
	HintMethod:      {"use un método de los que dice Allow", "use a method that Allow names"},
	HintEncoding:    {"envíe el cuerpo sin Content-Encoding", "send the body without Content-Encoding"},
	HintSlow:        {"envíe el cuerpo sin pausas, o con menos destinatarios", "send the body without pauses, or with fewer recipients"},
	HintBroken:      {"envíe el cuerpo completo", "send the whole body"},
	HintLater:       {"repita la misma solicitud después de lo que dice Retry-After", "repeat the same request after what Retry-After says"},
	HintConflict:    {"use otra clave de idempotencia, o el mismo cuerpo", "use another idempotency key, or the same body"},
	HintContent:     {"corrija el mensaje o su archivo, y envíelo de nuevo", "repair the message or its file, and send it again"},
	HintClosed:      {"una tarea que termina no admite más cambios: envíe otra a quien falta", "a task that ends takes no more controls: send another one to whoever is left"},
	HintExpired:     {"los números de la tarea siguen en GET /api/messages/tasks/{task_id}", "the numbers of the task are still in GET /api/messages/tasks/{task_id}"},
	HintHost:        {"use localhost o 127.0.0.1; con claves de API (ALTAVOZ_API_KEYS) responde a cualquier nombre", "use localhost or 127.0.0.1; with API keys (ALTAVOZ_API_KEYS) any name is answered"},
	HintRequired:    {"agregue el campo; GET /openapi.json los describe", "add the field; GET /openapi.json describes them"},
	HintType:        {"GET /openapi.json dice el tipo de cada campo", "GET /openapi.json says the type of each field"},
	HintLong:        {"acorte el texto", "shorten the text"},
	HintMany:        {"reparta los destinatarios en varias solicitudes", "distribute the recipients over several requests"},
	HintValue:       {"GET /openapi.json dice qué valores admite cada campo", "GET /openapi.json says which values each field takes"},
	HintURL:         {"use una dirección pública con https://, sin usuario ni contraseña", "use a public https:// address, without user and password"},
	HintTime:        {"escriba fecha y hora con su zona, como 2026-01-31T09:00:00-05:00", "write date and time with their zone, as 2026-01-31T09:00:00-05:00"},
	HintBase64:      {"codifique el archivo en base64 estándar (RFC 4648)", "encode the file in standard base64 (RFC 4648)"},
	HintFileType:    {"use un tipo de archivo que WhatsApp admita para ese tipo de encabezado", "use a type of file that WhatsApp takes for that type of header"},
	HintFileSize:    {"reduzca el archivo", "make the file smaller"},
	HintJSON:        {"envíe un solo objeto JSON válido, en UTF-8", "send one valid JSON object, in UTF-8"},
	HintDuplicate:   {"déjelo una sola vez", "leave it once"},
	HintUnknown:     {"corrija el nombre; con el encabezado Prefer: handling=lenient se ignora", "correct the name; with the header Prefer: handling=lenient it is ignored"},
	HintPlaceholder: {`complete el texto, o envíe "literal": true si se quiere así`, `complete the text, or send "literal": true if it is meant so`},
	HintBody:        {"reparta los destinatarios en varias solicitudes, o use un archivo más pequeño", "distribute the recipients over several requests, or use a smaller file"},
}
