package schemas_test

import (
	"testing"

	"altavoz/schemas"
)

// TestOnlyAHigherVersionThatKnowsAsMuchSupersedes: found by the simulation (seed 141), a process that had lost a task wrote a higher version over
// its end, and everybody who looked saw a finished task that went on.
func TestOnlyAHigherVersionThatKnowsAsMuchSupersedes(t *testing.T) {
	t.Parallel()
	plan := &schemas.TaskOpened{Total: 45}
	status := func(version uint64, sent, pending uint32, finished int64) *schemas.Status {
		return &schemas.Status{Plan: plan, Version: version, FinishedMs: finished, Counts: []*schemas.StateCount{
			{Mark: uint32(schemas.StateSent), Count: sent}, {Mark: uint32(schemas.StatePending), Count: pending},
		}}
	}
	marks := func(version uint64, finished int64, mark schemas.RecipientState, n uint32, other schemas.RecipientState, m uint32) *schemas.Status {
		return &schemas.Status{Plan: plan, Version: version, FinishedMs: finished, Counts: []*schemas.StateCount{
			{Mark: uint32(mark), Count: n}, {Mark: uint32(other), Count: m},
		}}
	}
	for name, c := range map[string]struct {
		known, later *schemas.Status
		want         bool
	}{
		"the first":                        {nil, status(1, 0, 45, 0), true},
		"a higher version":                 {status(1, 0, 45, 0), status(2, 3, 42, 0), true},
		"the same version":                 {status(2, 3, 42, 0), status(2, 3, 42, 0), false},
		"a lower version":                  {status(2, 3, 42, 0), status(1, 9, 36, 0), false},
		"a higher version that knows less": {status(15, 45, 0, 7), status(16, 32, 13, 0), false},
		"fewer are decided":                {status(15, 40, 5, 0), status(16, 32, 13, 0), false},
		"it was finished":                  {status(15, 45, 0, 7), status(16, 45, 0, 0), false},
		"as many, and a correction":        {status(15, 45, 0, 7), status(16, 45, 0, 7), true},
		"a later end":                      {status(15, 45, 0, 7), status(16, 45, 0, 9), false}, // simulation, seed 3702
		"an earlier end":                   {status(15, 45, 0, 7), status(16, 45, 0, 5), true},
		"unknown is settled":               {marks(4, 7, schemas.StateUnknown, 5, schemas.StateSent, 40), marks(5, 7, schemas.StateUnknown, 4, schemas.StateSent, 41), true},
		"unknown again":                    {marks(4, 7, schemas.StateUnknown, 4, schemas.StateSent, 41), marks(5, 7, schemas.StateUnknown, 5, schemas.StateSent, 40), false},
		"sent fails later":                 {marks(4, 7, schemas.StateSent, 45, schemas.StateRead, 0), marks(5, 7, schemas.StateSent, 44, schemas.StateUndelivered, 1), true},
		"delivered is taken back":          {marks(4, 7, schemas.StateSent, 5, schemas.StateDelivered, 40), marks(5, 7, schemas.StateSent, 6, schemas.StateDelivered, 39), false},
		"before the plan":                  {&schemas.Status{Version: 1, Counts: status(1, 3, 0, 0).GetCounts()}, status(2, 2, 43, 0), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.later.Supersedes(c.known); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
