package producer

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"

	"altavoz/producer/access"
	"altavoz/producer/bodies"
	"altavoz/schemas"
)

// openAPITag is the version of the document.
var openAPITag = sync.OnceValue(func() string {
	return fmt.Sprintf(`"%.16x"`, sha256.Sum256([]byte(schemas.OpenAPI)))
})

// openAPI is GET openapi.json: the document of the API, for everybody. It may be kept, and is asked about again by its tag.
func openAPI(_ http.ResponseWriter, r *http.Request, _ *access.Caller) answer {
	return answer{status: http.StatusOK, text: schemas.OpenAPI, kind: bodies.JSON}.tagged(r, openAPITag())
}
