package task_test

import (
	"strings"
	"testing"
	"time"

	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// TestUserIDBesideThePhoneIsWrittenAsOptOutsAre: whoever publishes Protobuf may write it as a list does, or something else, which no opt-out would be found under.
func TestUserIDBesideThePhoneIsWrittenAsOptOutsAre(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{"": "", "CO.1a": "CO.1a", "co.ent.1a": "CO.ENT.1a", "573001234568": "refused", "CO.a-b": "refused", "CO." + strings.Repeat("1", 129): "refused"} {
		x := taskOf(&schemas.Status{}, 1)
		own := &schemas.Personal{UserId: written}
		x.Cursor, x.Quantum, x.Seen = 0, 1, recipients.NewSeen()
		x.Body = &schemas.Broadcast{Content: &schemas.Content{Body: "Hola", ButtonText: "Ver", ButtonUrl: "https://example.com"}, Personal: []*schemas.Personal{own}}
		x.Slice = &task.Slice{Phones: []string{"573001234567"}, Personal: []*schemas.Personal{own}}
		recs, _ := x.Expand(time.Unix(1, 0), task.Sender{Region: "CO"})
		if len(recs) != 1 {
			t.Fatalf("%q: %d records, want 1", written, len(recs))
		}
		var s schemas.Send
		if recs[0].Topic == schemas.TopicResults {
			var r schemas.Result
			if err := schemas.Decode(&recs[0], &r); err != nil || want != "refused" || r.GetOutcome().GetMark() != uint32(schemas.Failed(schemas.CodePersonal)) {
				t.Errorf("%q: %v, %v; want %q", written, &r, err, want)
			}
			continue
		}
		if err := schemas.Decode(&recs[0], &s); err != nil || s.GetPersonal().GetUserId() != want {
			t.Errorf("%q: sent with %q, %v; want %q", written, s.GetPersonal().GetUserId(), err, want)
		}
	}
}
