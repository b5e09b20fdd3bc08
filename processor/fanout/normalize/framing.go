package normalize

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// tolerant reads what request.Read refuses in the request itself, with words of its own.
var tolerant = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// A schema registry's clients put a zero and the number of the schema before what they write.
const (
	registryMark  = 0
	registryBytes = 5
)

// JSON returns the request in the value of a record without what tools of others put round it: the framing of a schema registry, and the
// envelope of Kafka Connect's converter, {"schema":...,"payload":{...}}.
func JSON(value []byte) []byte {
	if len(value) > registryBytes && value[0] == registryMark && bytes.HasPrefix(bytes.TrimLeft(value[registryBytes:], " \t\r\n"), []byte("{")) {
		value = value[registryBytes:]
	}
	if !bytes.Contains(value, []byte(`"payload"`)) {
		return value
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(value, &members, tolerant); err != nil {
		return value // its reader says what is wrong with it
	}
	payload, is := members["payload"]
	if _, ok := members["schema"]; !ok || !is || len(members) != len([]string{"schema", "payload"}) {
		return value
	}
	var text string
	if json.Unmarshal(payload, &text, tolerant) == nil && text != "" { // the converter of a schema that is a string
		return []byte(text)
	}
	return payload
}

// Null reports whether a record says nothing: a tombstone, or how Kafka Connect's converter writes one, {"schema":null,"payload":null}.
func Null(value []byte) bool { return value == nil || string(JSON(value)) == "null" }
