package producer

// The routes, as metrics and logs name them.
const (
	routeSend    = "send"
	routeStatus  = "status"
	routeTasks   = "tasks"
	routeTask    = "task"
	routePause   = "pause"
	routeResume  = "resume"
	routeCancel  = "cancel"
	routeEvents  = "events"
	routeList    = "recipients"
	routeHistory = "history"
	routeWebhook = "webhook"
	routeHealth  = "health"
	routeReady   = "ready"
	routeOpenAPI = "openapi"
	routeSenders = "senders"
	routeRetry   = "retry"
	routeOther   = "other"
)

// routeNames are all of them.
var routeNames = []string{
	routeSend, routeStatus, routeTasks, routeTask, routePause, routeResume, routeCancel, routeEvents, routeList, routeHistory, routeWebhook, routeHealth, routeReady, routeOpenAPI, routeSenders, routeRetry, routeOther,
}
