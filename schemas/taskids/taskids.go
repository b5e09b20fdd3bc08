// Package taskids carries lists of task ids in events.
package taskids

import "altavoz/schemas"

// Bytes returns ids as events carry them.
func Bytes(ids []schemas.TaskID) (out [][]byte) {
	for _, id := range ids {
		out = append(out, id.Bytes())
	}
	return out
}

// Read reads the ids that events carry, and passes over what is none.
func Read(texts [][]byte) (out []schemas.TaskID) {
	for _, b := range texts {
		if id, err := schemas.TaskIDFromBytes(b); err == nil {
			out = append(out, id)
		}
	}
	return out
}
