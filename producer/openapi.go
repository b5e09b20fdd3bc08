package producer

import (
	"net/http"

	"altavoz/producer/access"
	"altavoz/producer/bodies"
	"altavoz/schemas"
)

// openAPI is GET openapi.json: the document of the API, for everybody. It may be kept, and is asked about again by its tag.
func openAPI(_ http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	return answer{status: http.StatusOK, text: schemas.OpenAPI, kind: bodies.JSON}.tagged(r, bodies.OpenAPITag())
}
