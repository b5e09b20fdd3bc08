package whatsapp

// DecodedID is what decoding finds.
func DecodedID(body []byte) (string, bool) {
	w, e, ok := parseAnswer(body)
	if !ok || e != nil || len(w.Messages) == 0 || w.Messages[0].ID == "" {
		return "", false
	}
	return w.Messages[0].ID, true
}
