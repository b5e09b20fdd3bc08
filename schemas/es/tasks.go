package es

// Why a task, or one of its recipients, is where it is.
const (
	// What a task waits for, or why it is over.
	Paused           Code = "paused"
	PausedCanary     Code = "paused_canary"
	PausedCanaryMore Code = "paused_canary_unknown"
	Cancelled        Code = "cancelled"
	Scheduled        Code = "scheduled"
	ScheduledSome    Code = "scheduled_sometime"
	WindowOpens      Code = "window_opens"
	WindowShut       Code = "window_shut"
	PeopleWait       Code = "people_wait"
	PeopleFull       Code = "people_full"
	WindowNever      Code = "window_never_opens"
	MediaPending     Code = "media_pending"
	Repeated         Code = "repeated"
	RepeatedSome     Code = "repeated_some"

	// What keeps a number, and so its tasks.
	NumberWaits     Code = "number_waits"
	NumberSlow      Code = "number_slow"
	NumberAtRisk    Code = "number_at_risk"
	NumberLimit     Code = "number_limit"
	PairWaits       Code = "pair_waits"
	MediaRenewed    Code = "media_renewed"
	SpeedLimit      Code = "speed_limit"
	AccountRefused  Code = "account_refused"
	Throttled       Code = "throttled"
	Outage          Code = "outage"
	Misconfigured   Code = "misconfigured"
	AtRisk          Code = "at_risk"
	NoPermission    Code = "no_permission"
	NoToken         Code = "no_token"
	NoTokenHere     Code = "no_token_here"
	TokenExpired    Code = "token_expired"
	AppLimit        Code = "app_call_limit"
	AccountLimit    Code = "account_call_limit"
	RateLimit       Code = "message_rate_limit"
	Maintenance     Code = "account_maintenance"
	Stopping        Code = "stopping"
	Cancelling      Code = "cancelling"
	Simulated       Code = "simulated"
	LastError       Code = "last_error"
	ErrorFor        Code = "error_for"
	RecipientNumber Code = "recipient_number"

	// How a recipient ended.
	Duplicate        Code = "duplicate"
	OptedOut         Code = "opted_out"
	Expired          Code = "expired"
	RecipientDropped Code = "cancelled_before_sent"
	OutcomeLost      Code = "outcome_unknown"
	RefusedAlone     Code = "task_refused_alone"

	// What a control did.
	ControlCancelled Code = "control_cancelled"
	ControlPaused    Code = "control_paused"
	ControlResumed   Code = "control_resumed"
	ControlOver      Code = "control_over"
	ControlSpeed     Code = "control_speed"
	ControlFullSpeed Code = "control_full_speed"
	ControlReplaced  Code = "control_replaced"
	ControlLeaving   Code = "control_leaving"
)

var tasks = map[Code]text{
	Paused:           {"En pausa por solicitud", "Paused on request"},
	PausedCanary:     {"En pausa: los primeros mensajes no se entregan: %s", "Paused: the first messages are not delivered: %s"},
	PausedCanaryMore: {"En pausa: los primeros mensajes no se entregan", "Paused: the first messages are not delivered"},
	Cancelled:        {"Cancelado por solicitud", "Cancelled on request"},
	Scheduled:        {"Programado para %s", "Scheduled for %s"},
	ScheduledSome:    {"Espera su hora programada", "Waits for its scheduled time"},
	WindowOpens:      {"Fuera del horario de envío; abre %s", "Outside its sending hours; they begin %s"},
	PeopleWait:       {"El número %s: %s; el envío continúa a medida que se liberen lugares", "The number %s: %s; the broadcast goes on as places get free"},
	PeopleFull:       {"su empresa ya ha escrito en 24 horas a las %s personas que Meta le permite fuera de su ventana", "its business has written within 24 hours to the %s people that Meta lets it write to outside their windows"},
	WindowShut:       {"Fuera del horario de envío", "Outside its sending hours"},
	WindowNever:      {"Fuera del horario de envío; no abre antes de que venza", "Outside its sending hours, which do not begin before it expires"},
	MediaPending:     {"Esperando a que se pueda preparar el archivo del encabezado", "Waiting until the file of the header can be prepared"},
	Repeated:         {"Es la misma solicitud que el envío %s, con la misma clave: no se envía otra vez", "It is the same request as task %s, with the same key: it is not sent again"},
	RepeatedSome:     {"Es la misma solicitud que otro envío: no se envía otra vez", "It is the same request as another task: it is not sent again"},

	NumberWaits:    {"El número %s espera desde %s: %s; se prueba cada %s s", "Number %s has been waiting since %s: %s; it is tried every %s s"},
	NumberSlow:     {"El número %s va más lento desde %s: %s", "Number %s has been slower since %s: %s"},
	NumberAtRisk:   {"El número %s sigue enviando, pero está en riesgo desde %s: %s", "Number %s still sends, but has been at risk since %s: %s"},
	NumberLimit:    {"El número %s está limitado a %s mensajes por segundo", "Number %s is limited to %s messages per second"},
	PairWaits:      {"A quien falta se le escribió hace poco desde el número %s: WhatsApp admite un mensaje cada %s s por destinatario", "Whoever is left was written to a moment ago from number %s: WhatsApp takes one message per recipient every %s s"},
	MediaRenewed:   {"El archivo se sube de nuevo al número %s desde %s: su servidor, o WhatsApp, tarda en contestar", "The file has been uploaded again to number %s since %s: its server, or WhatsApp, is slow to answer"},
	SpeedLimit:     {"Limitada por solicitud a %s mensajes por segundo", "Limited on request to %s messages per second"},
	AccountRefused: {"WhatsApp no acepta envíos suyos", "WhatsApp does not accept its messages"},
	Throttled:      {"WhatsApp pide ir más despacio", "WhatsApp asks it to slow down"},
	Outage:         {"WhatsApp no contesta", "WhatsApp does not answer"},
	Misconfigured: {
		"revise la configuración: en la dirección de WhatsApp contesta otro servidor, como un portal cautivo, un cortafuegos o una dirección equivocada",
		"check the configuration: another server answers at WhatsApp's address, such as a captive portal, a firewall or a wrong address",
	},
	AtRisk:          {"WhatsApp advierte", "WhatsApp warns"},
	NoPermission:    {"Falta un permiso", "A permission is missing"},
	NoToken:         {"Falta el token", "The token is missing"},
	NoTokenHere:     {"no hay token para este número emisor", "there is no token for this sender number"},
	TokenExpired:    {"Token vencido o inválido", "Token expired or not valid"},
	AppLimit:        {"Límite de llamadas de la aplicación", "Call limit of the app"},
	AccountLimit:    {"Límite de llamadas de la cuenta", "Call limit of the account"},
	RateLimit:       {"Límite de mensajes por segundo", "Limit of messages per second"},
	Maintenance:     {"Cuenta en mantenimiento", "Account under maintenance"},
	Stopping:        {"Deteniendo: quedan %s en curso; %s", "Stopping: %s are still in flight; %s"},
	Cancelling:      {"Cancelando: quedan %s en curso", "Cancelling: %s are still in flight"},
	Simulated:       {"%s (simulado)", "%s (simulated)"},
	LastError:       {"%s (último error: %s)", "%s (last error: %s)"},
	ErrorFor:        {"Error para %s: %s", "Error for %s: %s"},
	RecipientNumber: {"el destinatario %s", "recipient %s"},

	Duplicate:        {"Número repetido en la lista", "Number repeated in the list"},
	OptedOut:         {"La persona pidió no recibir más mensajes", "The person asked to get no more messages"},
	Expired:          {"Venció antes de enviarse", "Expired before it was sent"},
	RecipientDropped: {"Cancelado antes de enviarse", "Cancelled before it was sent"},
	OutcomeLost:      {"Resultado desconocido: la respuesta de WhatsApp se perdió", "Outcome unknown: WhatsApp's answer was lost"},
	RefusedAlone:     {"WhatsApp no acepta este mensaje, y sí otros de su número", "WhatsApp does not accept this message, but accepts others of its number"},

	ControlCancelled: {"Tarea cancelada", "Task cancelled"},
	ControlPaused:    {"Tarea en pausa", "Task paused"},
	ControlResumed:   {"La tarea continúa", "The task goes on"},
	ControlOver:      {"Orden aplicada; la tarea ya terminó", "Order applied; the task was over"},
	ControlSpeed:     {"La tarea envía como máximo %s mensajes por segundo", "The task sends at most %s messages per second"},
	ControlFullSpeed: {"La tarea envía tan rápido como permita su número emisor", "The task sends as fast as its sender number allows"},
	ControlReplaced:  {"Orden recibida, pero otra la reemplazó o ya no tenía efecto", "Order received, but another one replaced it or it had no effect any more"},
	ControlLeaving:   {"%s; pueden salir aún los %s mensajes que ya estaban en curso", "%s; the %s messages that were in flight may still go out"},
}
