package schemas_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"altavoz/schemas"
)

// Whoever greps a log for a task has the id as the API shows it.
func TestLogsNameTasksAsPeopleDo(t *testing.T) {
	t.Parallel()
	id := schemas.TaskIDFromKey("ana", "1")
	for _, c := range []struct {
		name string
		of   func(*bytes.Buffer) slog.Handler
	}{
		{"JSON", func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }},
		{"text", func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }},
	} {
		for _, value := range []any{id, &id, []schemas.TaskID{id}, struct{ Task schemas.TaskID }{id}, map[schemas.TaskID]int{id: 1}} {
			var b bytes.Buffer
			slog.New(c.of(&b)).Info("a task", "task", value)
			if !strings.Contains(b.String(), id.String()) {
				t.Errorf("%s: %T is written as %s", c.name, value, &b)
			}
		}
	}
}
