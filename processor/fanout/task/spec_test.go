package task_test

import (
	"testing"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// Neither the id nor the place makes a TaskOpened a record's own, where the request is another.
func TestPlanOfAnotherRequestIsNotTheRecords(t *testing.T) {
	t.Parallel()
	place := &schemas.Origin{Partition: 3, Offset: 70}
	record := &task.Spec{Offset: 5, Origin: place, Owner: "tienda", SHA: []byte("one")}
	for request, want := range map[string]bool{"one": true, "another": false, "": false} {
		t.Run("request "+request, func(t *testing.T) {
			t.Parallel()
			if got := record.IsFirst(&schemas.TaskOpened{Origin: place, Owner: "tienda", RequestSha256: []byte(request)}, 1); got != want {
				t.Errorf("it is the record's: %t, want %t", got, want)
			}
		})
	}
}
