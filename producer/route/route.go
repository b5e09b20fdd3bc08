// Package route has the names of the routes, as metrics and logs have them.
package route

// The routes.
const (
	Send    = "send"
	Status  = "status"
	Tasks   = "tasks"
	Task    = "task"
	Pause   = "pause"
	Resume  = "resume"
	Cancel  = "cancel"
	Events  = "events"
	List    = "recipients"
	History = "history"
	Webhook = "webhook"
	Health  = "health"
	Ready   = "ready"
	OpenAPI = "openapi"
	Senders = "senders"
	Retry   = "retry"
	OptOuts = "optouts"
	OptOut  = "optout"
	Other   = "other"

	Templates = "templates"
)

// Names are all of them.
var Names = []string{
	Send, Status, Tasks, Task, Pause, Resume, Cancel, Events, List, History, Webhook, Health, Ready, OpenAPI, Senders, Retry, OptOuts, OptOut, Templates, Other,
}
