package producer

import (
	"net/http"
	"strings"

	"altavoz/producer/access"
)

// handler answers a request. The caller is nil where nobody is asked who he is.
type handler func(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer

// public is the scope of what anybody may ask for.
const public access.Scope = ""

// method is what a route does with one method, and who may ask for it.
type method struct {
	verb   string
	scope  access.Scope
	handle handler
}

// endpoint is a route.
type endpoint struct {
	path, name string
	methods    []method
}

// endpoints are all routes: what is not here is 404.
func (in *Ingress) endpoints() []endpoint {
	one := PathTasks + "/{task_id}"
	all := []endpoint{
		{PathSend, routeSend, []method{{http.MethodPost, access.Send, in.send}}},
		{PathStatus + "{task_id}", routeStatus, reading(access.Read, in.taskStatus)},
		{PathTasks, routeTasks, reading(access.Read, in.list)},
		{one, routeTask, append(reading(access.Read, in.task), method{http.MethodPatch, access.Control, in.speed})},
		{one + "/events", routeEvents, []method{{http.MethodGet, access.Read, in.events}}},
		{PathWebhook, routeWebhook, []method{{http.MethodPost, public, in.webhook}, {http.MethodGet, public, in.webhook}}},
		{"/healthz", routeHealth, reading(public, health)},
		{"/readyz", routeReady, reading(public, in.ready)},
	}
	for _, route := range []string{routePause, routeResume, routeCancel} {
		all = append(all, endpoint{one + "/" + route, route, []method{{http.MethodPost, access.Control, in.control(runControls[route])}}})
	}
	return all
}

// reading is what only looks.
func reading(scope access.Scope, h handler) []method {
	return []method{{http.MethodGet, scope, h}, {http.MethodHead, scope, h}}
}

func (in *Ingress) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range in.endpoints() {
		mux.Handle(e.path, in.route(e.name, in.dispatch(e.methods)))
	}
	mux.Handle("/", in.route(routeOther, func(http.ResponseWriter, *http.Request, *access.Caller) answer {
		return refusal(http.StatusNotFound, codeNotFound, "No existe esa dirección", "POST "+PathSend+" | GET "+PathStatus+"{task_id} | GET "+PathTasks)
	}))
	return mux
}

// dispatch has the method of a request handled, once its caller may ask for it.
func (in *Ingress) dispatch(methods []method) handler {
	handlers, verbs := make(map[string]handler, len(methods)), make([]string, 0, len(methods))
	for _, m := range methods {
		verbs = append(verbs, m.verb)
		handlers[m.verb] = m.handle
		if m.scope != public {
			handlers[m.verb] = in.guarded(m.scope, m.handle)
		}
	}
	return func(w http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
		if h := handlers[r.Method]; h != nil {
			return h(w, r, nil)
		}
		w.Header().Set("Allow", strings.Join(verbs, ", "))
		return refusal(http.StatusMethodNotAllowed, codeMethod, "Método no permitido", "use "+verbs[0])
	}
}
