package es

// What is wrong with a route.
const (
	RouteTemplate     Code = "route_template"
	RouteTemplateHint Code = "route_template_hint"
	RouteFile         Code = "route_file"
	RouteFileHint     Code = "route_file_hint"
)

var route = map[Code]text{
	RouteTemplate: {
		"El campo 'route' con el valor auto necesita 'template', o 'category' utility o authentication",
		"The field 'route' with the value auto needs 'template', or 'category' utility or authentication",
	},
	RouteTemplateHint: {
		"con auto, quien escribió en las últimas 24 horas recibe el mensaje interactivo y los demás la plantilla o, sin ella, el mismo mensaje por Direct Send: dé los dos, o quite 'route'",
		"with auto, whoever wrote within the last 24 hours gets the interactive message and everybody else the template or, without one, the same message by Direct Send: give both, or leave out 'route'",
	},
	RouteFile: {"El campo '%s' no va con 'route' auto", "The field '%s' does not go with the 'route' auto"},
	RouteFileHint: {
		"el archivo de la plantilla es el del mensaje interactivo: use 'header_type', del mismo tipo, y 'header_content'",
		"the file of the template is that of the interactive message: use 'header_type', of the same kind, and 'header_content'",
	},
}
