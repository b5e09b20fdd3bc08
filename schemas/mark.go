package schemas

import "fmt"

// RecipientState is how far one recipient has come, in one byte. Marks are totally ordered and a recipient's mark is the
// maximum of all that was ever said about it, so results may come late, twice and in any order:
//
//	pending < skipped < expired < cancelled < unknown < failed(code) < sent < undelivered(code) < delivered < read
//
// The numbers are wire format (topics results and marks): rows are only ever added, in the gaps left for them.
type RecipientState byte

// The rows that carry no code, and where the two runs of coded rows begin.
const (
	StatePending     RecipientState = 0
	StateDuplicate   RecipientState = 1  // skipped: the same phone came earlier in the list
	StateExpired     RecipientState = 8  // its time was over before it was started
	StateCancelled   RecipientState = 12 // cancelled before it was started
	StateUnknown     RecipientState = 16 // the process died, or the answer was lost, between starting the call and recording it
	StateFailed      RecipientState = 20 // failed, plus the row of its code
	StateSent        RecipientState = 124
	StateConfirmed   RecipientState = 126 // sent, and a receipt says so too
	StateUndelivered RecipientState = 128 // accepted and failed later, plus the row of its code
	StateDelivered   RecipientState = 232
	StateRead        RecipientState = 240

	maxReasons = int(StateSent - StateFailed) // 104 codes fit, and the same number again as undelivered
)

// OutcomeClass is the closed set of ends, and of stations after "sent", that people and metrics see.
type OutcomeClass string

// The outcomes; pending is the absence of one.
const (
	OutcomePending     OutcomeClass = "pending"
	OutcomeSkipped     OutcomeClass = "skipped"
	OutcomeExpired     OutcomeClass = "expired"
	OutcomeCancelled   OutcomeClass = "cancelled"
	OutcomeUnknown     OutcomeClass = "unknown"
	OutcomeFailed      OutcomeClass = "failed"
	OutcomeSent        OutcomeClass = "sent"
	OutcomeUndelivered OutcomeClass = "undelivered"
	OutcomeDelivered   OutcomeClass = "delivered"
	OutcomeRead        OutcomeClass = "read"
)

// Outcomes lists every outcome in its order; metrics create their label values from it.
var Outcomes = []OutcomeClass{
	OutcomePending, OutcomeSkipped, OutcomeExpired, OutcomeCancelled, OutcomeUnknown, OutcomeFailed, OutcomeSent,
	OutcomeUndelivered, OutcomeDelivered, OutcomeRead,
}

// Outcome returns the outcome that the mark belongs to.
func (m RecipientState) Outcome() OutcomeClass {
	switch {
	case m == StatePending:
		return OutcomePending
	case m < StateExpired:
		return OutcomeSkipped
	case m < StateCancelled:
		return OutcomeExpired
	case m < StateUnknown:
		return OutcomeCancelled
	case m < StateFailed:
		return OutcomeUnknown
	case m < StateSent:
		return OutcomeFailed
	case m < StateUndelivered:
		return OutcomeSent
	case m < StateDelivered:
		return OutcomeUndelivered
	case m < StateRead:
		return OutcomeDelivered
	default:
		return OutcomeRead
	}
}

// Decided reports whether the recipient has an outcome.
func (m RecipientState) Decided() bool { return m != StatePending }

// Succeeded reports whether the recipient counts as successful: Meta accepted it and has not taken that back.
func (m RecipientState) Succeeded() bool {
	return (m >= StateSent && m < StateUndelivered) || m >= StateDelivered
}

// Reason is one way for a send to be refused: Meta's error code, or one of our own below 0.
type Reason struct {
	Code    int
	Spanish string
	English string
}

// Codes of refusals that are not Meta's.
const (
	CodeOther        = 0  // a code that this version does not know; the words carry the number
	CodeInvalidPhone = -1 // not a phone number
	CodeExhausted    = -2 // every attempt met a transient error
	CodeContent      = -3 // the content of the task can't be sent
)

// reasons is wire format: a reason's position is what RecipientState adds to StateFailed or StateUndelivered. Append only.
// The meanings of Meta's codes follow its error code reference for the Cloud API.
var reasons = []Reason{
	{CodeOther, "WhatsApp rechazó el mensaje", "WhatsApp refused the message"},
	{CodeInvalidPhone, "Invalid phone number format", "Invalid phone number format"},
	{CodeExhausted, "WhatsApp no pudo atender el envío tras varios intentos", "WhatsApp could not take the message in several attempts"},
	{CodeContent, "El contenido del mensaje no se puede enviar", "the content of the message can't be sent"},
	{1, "Solicitud inválida o error del servidor de WhatsApp", "invalid request or a server error at WhatsApp"},
	{2, "Servicio de WhatsApp sobrecargado", "WhatsApp overloaded"},
	{33, "El número emisor no existe o fue eliminado", "the sender number does not exist or was deleted"},
	{100, "Parámetro inválido", "invalid parameter"},
	{192, "Número de teléfono inválido", "invalid phone number"},
	{368, "Cuenta restringida por incumplir políticas", "account restricted for policy violations"},
	{130403, "El destinatario no puede recibir mensajes de esta empresa", "the business may not message this person"},
	{130472, "El destinatario participa en un experimento de Meta; no se le envió", "recipient is in an experiment of Meta's; not sent"},
	{130497, "La cuenta no puede enviar mensajes a ese país", "the account may not message that country"},
	{131000, "Error desconocido de WhatsApp", "unknown error at WhatsApp"},
	{131005, "Acceso denegado", "access denied"},
	{131008, "Falta un parámetro obligatorio", "a required parameter is missing"},
	{131009, "Valor de parámetro inválido", "parameter value not valid"},
	{131014, "WhatsApp no pudo descargar el archivo del enlace", "WhatsApp could not fetch the linked file"},
	{131016, "Servicio de WhatsApp no disponible", "WhatsApp unavailable"},
	{131021, "El destinatario es el mismo número emisor", "recipient is the sender"},
	{131026, "No se puede entregar: el número no usa WhatsApp o no puede recibirlo", "undeliverable: not on WhatsApp or unable to receive it"},
	{131030, "El destinatario no está en la lista de números permitidos", "recipient is not in the allowed list"},
	{131031, "Cuenta bloqueada", "account locked"},
	{131037, "El nombre visible del número no está aprobado", "the number's display name is not approved"},
	{131042, "Problema con el método de pago de la cuenta", "payment problem of the account"},
	{131045, "El número emisor no está bien registrado", "the sender number's registration is wrong"},
	{131047, "Pasaron más de 24 horas desde la última respuesta del destinatario", "more than 24 hours since the recipient last replied"},
	{131048, "Límite por calidad (spam) del número emisor", "spam limit of the sender number"},
	{131049, "Meta no lo entregó para cuidar la experiencia del destinatario", "not delivered, to maintain healthy ecosystem engagement"},
	{131050, "El destinatario dejó de aceptar promociones de esta empresa", "recipient stopped marketing messages from this business"},
	{131051, "Tipo de mensaje no admitido", "message type not supported"},
	{131053, "WhatsApp no pudo obtener o procesar el archivo", "WhatsApp could not fetch or process the file"},
	{131055, "Método no permitido", "method not allowed"},
	{131062, "El destinatario no admite este tipo de mensaje", "recipient id not supported for this message"},
	{131063, "Plantillas de promoción deshabilitadas para la cuenta", "marketing templates disabled for the account"},
	{131064, "Límite de mensajes reducido para la cuenta", "messaging limit of the account reduced"},
	{132000, "La plantilla no tiene ese número de parámetros", "wrong number of template parameters"},
	{132001, "La plantilla no existe o no está aprobada", "template missing or not approved"},
	{132005, "Texto de la plantilla demasiado largo", "template text too long"},
	{132007, "La plantilla incumple las políticas", "template violates policy"},
	{132008, "Valor de parámetro de plantilla inválido", "template parameter value not valid"},
	{132012, "Formato de parámetro de plantilla inválido", "template parameter format not valid"},
	{132015, "Plantilla en pausa por calidad", "template paused for quality"},
	{132016, "Plantilla deshabilitada por calidad", "template disabled for quality"},
	{132018, "Parámetros de plantilla inválidos", "template parameters not valid"},
	{132021, "Conflicto con el nombre de una plantilla propia", "clash with the name of an own template"},
	{132068, "Flujo bloqueado", "flow blocked"},
	{132069, "Flujo limitado", "flow throttled"},
	{133010, "El número emisor no está registrado", "sender number not registered"},
	{134011, "Faltan aceptar los términos de pagos", "payment terms not accepted"},
	{134100, "Solo se admiten plantillas de promoción", "marketing templates only"},
	{134101, "La plantilla aún se está sincronizando", "template still syncing"},
	{134102, "La plantilla no está disponible", "template unavailable"},
	{135000, "Error en los parámetros del mensaje", "error in the message's parameters"},
	{137000, "La identidad del destinatario cambió", "recipient identity changed"},
	{139200, "Envío directo bloqueado para la cuenta", "Direct Send blocked for the account"},
	{131052, "WhatsApp no pudo descargar el archivo", "WhatsApp could not download the file"},
}

// rowOf finds a reason's position by its code.
var rowOf = func() map[int]RecipientState {
	if len(reasons) > maxReasons {
		panic(fmt.Sprintf("schemas: %d reasons do not fit into %d rows", len(reasons), maxReasons))
	}
	rows := make(map[int]RecipientState, len(reasons))
	for i, r := range reasons {
		rows[r.Code] = RecipientState(i)
	}
	return rows
}()

// Reasons returns a copy of the table of reasons, in row order.
func Reasons() []Reason { return append([]Reason(nil), reasons...) }

// Failed returns the mark of a send refused with the given code; an unknown code gives the row CodeOther.
func Failed(code int) RecipientState { return StateFailed + rowOf[code] }

// Undelivered returns the mark of a send that was accepted and failed later with the given code.
func Undelivered(code int) RecipientState { return StateUndelivered + rowOf[code] }

// Reason returns the reason of a failed or undelivered mark, and false for any other.
func (m RecipientState) Reason() (Reason, bool) {
	row := -1
	switch m.Outcome() {
	case OutcomeFailed:
		row = int(m - StateFailed)
	case OutcomeUndelivered:
		row = int(m - StateUndelivered)
	case OutcomePending, OutcomeSkipped, OutcomeExpired, OutcomeCancelled, OutcomeUnknown, OutcomeSent, OutcomeDelivered, OutcomeRead:
		return Reason{}, false
	}
	if row >= len(reasons) { // written by a newer version
		return reasons[0], true
	}
	return reasons[row], true
}

// Label returns the outcome with its code where it has one, as in "failed:131026": a closed set, fit for a metric.
func (m RecipientState) Label() string {
	if r, ok := m.Reason(); ok {
		return fmt.Sprintf("%s:%d", m.Outcome(), r.Code)
	}
	return string(m.Outcome())
}

// Spanish says in words why a recipient ended with this mark; empty for pending and the good ones.
func (m RecipientState) Spanish() string {
	switch m.Outcome() {
	case OutcomeSkipped:
		return "Número repetido en la lista"
	case OutcomeExpired:
		return "Venció antes de enviarse"
	case OutcomeCancelled:
		return "Cancelado antes de enviarse"
	case OutcomeUnknown:
		return "Resultado desconocido: la respuesta de WhatsApp se perdió"
	case OutcomeFailed, OutcomeUndelivered:
		r, _ := m.Reason()
		if r.Code > 0 {
			return fmt.Sprintf("(%d) %s", r.Code, r.Spanish)
		}
		return r.Spanish
	case OutcomePending, OutcomeSent, OutcomeDelivered, OutcomeRead:
	}
	return ""
}
