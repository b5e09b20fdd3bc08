package history

import (
	"context"
	"fmt"

	"altavoz/producer/export"
	"altavoz/schemas"
	"altavoz/stream"
)

// outcomes reads what became of the sends. Marks are compacted and have no index, so each partition that has one of them is read whole, once.
func (l *look) outcomes(ctx context.Context) error {
	if len(l.found) == 0 {
		return nil
	}
	pages := make(map[int32]map[string][]*sent)
	for i := range l.found {
		s := &l.found[i]
		p := l.Home(schemas.TopicResults, []byte(s.task.String()))
		if pages[p] == nil {
			pages[p] = make(map[string][]*sent)
		}
		key := schemas.PageKey(s.task, s.index/schemas.PageRecipients)
		pages[p][key] = append(pages[p][key], s)
	}
	ends, err := l.Records.Ends(ctx, schemas.TopicMarks)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", schemas.TopicMarks, err)
	}
	for p, of := range pages {
		at := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: p}
		err := l.Records.Range(ctx, at, 0, ends[p], func(rec stream.Record) error {
			some := of[string(rec.Key)]
			if some == nil {
				return nil
			}
			states, err := export.States(rec)
			for _, s := range some {
				if i := int(s.index % schemas.PageRecipients); i < len(states) {
					s.state = max(s.state, schemas.RecipientState(states[i])) //mutant:outcome-of-a-send-only-rises
				}
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, err)
		}
	}
	return nil
}
