package es

// What is said of retries.
const (
	RetryForm       Code = "retry_form"
	RetryOutcomes   Code = "retry_outcomes"
	RetryCodes      Code = "retry_codes"
	RetryQueued     Code = "retry_queued"
	RetryRunning    Code = "retry_running"
	RetryEarly      Code = "retry_early"
	RetryExpired    Code = "retry_expired"
	RetryFailed     Code = "retry_failed"
	RetryNobody     Code = "retry_nobody"
	RetryMost       Code = "retry_most"
	RetryUnproven   Code = "retry_unproven"
	RetryTooMany    Code = "retry_too_many"
	RetryUnread     Code = "retry_unread"
	RetryInRetry    Code = "retry_in_retry"
	HintRunning     Code = "hint_running"
	HintEarly       Code = "hint_early"
	HintNobody      Code = "hint_nobody"
	HintMostRetries Code = "hint_most_retries"
	HintUnproven    Code = "hint_unproven"
)

var retries = map[Code]text{
	RetryForm: {
		`El cuerpo debe estar vacío o ser un objeto JSON como {"outcomes": ["failed"], "codes": [131049]}`,
		`The body must be empty or a JSON object such as {"outcomes": ["failed"], "codes": [131049]}`,
	},
	RetryOutcomes: {"El campo 'outcomes' debe ser una lista de: %s", "The field 'outcomes' must be a list of: %s"},
	RetryCodes: {
		"El campo 'codes' debe ser una lista de códigos con los que falla un destinatario, como [131026, 131049]",
		"The field 'codes' must be a list of codes with which a recipient fails, such as [131026, 131049]",
	},
	RetryQueued:  {"Reintento enviado a cola: %s destinatarios", "Retry queued: %s recipients"},
	RetryRunning: {"La tarea aún no ha terminado: se reintenta cuando todos tienen un resultado", "The task is not over yet: it can be retried when all have an outcome"},
	RetryEarly: {
		"Un destinatario 'unknown' se puede reintentar desde %s: hasta entonces un acuse puede decir que recibió el mensaje",
		"An 'unknown' recipient can be retried from %s on: until then a receipt may say that it got the message",
	},
	RetryExpired: {
		"Un destinatario 'expired' se puede reintentar desde %s: hasta entonces puede conocerse el resultado de una llamada que había comenzado",
		"An 'expired' recipient can be retried from %s on: until then the outcome of a call that had begun may become known",
	},
	RetryFailed: {
		"Los destinatarios que el fallo de la tarea dejó sin resultado se pueden reintentar desde %s: hasta entonces puede salir un envío que espera su turno",
		"Recipients whom the failure of the task left without an outcome can be retried from %s on: until then a send that waits for its turn may go out",
	},
	RetryNobody:   {"La tarea no tiene destinatarios para reintentar", "The task has no recipients to retry"},
	RetryMost:     {"La tarea ya tiene %s reintentos", "The task has %s retries already"},
	RetryUnproven: {"La lista de la tarea la escribió una versión anterior u otro sistema, y no se puede reintentar sin copiarla", "An older version or another system wrote the task's list, which can't be retried without copying it"},
	RetryTooMany:  {"El reintento sería para %s destinatarios, más de los %s que admite esta clave en una solicitud", "The retry would be for %s recipients, more than the %s that this key may have in a request"},
	RetryUnread: {
		"El servicio no puede leer ahora a quién reintentar; intente de nuevo en unos segundos",
		"The service can't read now whom to retry; try again in a few seconds",
	},
	RetryInRetry: {"quien está en un reintento anterior se reintenta desde él: %s", "who is in an earlier retry is retried from there: %s"},
	HintRunning:  {"espere a que termine, o cancélela primero", "wait for its end, or cancel it first"},
	HintEarly:    {"repita la misma solicitud después de lo que dice Retry-After", "repeat the same request after what Retry-After says"},
	HintNobody: {
		"GET .../recipients muestra el resultado de cada uno; sin 'outcomes' ni 'codes' solo se reintenta lo que puede salir bien",
		"GET .../recipients shows the outcome of each; without 'outcomes' and 'codes' only what may work is retried",
	},
	HintMostRetries: {"reintente el último de sus reintentos, o envíe otra lista", "retry the last one of its retries, or send another list"},
	HintUnproven:    {"envíe de nuevo a quien falta: GET .../recipients?format=csv da la lista", "send again to whoever is left: GET .../recipients?format=csv gives the list"},
}
