package bodies

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"altavoz/schemas"
)

// OpenAPITag is the version of the document of the API.
var OpenAPITag = sync.OnceValue(func() string {
	return fmt.Sprintf(`"%.16x"`, sha256.Sum256([]byte(schemas.OpenAPI)))
})
