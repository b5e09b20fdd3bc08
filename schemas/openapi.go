package schemas

import _ "embed" // of OpenAPI

// OpenAPI is the document of the HTTP API, as GET /openapi.json answers it. Tests hold it to the routes and to every answer that they see.
//
//go:embed openapi.json
var OpenAPI string
