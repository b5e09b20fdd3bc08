package rules

import (
	"slices"
	"strings"
)

// Nearest returns the known name that a wrong one most likely means; empty: none is near.
func Nearest(name string, known []string) string {
	name = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "-", "_"))
	if meant, ok := foreignNames[name]; ok {
		return meant
	}
	return nearest(name, known)
}

// NearestMember is Nearest for the members of a recipient, and for variables.
func NearestMember(name string, known []string) string {
	name = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "-", "_"))
	if meant := foreignNames[name]; meant == "phones" && slices.Contains(known, "phone") {
		return "phone"
	}
	return nearest(name, known)
}

func nearest(name string, known []string) string {
	const part = 3 // a third of the letters may differ
	best, least := "", max(len(name)/part, 1)+1
	for _, k := range known {
		if d := min(Distance(name, strings.ToLower(k)), Distance(strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(strings.ToLower(k), "_", ""))); d < least {
			best, least = k, d
		}
	}
	return best
}

// Distance is how many letters have to be put in, left out or changed to come from a to b (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// foreignNames are what other services call the members of a request.
var foreignNames = map[string]string{
	"to": "phones", "recipient": "phones", "numbers": "phones", "numeros": "phones", "number": "phones", "telefono": "phones", "celular": "phones", "whatsapp": "phones", "telefonos": "phones", "celulares": "phones", "contacts": "phones",
	"message": "body_text", "messages": "body_text", "text": "body_text", "body": "body_text", "content": "body_text", "mensaje": "body_text", "texto": "body_text",
	"plantilla": "template", "buttons": "button_text", "button": "button_text", "boton": "button_text", "url": "button_url", "link": "button_url", "cta_url": "button_url",
	"header": "header_content", "image": "header_content", "media": "header_content", "media_url": "header_content", "footer": "footer_text", "pie": "footer_text",
	"scheduled_at": "schedule_at", "send_at": "schedule_at", "scheduled_for": "schedule_at", "expires_at": "expire_at", "ttl": "expire_at", "deadline": "expire_at",
	"from": "sender", "phone_number_id": "sender", "queue": "use_queue", "async": "use_queue", "rate": "speed", "mps": "speed", "id": "task_id", "name": "filename",
}
