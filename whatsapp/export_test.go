package whatsapp

import (
	"fmt"

	"altavoz/schemas"
)

// Render returns the whole JSON of a send.
func Render(m schemas.Message, to schemas.Phone, callback string) ([]byte, error) {
	msg, ok := m.(*message)
	if !ok {
		return nil, fmt.Errorf("a message of type %T", m)
	}
	head, err := appendHead(nil, to, callback)
	return append(head, msg.tail...), err
}

// DecodedID is what decoding finds.
func DecodedID(body []byte) (string, bool) {
	w, e, ok := parseAnswer(body)
	if !ok || e != nil || len(w.Messages) == 0 || w.Messages[0].ID == "" {
		return "", false
	}
	return w.Messages[0].ID, true
}
