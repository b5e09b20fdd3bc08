package es

// What a dry run says.
const (
	DryRunDone      Code = "dry_run_done"
	DryRunLong      Code = "dry_run_long"
	DryRunElsewhere Code = "dry_run_elsewhere"
	DryRunLate      Code = "dry_run_late"
	ShareDryRuns    Code = "share_dry_runs"
	BusyDryRuns     Code = "busy_dry_runs"
	FileLinked      Code = "file_linked"
	FileUnchecked   Code = "file_unchecked"
	FileNotNow      Code = "file_not_now"
	AssumedPhones   Code = "assumed_phones"
	AssumedRate     Code = "assumed_rate"
	AssumedSpeed    Code = "assumed_speed"
	AssumedAtBest   Code = "assumed_at_best"
	AssumedNoLimit  Code = "assumed_no_limit"
	AssumedUnknown  Code = "assumed_unknown"
	AssumedFirst    Code = "assumed_first"
	AssumedHalted   Code = "assumed_halted"
	AssumedRepeats  Code = "assumed_repeats"
	CostDelivered   Code = "cost_delivered"
	CostService     Code = "cost_service"
	CostTemplate    Code = "cost_template"
	CostDirect      Code = "cost_direct"
)

var dryRuns = map[Code]text{
	DryRunLong: {
		"No se comprobó el mensaje de todos los destinatarios: lo que traen no cabe en un ensayo",
		"Not everybody's message was checked: what recipients have of their own is too much for a dry run",
	},
	DryRunDone:      {"Ensayo: no se envió nada", "Dry run: nothing was sent"},
	DryRunElsewhere: {"El campo 'dry_run' solo vale por HTTP: este envío no se hace", "The field 'dry_run' is only for HTTP: this broadcast is not made"},
	DryRunLate: {
		"El campo 'dry_run' debe ir antes de la lista y del archivo cuando son grandes",
		"The field 'dry_run' must come before the list and the file where they are large",
	},
	ShareDryRuns: {"Esta clave de API ya tiene el máximo de ensayos a la vez; intente de nuevo en unos segundos", "This API key already has its limit of dry runs at once; try again in a few seconds"},
	BusyDryRuns:  {"Hay demasiados ensayos a la vez; intente de nuevo en unos segundos", "There are too many dry runs at once; try again in a few seconds"},
	FileLinked: {
		"no se descargó desde aquí: se pasaría el enlace, y lo descarga WhatsApp para cada destinatario",
		"it was not fetched from here: the link would be passed on, and WhatsApp fetches it for each recipient",
	},
	FileUnchecked: {
		"este proceso no descarga archivos: lo hace el que tiene el rol fanout, cuando empieza el envío",
		"this process fetches no files: the one with the role fanout does, when the broadcast begins",
	},
	FileNotNow: {
		"no se pudo descargar ahora; el envío lo intentaría de nuevo antes de empezar",
		"it could not be fetched now; the broadcast would try again before it begins",
	},
	AssumedPhones: {
		"de un teléfono solo se sabe que está bien escrito: no si tiene WhatsApp, ni si escribió al número en las últimas 24 horas",
		"of a phone it is only known that it is well written: not whether it has WhatsApp, nor whether it wrote to the number within the last 24 hours",
	},
	AssumedRate: {
		"el número envía a %s mensajes por segundo, lo que su tasa configurada deja a los envíos, y ninguna otra tarea la usa",
		"the number sends %s messages a second, what its configured rate leaves to broadcasts, and no other task uses them",
	},
	AssumedSpeed: {
		"el campo 'speed' limita el envío a %s mensajes por segundo, y el número puede tantos",
		"the field 'speed' limits the broadcast to %s messages a second, and the number can do as many",
	},
	AssumedAtBest: {
		"el campo 'speed' limita el envío a %s mensajes por segundo: no va más rápido, y quizá más despacio",
		"the field 'speed' limits the broadcast to %s messages a second: it goes no faster, and may go slower",
	},
	AssumedNoLimit: {
		"el número no tiene límite configurado: la duración depende de lo que tarde WhatsApp en responder, y no se calcula",
		"the number has no configured limit: how long it takes depends on how fast WhatsApp answers, and is not computed",
	},
	AssumedUnknown: {
		"este proceso no conoce los números: la tasa, y el número por defecto, los sabe el que tiene el rol sender",
		"this process does not know the numbers: the rate, and the default number, are known to the one with the role sender",
	},
	AssumedFirst: {
		"no se cuenta lo que se espera tras los primeros %s destinatarios, ni lo que tarda en subir el archivo",
		"not counted are the wait behind the first %s recipients, and the upload of the file",
	},
	AssumedHalted:  {"el número no envía ahora; los tiempos cuentan desde que pueda", "the number does not send now; the times count from when it can"},
	AssumedRepeats: {"las repeticiones se buscaron solo en el comienzo de la lista: puede haber más", "repeats were only looked for in the beginning of the list: there may be more"},
	CostDelivered: {
		"todos los mensajes se entregan, y nadie tiene precio de volumen ni una ventana gratuita: solo lo entregado se cobra",
		"all messages are delivered, and nobody has a volume price or a free window: only what is delivered is billed",
	},
	CostService: {
		"los mensajes sin plantilla se cobran a partir de %s por número y mes; 'least' vale si el número no ha usado ninguno de ellos",
		"messages without a template are billed beyond %s a number and month; 'least' is so if the number has used none of them",
	},
	CostDirect: {
		"los mensajes por Direct Send se cobran como %s, su categoría",
		"messages by Direct Send are billed as %s, their category",
	},
	CostTemplate: {
		"la plantilla se cobra como %s: la categoría que tiene en su cuenta o, si no se sabe, marketing",
		"the template is billed as %s: the category that it has in its account or, where that is not known, marketing",
	},
}
