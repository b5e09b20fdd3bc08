package prepare

import (
	"testing"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// TestWhetherRecipientsHaveTheirOwnIsKnownWithoutTheList: after a takeover that finds more lists than fit into memory, the verdict on the first
// recipients of a task does not wait for its list.
func TestWhetherRecipientsHaveTheirOwnIsKnownWithoutTheList(t *testing.T) {
	t.Parallel()
	p, of := &Preparer{cachedBytes: CacheBytes}, task.At(0)
	p.Cache(of, &schemas.Broadcast{Phones: []string{"573991234567"}, Personal: []*schemas.Personal{{}}}, 100)
	if of.Body != nil || !of.Personal {
		t.Errorf("the list is kept: %v; recipients have values of their own: %v", of.Body != nil, of.Personal)
	}
}
