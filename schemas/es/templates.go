package es

// What keeps a message from using a template, and what is known of templates.
const (
	TemplateUnknown        Code = "template_unknown"
	TemplateUnknownHint    Code = "template_unknown_hint"
	TemplateLanguage       Code = "template_language"
	TemplateLanguageHint   Code = "template_language_hint"
	TemplateStatus         Code = "template_status"
	TemplateStatusHint     Code = "template_status_hint"
	TemplateOther          Code = "template_other"
	TemplateOtherHint      Code = "template_other_hint"
	TemplateNoHeader       Code = "template_no_header"
	TemplateNoHeaderHint   Code = "template_no_header_hint"
	TemplateHeader         Code = "template_header"
	TemplateHeaderKind     Code = "template_header_kind"
	TemplateHeaderHint     Code = "template_header_hint"
	TemplateNameMissing    Code = "template_name_missing"
	TemplateNameTwice      Code = "template_name_twice"
	TemplateNameUnknown    Code = "template_name_unknown"
	TemplateNamesHint      Code = "template_names_hint"
	TemplateValueMissing   Code = "template_value_missing"
	TemplateCount          Code = "template_count"
	TemplateCountHint      Code = "template_count_hint"
	TemplateNumbered       Code = "template_numbered"
	TemplateButton         Code = "template_button"
	TemplateButtonHint     Code = "template_button_hint"
	TemplateButtonTwice    Code = "template_button_twice"
	TemplateButtonKind     Code = "template_button_kind"
	TemplateButtonKindHint Code = "template_button_kind_hint"
	TemplateButtonFixed    Code = "template_button_fixed"
	TemplateButtonMissing  Code = "template_button_missing"
	TemplateValueEmpty     Code = "template_value_empty"
	TemplateValueForm      Code = "template_value_form"
	TemplateValueHint      Code = "template_value_hint"
	TemplateLong           Code = "template_long"
	TemplateLongHint       Code = "template_long_hint"
	TemplateWaits          Code = "template_waits"
	TemplateUnchecked      Code = "template_unchecked"
	TemplateFault          Code = "template_fault"
	TemplatesUnconfigured  Code = "templates_unconfigured"
	TemplatesConfigureHint Code = "templates_configure_hint"
	TemplatesUnanswered    Code = "templates_unanswered"
	TemplatesRefused       Code = "templates_refused"
	TemplatesAnswerHint    Code = "templates_answer_hint"
)

var templates = map[Code]text{
	TemplateUnknown:        {"La cuenta no tiene ninguna plantilla '%s'", "The account has no template '%s'"},
	TemplateUnknownHint:    {"`altavoz templates list` muestra las que hay", "`altavoz templates list` shows those that there are"},
	TemplateLanguage:       {"La plantilla '%s' no existe en el idioma '%s'", "Template '%s' does not exist in the language '%s'"},
	TemplateLanguageHint:   {"existe en: %s", "it exists in: %s"},
	TemplateStatus:         {"La plantilla '%s' no se puede enviar: su estado es %s (motivo: %s)", "Template '%s' can't be sent: its status is %s (reason: %s)"},
	TemplateStatusHint:     {"repita el envío cuando Meta la haya aprobado", "send again once Meta has approved it"},
	TemplateOther:          {"La plantilla '%s' tiene un componente que no se puede completar aquí: %s", "Template '%s' has a component that can't be filled in here: %s"},
	TemplateOtherHint:      {"use una plantilla con encabezado, cuerpo, pie y botones", "use a template of header, body, footer and buttons"},
	TemplateNoHeader:       {"El encabezado de la plantilla '%s' no lleva ningún valor", "The header of template '%s' takes no value"},
	TemplateNoHeaderHint:   {"no indique encabezado: forma parte de la plantilla", "name no header: it is part of the template"},
	TemplateHeader:         {"La plantilla '%s' necesita un encabezado de tipo %s", "Template '%s' needs a header of the type %s"},
	TemplateHeaderKind:     {"El encabezado de la plantilla '%s' es de tipo %s, no %s", "The header of template '%s' is of the type %s, not %s"},
	TemplateHeaderHint:     {"indique un encabezado de tipo %s, con su contenido", "give a header of the type %s, with its content"},
	TemplateNameMissing:    {"Las variables de la plantilla '%s' tienen nombre", "The variables of template '%s' have names"},
	TemplateNameTwice:      {"La variable '%s' tiene dos valores", "The variable '%s' has two values"},
	TemplateNameUnknown:    {"La plantilla '%s' no tiene ninguna variable '%s'", "Template '%s' has no variable '%s'"},
	TemplateNamesHint:      {"sus variables son: %s", "its variables are: %s"},
	TemplateValueMissing:   {"Falta el valor de la variable '%s' de la plantilla '%s'", "The variable '%s' of template '%s' has no value"},
	TemplateCount:          {"El cuerpo de la plantilla '%s' tiene %s variables y el envío %s valores", "The body of template '%s' has %s variables and the broadcast %s values"},
	TemplateCountHint:      {"indique %s valores sin nombre, en el orden de la plantilla", "give %s values without names, in the order of the template"},
	TemplateNumbered:       {"Las variables de la plantilla '%s' tienen número, no nombre", "The variables of template '%s' have numbers, not names"},
	TemplateButton:         {"La plantilla '%s' no tiene un botón %s", "Template '%s' has no button %s"},
	TemplateButtonHint:     {"tiene %s botones; el primero es el 0", "it has %s buttons; the first one is 0"},
	TemplateButtonTwice:    {"El botón %s tiene dos valores", "Button %s has two values"},
	TemplateButtonKind:     {"El botón %s de la plantilla '%s' es de tipo %s", "Button %s of template '%s' is of the type %s"},
	TemplateButtonKindHint: {"el botón %s lleva un valor de tipo %s", "button %s takes a value of the type %s"},
	TemplateButtonFixed:    {"El enlace del botón %s de la plantilla '%s' no tiene ninguna variable", "The link of button %s of template '%s' has no variable"},
	TemplateButtonMissing:  {"Falta el valor del botón %s de la plantilla '%s'", "Button %s of template '%s' has no value"},
	TemplateValueEmpty:     {"El valor de una variable no puede estar vacío", "The value of a variable can't be empty"},
	TemplateValueForm:      {"El valor de una variable no admite saltos de línea, tabulaciones ni más de %s espacios seguidos", "The value of a variable takes no line breaks, no tabs and at most %s spaces in a row"},
	TemplateValueHint:      {"escríbalo en una sola línea", "write it in one line"},
	TemplateLong:           {"El texto completo admite como máximo %s caracteres y tiene %s", "The filled-in text takes at most %s characters and has %s"},
	TemplateLongHint:       {"acorte los valores", "make the values shorter"},
	TemplateWaits:          {"La plantilla no se puede enviar por ahora (%s, desde %s); el envío continúa cuando Meta la apruebe", "The template can't be sent for now (%s, since %s); the broadcast goes on once Meta approves it"},
	TemplateUnchecked:      {"la plantilla no se ha podido comprobar: Meta no ha contestado", "the template could not be checked: Meta has not answered"},
	TemplateFault:          {"el campo '%s': %s", "the field '%s': %s"},
	TemplatesUnconfigured:  {"No se sabe de qué cuenta de WhatsApp es este número emisor", "It is not known which WhatsApp account this sender number belongs to"},
	TemplatesConfigureHint: {"indique su WABA ID en ALTAVOZ_WHATSAPP_ACCOUNT_ID, o como \"account\" en ALTAVOZ_SENDERS_FILE", "set its WABA ID as ALTAVOZ_WHATSAPP_ACCOUNT_ID, or as \"account\" in ALTAVOZ_SENDERS_FILE"},
	TemplatesUnanswered:    {"Meta no ha contestado a la consulta de plantillas", "Meta has not answered the query for templates"},
	TemplatesRefused:       {"Meta ha rechazado la consulta de plantillas: %s", "Meta has refused the query for templates: %s"},
	TemplatesAnswerHint:    {"el token necesita el permiso whatsapp_business_management", "the token needs the permission whatsapp_business_management"},
}
