package schemas

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxReference is the most bytes of what a caller calls a broadcast.
const MaxReference = 128

// MaxCallback is the most bytes of a callback URL.
const MaxCallback = 4 * 2000

// ValidReference reports whether a text can be what a caller calls a broadcast: UTF-8 without control characters, MaxReference bytes at most.
func ValidReference(text string) bool {
	return len(text) <= MaxReference && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// Name tells an event from all others of its task. It is the same whenever the event is told.
func (x *TaskEvent) Name() string {
	kind := strings.ToLower(strings.TrimPrefix(x.GetKind().String(), "TASK_EVENT_KIND_"))
	switch x.GetKind() {
	case TaskEventKind_TASK_EVENT_KIND_PAUSED, TaskEventKind_TASK_EVENT_KIND_RESUMED:
		return fmt.Sprintf("%s-%d", kind, x.GetAtMs())
	case TaskEventKind_TASK_EVENT_KIND_CORRECTED:
		return fmt.Sprintf("%s-%d-%d-%d", kind, x.GetNumber(), x.GetFailed(), x.GetUnknown())
	case TaskEventKind_TASK_EVENT_KIND_UNSPECIFIED, TaskEventKind_TASK_EVENT_KIND_ACCEPTED, TaskEventKind_TASK_EVENT_KIND_STARTED, TaskEventKind_TASK_EVENT_KIND_FINISHED:
	}
	return kind
}

// Headers of a record of the topics events and callbacks whose event is to be posted: where to, its id, and whose the task is.
const (
	CallbackHeader = "callback"
	EventHeader    = "event"
	OwnerHeader    = "owner"
)
