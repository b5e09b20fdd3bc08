package es

// What is wrong with a task's message or file, found after the request was accepted.
const (
	EventUnreadable    Code = "event_unreadable"
	EventRefused       Code = "event_refused"
	TaskUnreadable     Code = "task_unreadable"
	ListUnreadable     Code = "list_unreadable"
	ListIncomplete     Code = "list_incomplete"
	ListTooLong        Code = "list_too_long"
	NotItsOwn          Code = "not_its_own"
	WindowNotValid     Code = "window_not_valid"
	ScheduleTooFar     Code = "schedule_too_far"
	NoMessage          Code = "no_message"
	MessageTooLong     Code = "message_too_long"
	SenderMissing      Code = "sender_missing"
	SenderUnknown      Code = "sender_unknown"
	SenderNotUsable    Code = "sender_not_usable"
	MediaType          Code = "media_type"
	MediaSize          Code = "media_size"
	MessageGone        Code = "message_gone"
	MessageUnreadable  Code = "message_unreadable"
	BodyEmpty          Code = "body_empty"
	HeaderUnknown      Code = "header_unknown"
	FileGone           Code = "file_gone"
	FileMissing        Code = "file_missing"
	FileWithoutHeader  Code = "file_without_header"
	FileForgotten      Code = "file_forgotten"
	FileChanged        Code = "file_changed"
	FileRefused        Code = "file_refused"
	FileNoImage        Code = "file_no_image"
	FileNoVideo        Code = "file_no_video"
	FileNoDocument     Code = "file_no_document"
	FileNone           Code = "file_not_accepted"
	FileLargeImage     Code = "file_large_image"
	FileLargeVideo     Code = "file_large_video"
	FileLargeDocument  Code = "file_large_document"
	FileLarge          Code = "file_large"
	LinkPrivateNetwork Code = "link_private_network"
	LinkStatus         Code = "link_status"
	LinkNotHTTPS       Code = "link_not_https"
	LinkTooLong        Code = "link_too_long"
	LinkUser           Code = "link_user"
	LinkUnreadable     Code = "link_unreadable"
	LinkPort           Code = "link_port"
)

var files = map[Code]text{
	EventUnreadable:   {"El evento no se puede leer", "The event can't be read"},
	EventRefused:      {"El evento ya se había rechazado", "The event was rejected before"},
	TaskUnreadable:    {"El envío ya no se puede leer", "The broadcast can't be read any more"},
	ListUnreadable:    {"No se pudo leer la lista de destinatarios", "The list of recipients could not be read"},
	ListIncomplete:    {"La lista de destinatarios está vacía o incompleta", "The list of recipients is empty or incomplete"},
	ListTooLong:       {"La lista de destinatarios supera el máximo de %s", "The list of recipients is longer than the limit of %s"},
	NotItsOwn:         {"La lista de destinatarios o el archivo es de otro envío", "The list of recipients or the file belongs to another broadcast"},
	WindowNotValid:    {"El horario de envío no es válido", "The sending hours are not valid"},
	ScheduleTooFar:    {"La fecha programada supera el máximo de 13 días", "The scheduled time is more than 13 days away"},
	NoMessage:         {"El envío no tiene mensaje", "The broadcast has no message"},
	MessageTooLong:    {"El mensaje es demasiado largo", "The message is too long"},
	SenderMissing:     {"El envío no indica el número emisor y no hay uno por defecto", "The broadcast names no sender number and there is no default"},
	SenderUnknown:     {"El número emisor %s no está configurado", "Sender number %s is not configured"},
	SenderNotUsable:   {"El número emisor no se puede usar", "The sender number can't be used"},
	MediaType:         {"El archivo no es de un tipo que WhatsApp acepte en este encabezado", "The file is not of a type that WhatsApp accepts in this header"},
	MediaSize:         {"El archivo supera el tamaño que WhatsApp acepta en este encabezado", "The file is larger than WhatsApp accepts in this header"},
	MessageGone:       {"El mensaje de este envío ya no está guardado", "The message of this broadcast is not stored any more"},
	MessageUnreadable: {"El mensaje de este envío no se puede leer", "The message of this broadcast can't be read"},
	BodyEmpty:         {"El campo 'body_text' está vacío", "The field 'body_text' is empty"},
	HeaderUnknown:     {"El campo 'header_type' tiene un valor que esta versión no conoce", "The field 'header_type' has a value that this version does not know"},

	FileGone:          {"El archivo del encabezado ya no está guardado", "The file of the header is not stored any more"},
	FileMissing:       {"El encabezado no tiene un archivo", "The header has no file"},
	FileWithoutHeader: {"El encabezado solo lleva un archivo si su tipo es image, video o document", "The header takes a file only if its type is image, video or document"},
	FileForgotten:     {"WhatsApp ya no conoce el archivo del encabezado y no queda de dónde volver a subirlo", "WhatsApp does not know the file of the header any more, and there is nothing left to upload it from"},
	FileChanged:       {"El archivo del encabezado ya no es el que se aceptó: se guardó incompleto o dañado", "The file of the header is not the accepted one any more: it was stored incomplete or damaged"},
	FileRefused:       {"WhatsApp no aceptó el archivo del encabezado: (%s) %s", "WhatsApp did not accept the file of the header: (%s) %s"},
	FileNoImage:       {"El archivo del encabezado no es una imagen que WhatsApp acepte (JPEG o PNG)", "The file of the header is not an image that WhatsApp accepts (JPEG or PNG)"},
	FileNoVideo:       {"El archivo del encabezado no es un video que WhatsApp acepte (MP4 o 3GPP)", "The file of the header is not a video that WhatsApp accepts (MP4 or 3GPP)"},
	FileNoDocument:    {"El archivo del encabezado no es un documento que WhatsApp acepte (PDF, Word, Excel, PowerPoint o texto)", "The file of the header is not a document that WhatsApp accepts (PDF, Word, Excel, PowerPoint or text)"},
	FileNone:          {"El archivo del encabezado no es un archivo que WhatsApp acepte", "The file of the header is not a file that WhatsApp accepts"},
	FileLargeImage:    {"El archivo del encabezado es demasiado grande: una imagen puede tener hasta %s MB", "The file of the header is too large: an image may have up to %s MB"},
	FileLargeVideo:    {"El archivo del encabezado es demasiado grande: un video puede tener hasta %s MB", "The file of the header is too large: a video may have up to %s MB"},
	FileLargeDocument: {"El archivo del encabezado es demasiado grande: un documento puede tener hasta %s MB", "The file of the header is too large: a document may have up to %s MB"},
	FileLarge:         {"El archivo del encabezado es demasiado grande: un archivo puede tener hasta %s MB", "The file of the header is too large: a file may have up to %s MB"},

	LinkPrivateNetwork: {"El enlace del encabezado lleva a una red privada", "The link of the header leads to a private network"},
	LinkStatus:         {"El enlace del encabezado respondió %s", "The link of the header answered %s"},
	LinkNotHTTPS:       {"El enlace del encabezado debe empezar por https://", "The link of the header must begin with https://"},
	LinkTooLong:        {"El enlace del encabezado tiene más de %s caracteres", "The link of the header has more than %s characters"},
	LinkUser:           {"El enlace del encabezado no puede llevar usuario ni contraseña", "The link of the header must not carry a user or a password"},
	LinkUnreadable:     {"El enlace del encabezado no se entiende", "The link of the header can't be understood"},
	LinkPort:           {"El enlace del encabezado lleva a un puerto que no se usa para archivos", "The link of the header leads to a port that is not used for files"},
}
