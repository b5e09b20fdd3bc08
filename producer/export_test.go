package producer

import "altavoz/producer/bodies"

// Routes returns every route with its method and the scope that it asks for, as "METHOD path scope".
func (in *Ingress) Routes() (all []string) {
	for _, e := range in.endpoints() {
		for _, m := range e.methods {
			all = append(all, m.verb+" "+e.path+" "+string(m.scope))
		}
	}
	return all
}

// Bodies are those of answers by their names in the document.
var Bodies = map[string]any{
	"Refusal": errorBody{}, "Queued": queuedBody{}, "Processed": processedBody{}, "Controlled": controlBody{}, "Health": healthBody{}, "Retried": bodies.Retry{},
}
