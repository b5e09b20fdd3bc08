package queue

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestUrgentThingsComeFirstAndEveryEighthIsAnother: in their order, and as if there were two queues.
func TestUrgentThingsComeFirstAndEveryEighthIsAnother(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type thing struct {
			link   Link[*thing]
			urgent bool
		}
		var q Priority[*thing]
		want := map[bool][]*thing{}
		row := 0
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			switch what := rapid.IntRange(0, 5).Draw(t, "what"); {
			case what < 2:
				e := &thing{urgent: rapid.Bool().Draw(t, "urgent")}
				q.Push(&e.link, e, e.urgent)
				want[e.urgent] = append(want[e.urgent], e)
			case what < 3:
				e := &thing{urgent: rapid.Bool().Draw(t, "urgent")}
				q.PushFront(&e.link, e, e.urgent)
				want[e.urgent] = slices.Insert(want[e.urgent], 0, e)
			case q.Len() == 0:
			default:
				urgent := len(want[true]) > 0 && (len(want[false]) == 0 || row < 7)
				e := q.First()
				if e != want[urgent][0] {
					t.Fatalf("an urgent one: %v, after %d in a row; want %v, the first of %d", e.urgent, row, urgent, len(want[urgent]))
				}
				e.link.Unlink()
				want[urgent] = want[urgent][1:]
				q.Took(urgent)
				if row++; !urgent || len(want[false]) == 0 {
					row = 0
				}
			}
			if got, all := slices.Collect(q.All()), slices.Concat(want[true], want[false]); !slices.Equal(got, all) || q.Len() != len(all) {
				t.Fatalf("%d, all are %d; want %d", q.Len(), len(got), len(all))
			}
		}
	})
}
