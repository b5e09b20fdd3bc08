package producer

import (
	"net/http"
	"strings"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/export"
	"altavoz/producer/history"
	"altavoz/producer/optouts"
	"altavoz/producer/route"
	"altavoz/producer/tasks"
	"altavoz/producer/templates"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// handler answers a request. The caller is nil where no key is asked for.
type handler func(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer

// public is the scope of what anybody may ask for.
const public access.Scope = ""

// method is what a route does with one method, and who may ask for it.
type method struct {
	verb   string
	scope  access.Scope
	handle handler
	of     access.Kind // as what it counts for its caller
	query  []string    // the parameters that it takes
}

// endpoint is a route.
type endpoint struct {
	path, name string
	methods    []method
}

// endpoints are all routes: what is not here is 404.
func (in *Ingress) endpoints() []endpoint {
	one := request.PathTasks + "/{task_id}"
	all := []endpoint{
		{request.PathSend, route.Send, []method{{verb: http.MethodPost, scope: access.Send, handle: in.send(request.ListVariables), of: access.Requests}}},
		{request.PathBulk, route.Send, []method{{verb: http.MethodPost, scope: access.Send, handle: in.send(request.ListMessages), of: access.Requests}}},
		{request.PathStatus + "{task_id}", route.Status, reading(access.Read, in.taskStatus, access.Looks)},
		{request.PathTasks, route.Tasks, reading(access.Read, in.list, access.Requests, tasks.Parameters...)},
		{one, route.Task, append(reading(access.Read, in.task, access.Looks), method{verb: http.MethodPatch, scope: access.Control, handle: in.speed, of: access.Controls})},
		{one + "/events", route.Events, []method{{verb: http.MethodGet, scope: access.Read, handle: in.events, of: access.Requests}}},
		{one + "/recipients", route.List, []method{{http.MethodGet, access.Read, in.recipients, access.Requests, export.Parameters}}},
		{one + "/retry", route.Retry, []method{{verb: http.MethodPost, scope: access.Send, handle: in.retry, of: access.Requests}}},
		{request.PathSenders, route.Senders, reading(access.Read, in.senders, access.Looks)},
		{request.PathRecipients + "{phone}", route.History, []method{{http.MethodGet, access.Read, in.history, access.Requests, history.Parameters}}},
		{optouts.Path, route.OptOuts, append(reading(access.OptOuts, in.optOuts, access.Requests, optouts.Parameters...), method{verb: http.MethodPost, scope: access.OptOuts, handle: in.optOuts, of: access.Requests})},
		{optouts.Path + "/{phone}", route.OptOut, append(reading(access.OptOuts, in.optOuts, access.Requests, optouts.Person...), method{http.MethodDelete, access.OptOuts, in.optOuts, access.Requests, optouts.Person})},
		{templates.Path, route.Templates, reading(access.Read, in.listTemplates, access.Requests, templates.Parameters...)},
		{PathWebhook, route.Webhook, []method{{verb: http.MethodPost, handle: in.webhook}, {verb: http.MethodGet, handle: in.webhook}}},
		{"/healthz", route.Health, reading(public, health, access.Looks)},
		{"/readyz", route.Ready, reading(public, in.ready, access.Looks)},
		{"/openapi.json", route.OpenAPI, reading(public, openAPI, access.Looks)},
	}
	for _, route := range []string{route.Pause, route.Resume, route.Cancel} {
		all = append(all, endpoint{one + "/" + route, route, []method{{verb: http.MethodPost, scope: access.Control, handle: in.control(runControls[route]), of: access.Controls}}})
	}
	return all
}

// reading is what only looks.
func reading(scope access.Scope, h handler, k access.Kind, query ...string) []method {
	return []method{{http.MethodGet, scope, h, k, query}, {http.MethodHead, scope, h, k, query}}
}

func (in *Ingress) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range in.endpoints() {
		mux.Handle(e.path, in.route(e.name, in.dispatch(e.methods)))
	}
	none := in.route(route.Other, func(http.ResponseWriter, *http.Request, *access.Caller) answer {
		return refusal(http.StatusNotFound, codes.NotFound, es.Say(es.NoAddress)).hinted(es.Literal("POST " + request.PathSend + " | GET " + request.PathStatus + "{task_id} | GET " + request.PathTasks))
	})
	mux.Handle("/", none)
	mux.Handle(request.PathTasks+"/{task_id}/{below...}", none) // these two name their task
	mux.Handle(request.PathStatus+"{task_id}/{below...}", none)
	return mux
}

// dispatch has the method of a request handled, once its caller may ask for it.
func (in *Ingress) dispatch(methods []method) handler {
	handlers, verbs := make(map[string]handler, len(methods)), make([]string, 0, len(methods))
	for _, m := range methods {
		verbs = append(verbs, m.verb)
		handlers[m.verb] = m.handle
		if m.scope != public {
			handlers[m.verb] = in.guarded(m)
		}
	}
	return func(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
		if h := handlers[r.Method]; h != nil {
			return h(w, r, nil)
		}
		w.Header().Set("Allow", strings.Join(verbs, ", "))
		return refusal(http.StatusMethodNotAllowed, codes.Method, es.Say(es.NoMethod)).hinted(es.Say(es.UseMethod, verbs[0]))
	}
}
