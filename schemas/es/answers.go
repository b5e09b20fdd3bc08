package es

// What the API answers, beside what is wrong with a request.
const (
	BroadcastProcessed   Code = "broadcast_processed"
	BroadcastQueued      Code = "broadcast_queued"
	InternalError        Code = "internal_error"
	NoAddress            Code = "no_address"
	NoMethod             Code = "no_method"
	UseMethod            Code = "use_method"
	NotReady             Code = "not_ready"
	StillReading         Code = "still_reading"
	StillReadingRetry    Code = "still_reading_retry"
	StatusUnreadable     Code = "status_unreadable"
	NoTask               Code = "no_task"
	TaskNotKnownYet      Code = "task_not_known_yet"
	TaskOver             Code = "task_over"
	TaskClosed           Code = "task_closed"
	ControlRecorded      Code = "control_recorded"
	ControlNotTaken      Code = "control_not_taken"
	OptOutsBody          Code = "optouts_body"
	OptOutsMany          Code = "optouts_many"
	BroadcastNotTaken    Code = "broadcast_not_taken"
	DataFull             Code = "data_full"
	BroadcastInDoubt     Code = "broadcast_in_doubt"
	RepeatSafely         Code = "repeat_safely"
	AskStatusFirst       Code = "ask_status_first"
	KeyTaken             Code = "key_taken"
	KeyUnconfirmed       Code = "key_unconfirmed"
	RepeatIsOnce         Code = "repeat_is_once"
	KeyAndTaskID         Code = "key_and_task_id"
	KeyForm              Code = "key_form"
	SenderNotOurs        Code = "sender_not_ours"
	SenderLooksLikePhone Code = "sender_looks_like_phone"
	SenderNotAllowed     Code = "sender_not_allowed"
	NoValidKey           Code = "no_valid_key"
	BearerHint           Code = "bearer_hint"
	AdminKeyHint         Code = "admin_key_hint"
	WrongKeys            Code = "wrong_keys"
	WrongKeysRetry       Code = "wrong_keys_retry"
	NoScope              Code = "no_scope"
	HasScopes            Code = "has_scopes"
	CrossOrigin          Code = "cross_origin"
	ShareRequests        Code = "share_requests"
	ShareBodies          Code = "share_bodies"
	ShareLists           Code = "share_lists"
	ShareFeeds           Code = "share_feeds"
	ShareConnections     Code = "share_connections"
	ConnectionsMost      Code = "connections_most"
	RecipientsToday      Code = "recipients_today"
	BusyBodies           Code = "busy_bodies"
	BusyLists            Code = "busy_lists"
	BusyFeeds            Code = "busy_feeds"
	BodyEncoded          Code = "body_encoded"
	BodySlow             Code = "body_slow"
	BodyCut              Code = "body_cut"
	WebhookRefused       Code = "webhook_refused"
	WebhookNoSecret      Code = "webhook_no_secret"
	WebhookCrossOrigin   Code = "webhook_cross_origin"
	WebhookToken         Code = "webhook_token"
	WebhookSignature     Code = "webhook_signature"
	WebhookNotTaken      Code = "webhook_not_taken"
	WebhookTooLarge      Code = "webhook_too_large"
	ShareExports         Code = "share_exports"
	BusyExports          Code = "busy_exports"
	ShareHistories       Code = "share_histories"
	BusyHistories        Code = "busy_histories"
	SendsUnreadable      Code = "sends_unreadable"
	ListExpired          Code = "list_expired"
	RecipientsUnreadable Code = "recipients_unreadable"
	CountsOnly           Code = "counts_only"
	ParameterNone        Code = "parameter_none"
	ParametersAre        Code = "parameters_are"
	NoParameters         Code = "no_parameters"
	ParameterOne         Code = "parameter_one"
	ParameterOnce        Code = "parameter_once"
	ParameterCodes       Code = "parameter_codes"
	ParameterPhone       Code = "parameter_phone"
	ParameterPaged       Code = "parameter_paged"
	ParameterUnknown     Code = "parameter_unknown"
	ParameterStates      Code = "parameter_states"
	ParameterRange       Code = "parameter_range"
	ParameterCursor      Code = "parameter_cursor"
	ParameterTime        Code = "parameter_time"
)

var answers = map[Code]text{
	BroadcastProcessed: {"Mensaje broadcast procesado", "Broadcast message processed"},
	BroadcastQueued:    {"Mensaje broadcast enviado a cola", "Broadcast message queued"},
	InternalError:      {"Error interno del servidor", "Internal server error"},
	NoAddress:          {"No existe esa dirección", "There is no such address"},
	NoMethod:           {"Método no permitido", "Method not allowed"},
	UseMethod:          {"use %s", "take %s"},
	NotReady:           {"El servicio aún no está listo", "The service is not ready yet"},
	StillReading:       {"El servicio aún está leyendo el estado de las tareas", "The service is still reading the state of tasks"},
	StillReadingRetry:  {"El servicio aún está leyendo el estado de las tareas; intente de nuevo en unos segundos", "The service is still reading the state of tasks; try again in a few seconds"},
	StatusUnreadable:   {"El servicio no puede leer ahora el estado de la tarea; intente de nuevo en unos segundos", "The service can't read the state of the task now; try again in a few seconds"},
	NoTask:             {"No existe una tarea con ese 'task_id'", "There is no task with that 'task_id'"},
	TaskNotKnownYet:    {"El servicio aún no conoce la tarea; intente de nuevo en unos segundos", "The service does not know the task yet; try again in a few seconds"},
	TaskOver:           {"La tarea ya terminó: %s", "The task is over: %s"},
	TaskClosed:         {"La tarea ya no admite cambios (%s)", "The task takes no changes any more (%s)"},
	ControlRecorded:    {"Orden registrada: se aplica en cuanto el servicio pueda", "Order recorded: it is applied as soon as the service can"},
	OptOutsBody:        {`El cuerpo debe ser JSON como {"phones":["573001234567"]}`, `The body must be JSON like {"phones":["573001234567"]}`},
	OptOutsMany:        {"El campo 'phones' debe tener entre 1 y %s teléfonos", "The field 'phones' must have between 1 and %s phones"},
	ControlNotTaken:    {"El servicio no puede registrar la orden ahora; intente de nuevo en unos segundos", "The service can't record the order now; try again in a few seconds"},

	BroadcastNotTaken: {"El servicio no puede aceptar el envío ahora; intente de nuevo en unos segundos", "The service can't accept the broadcast now; try again in a few seconds"},
	DataFull: {
		"El servicio no acepta envíos nuevos: sus datos ocupan el %s por ciento de los %s MiB permitidos, y todo lo que queda hace falta para los envíos en curso",
		"The service takes no new broadcasts: its data takes %s percent of the %s MiB allowed, and broadcasts that go on need all that is left",
	},
	BroadcastInDoubt: {"No se sabe si el envío entró: puede entrar todavía", "It is not known whether the broadcast was accepted: it may still be"},
	RepeatSafely:     {"repita la solicitud con la misma clave o el mismo task_id: entra una sola vez", "repeat the request with the same key or the same task_id: it is accepted only once"},
	AskStatusFirst: {
		"consulte task-status; mientras responda 404 el envío aún puede entrar, y repetir la solicitud sería otro envío. Con la cabecera Idempotency-Key se puede repetir sin riesgo",
		"ask task-status; as long as it answers 404 the broadcast may still be accepted, and repeating the request would be another broadcast. With the header Idempotency-Key it may be repeated without risk",
	},
	KeyTaken: {"Ya existe otra solicitud, distinta, con la misma clave o el mismo 'task_id'", "There is another, different request with the same key or the same 'task_id'"},
	KeyUnconfirmed: {
		"El servicio no puede confirmar ahora si la clave o el 'task_id' ya es de otra solicitud; repita la misma solicitud en unos segundos",
		"The service can't confirm now whether the key or the 'task_id' is another request's; repeat the same request in a few seconds",
	},
	RepeatIsOnce:         {"la solicitud puede haber entrado; repetirla con la misma clave no la envía dos veces", "the request may have been accepted; repeating it with the same key does not send it twice"},
	KeyAndTaskID:         {"El campo 'task_id' y la cabecera Idempotency-Key se excluyen", "The field 'task_id' and the header Idempotency-Key exclude each other"},
	KeyForm:              {"La cabecera Idempotency-Key debe tener entre 1 y 255 caracteres ASCII imprimibles", "The header Idempotency-Key must have between 1 and 255 printable ASCII characters"},
	SenderNotOurs:        {"El campo 'sender' no es un número emisor de este servicio", "The field 'sender' is not a sender number of this service"},
	SenderLooksLikePhone: {"parece un teléfono: escriba el id del número (phone_number_id)", "it looks like a phone: give the number's id (phone_number_id)"},
	SenderNotAllowed:     {"Esta clave de API no puede enviar desde ese número emisor", "This API key may not send from that sender number"},

	NoValidKey: {"Falta una clave de API válida", "A valid API key is missing"},
	BearerHint: {"Authorization: Bearer <clave>", "Authorization: Bearer <key>"},
	AdminKeyHint: {
		"Authorization: Bearer <clave>; ALTAVOZ_ADMIN_ADDR da a las métricas una dirección propia, sin clave",
		"Authorization: Bearer <key>; ALTAVOZ_ADMIN_ADDR gives metrics an address of their own, without a key",
	},
	WrongKeys:      {"Demasiadas claves de API equivocadas desde esta dirección", "Too many wrong API keys from this address"},
	WrongKeysRetry: {"Demasiadas claves de API equivocadas desde esta dirección; intente de nuevo más tarde", "Too many wrong API keys from this address; try again later"},
	NoScope:        {"Esta clave de API no tiene el permiso '%s'", "This API key does not have the scope '%s'"},
	HasScopes:      {"tiene: %s", "it has: %s"},
	CrossOrigin:    {"No se admiten solicitudes desde páginas de otro origen", "Requests from pages of another origin are not accepted"},

	ShareRequests:    {"Esta clave de API ya tiene el máximo de solicitudes a la vez; intente de nuevo en unos segundos", "This API key already has its limit of requests at once; try again in a few seconds"},
	ShareBodies:      {"Esta clave de API ya tiene el máximo de solicitudes con cuerpo a la vez; intente de nuevo en unos segundos", "This API key already has its limit of requests with a body at once; try again in a few seconds"},
	ShareLists:       {"Esta clave de API ya tiene el máximo de consultas de la lista a la vez; intente de nuevo en unos segundos", "This API key already has its limit of list queries at once; try again in a few seconds"},
	ShareFeeds:       {"Esta clave de API ya tiene el máximo de seguimientos abiertos a la vez; intente de nuevo en unos segundos", "This API key already has its limit of open feeds at once; try again in a few seconds"},
	ShareConnections: {"Esta clave de API ya tiene el máximo de conexiones a la vez; intente de nuevo en unos segundos", "This API key already has its limit of connections at once; try again in a few seconds"},
	ConnectionsMost:  {"Esta clave de API ya tiene el máximo de conexiones a la vez", "This API key already has its limit of connections at once"},
	RecipientsToday:  {"Esta clave de API puede enviar hoy a %s destinatarios más; hay cupo de nuevo desde %s", "This API key may send to %s more recipients today; there is room again from %s"},
	BusyBodies:       {"Hay demasiadas solicitudes grandes a la vez; intente de nuevo en unos segundos", "There are too many large requests at once; try again in a few seconds"},
	BusyLists:        {"Hay demasiadas consultas de la lista a la vez; intente de nuevo en unos segundos", "There are too many list queries at once; try again in a few seconds"},
	BusyFeeds:        {"Hay demasiados seguimientos abiertos a la vez; intente de nuevo en unos segundos", "There are too many open feeds at once; try again in a few seconds"},
	BodyEncoded:      {"El cuerpo de la solicitud no puede venir comprimido", "The body of the request must not be compressed"},
	BodySlow:         {"El cuerpo de la solicitud llega demasiado despacio", "The body of the request arrives too slowly"},
	BodyCut:          {"El cuerpo de la solicitud se cortó", "The body of the request was cut off"},

	WebhookRefused:     {"No se admite este evento", "This event is not accepted"},
	WebhookNoSecret:    {"este servicio no recibe eventos: falta configurar ALTAVOZ_WHATSAPP_APP_SECRET", "this service takes no events: ALTAVOZ_WHATSAPP_APP_SECRET is not set"},
	WebhookCrossOrigin: {"no se admiten solicitudes desde páginas de otro origen", "requests from pages of another origin are not accepted"},
	WebhookToken:       {"el token de verificación no es el de este servicio", "the verify token is not this service's"},
	WebhookSignature:   {"La firma del evento no es válida", "The signature of the event is not valid"},
	WebhookNotTaken:    {"El servicio no puede guardar los eventos ahora; intente de nuevo en unos segundos", "The service can't store the events now; try again in a few seconds"},
	WebhookTooLarge:    {"El evento es demasiado grande", "The event is too large"},

	ShareExports: {"Esta clave de API ya tiene el máximo de consultas de destinatarios a la vez; intente de nuevo en unos segundos", "This API key already has its limit of queries of recipients at once; try again in a few seconds"},
	BusyExports:  {"Hay demasiadas consultas de destinatarios a la vez; intente de nuevo en unos segundos", "There are too many queries of recipients at once; try again in a few seconds"},
	ShareHistories: {
		"Esta clave de API ya tiene el máximo de consultas de lo enviado a un teléfono a la vez; intente de nuevo en unos segundos",
		"This API key already has its limit of queries of what was sent to a phone at once; try again in a few seconds",
	},
	BusyHistories: {
		"Hay demasiadas consultas de lo enviado a un teléfono a la vez; intente de nuevo en unos segundos",
		"There are too many queries of what was sent to a phone at once; try again in a few seconds",
	},
	SendsUnreadable: {
		"El servicio no puede leer ahora lo enviado a ese teléfono; intente de nuevo en unos segundos",
		"The service can't read what was sent to that phone now; try again in a few seconds",
	},
	ListExpired: {"La lista de destinatarios de la tarea ya no se conserva", "The task's list of recipients is not kept any more"},
	RecipientsUnreadable: {
		"El servicio no puede leer ahora los destinatarios de la tarea; intente de nuevo en unos segundos",
		"The service can't read the task's recipients now; try again in a few seconds",
	},
	CountsOnly:    {"las cifras de la tarea siguen en %s", "the task's numbers are still at %s"},
	ParameterNone: {"No existe el parámetro '%s'", "There is no parameter '%s'"},
	NoParameters:  {"no admite parámetros", "it takes no parameters"},
	ParametersAre: {"los parámetros son: %s", "the parameters are: %s"},
	ParameterOne:  {"El parámetro '%s' debe ser uno de: %s", "The parameter '%s' must be one of: %s"},
	ParameterOnce: {"El parámetro '%s' solo puede ir una vez", "The parameter '%s' may be given only once"},
	ParameterCodes: {
		"El parámetro '%s' debe ser uno o varios códigos con los que falla un destinatario",
		"The parameter '%s' must be one or more of the codes with which a recipient fails",
	},
	ParameterPhone:   {"El parámetro '%s' no es un teléfono: %s", "The parameter '%s' is not a phone: %s"},
	ParameterPaged:   {"El parámetro '%s' solo vale con format=json: los demás formatos dan la lista entera", "The parameter '%s' is only for format=json: the other formats give the whole list"},
	ParameterUnknown: {"Parámetro desconocido '%s': se ignora", "Unknown parameter '%s': it is ignored"},
	ParameterStates:  {"El parámetro '%s' debe ser uno o varios de: %s", "The parameter '%s' must be one or more of: %s"},
	ParameterRange:   {"El parámetro '%s' debe ser un número entero entre 1 y %s", "The parameter '%s' must be a whole number between 1 and %s"},
	ParameterCursor:  {"El parámetro '%s' debe ser el 'next_cursor' de una respuesta anterior", "The parameter '%s' must be the 'next_cursor' of an earlier answer"},
	ParameterTime:    {"El parámetro '%s' debe ser una fecha RFC 3339, como 2026-01-31T09:00:00-05:00", "The parameter '%s' must be a time by RFC 3339, such as 2026-01-31T09:00:00-05:00"},
}
