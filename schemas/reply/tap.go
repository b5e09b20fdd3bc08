package reply

import (
	"strings"

	"altavoz/schemas"
	"altavoz/stream"
)

// What is kept of a tap, in bytes: more than Meta lets a message have. What is longer is cut.
const (
	maxID   = 1024 // of ids; a template's payload may have 512 characters
	maxText = 512  // of what people read
	// MaxTaps is how many a record holds: at 5 KB each, 0.5 MB.
	MaxTaps = 100
)

// Recipient is one of a task.
type Recipient struct {
	Task  schemas.TaskID
	Index uint32
}

// Records makes the results of taps on messages of ours, and says how many were on messages that find does not know: another system's, or too
// old. Of one message of a recipient there is one.
func Records(all []*schemas.Tap, find func(wamid string) (Recipient, bool), atMs int64) (recs []stream.Record, unknown int) {
	byTask, order, seen := make(map[schemas.TaskID][]*schemas.Tap), []schemas.TaskID(nil), make(map[string]bool)
	for _, tap := range all {
		of, known := find(tap.GetWamid())
		if !known {
			unknown++
			continue
		}
		if seen[tap.GetMessage()] {
			continue
		}
		seen[tap.GetMessage()] = true
		tap.Index = of.Index
		clean(tap, atMs)
		if byTask[of.Task] == nil {
			order = append(order, of.Task)
		}
		byTask[of.Task] = append(byTask[of.Task], tap)
	}
	for _, task := range order {
		for from := 0; from < len(byTask[task]); from += MaxTaps {
			some := byTask[task][from:min(from+MaxTaps, len(byTask[task]))] //mutant:taps-fit-a-record
			recs = append(recs, schemas.EncodeResult(&schemas.Result{
				Task: task.Bytes(), AtMs: atMs, Event: &schemas.Result_Taps{Taps: &schemas.Taps{Taps: some}},
			}))
		}
	}
	return recs, unknown
}

// maxAhead is how far Meta's clock may be ahead of ours, in milliseconds; a time that is later was not read.
const maxAhead = 10 * 60 * 1000

// clean bounds the texts of a tap, and makes them UTF-8.
func clean(r *schemas.Tap, now int64) {
	if r.GetAtMs() <= 0 || r.GetAtMs() > now+maxAhead {
		r.AtMs = now
	}
	for _, t := range []struct {
		text *string
		most int
	}{{&r.Id, maxID}, {&r.Message, maxID}, {&r.Wamid, maxID}, {&r.Title, maxText}, {&r.Description, maxText}, {&r.Name, maxText}, {&r.Address, maxText}} {
		if len(*t.text) > t.most {
			*t.text = (*t.text)[:t.most]
		}
		*t.text = strings.ToValidUTF8(*t.text, "")
	}
}
