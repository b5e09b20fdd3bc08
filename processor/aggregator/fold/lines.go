package fold

import (
	"cmp"
	"slices"

	"altavoz/schemas"
)

// maxErrors is how many error lines a status shows: those of the lowest indexes that ended badly.
const maxErrors = 100

// isError reports whether a recipient in that state belongs among the errors.
func isError(m schemas.RecipientState) bool { return m.Decided() && !m.Succeeded() }

func (t *Task) findLine(index uint32) (int, bool) {
	return slices.BinarySearchFunc(t.lines, index, func(l *schemas.ErrorLine, i uint32) int { return cmp.Compare(l.GetIndex(), i) })
}

// isListed reports whether the index is, or would be, among the error lines.
func (t *Task) isListed(index uint32) bool {
	return len(t.lines) < maxErrors || index <= t.lines[len(t.lines)-1].GetIndex()
}

// addLine puts a line for the index among the lowest, or takes the words off a line whose state was raised.
func (t *Task) addLine(index uint32, m schemas.RecipientState) {
	if !t.isListed(index) {
		return
	}
	i, ok := t.findLine(index)
	if ok {
		t.lines[i].Mark, t.lines[i].Reason = uint32(m), ""
		return
	}
	t.lines = slices.Insert(t.lines, i, &schemas.ErrorLine{Index: index, Mark: uint32(m)})
	if len(t.lines) > maxErrors {
		t.lines = t.lines[:maxErrors]
	}
}

// dropLine removes the line of an index that does not end badly after all.
func (t *Task) dropLine(index uint32) {
	if i, ok := t.findLine(index); ok {
		t.lines = slices.Delete(t.lines, i, i+1)
		t.linesIncomplete = t.linesIncomplete || t.errors > uint32(len(t.lines))
	}
}

// describeLine gives a line its words. The phone belongs to the index, the reason to index and state; of two that differ the greater
// stands, so that order does not matter here either.
func (t *Task) describeLine(index uint32, m schemas.RecipientState, phone, reason string) (changed bool) {
	i, ok := t.findLine(index)
	if !ok {
		return false
	}
	l := t.lines[i]
	if phone > l.GetPhone() {
		l.Phone, changed = phone, true
	}
	if l.GetMark() == uint32(m) && reason > l.GetReason() {
		l.Reason, changed = reason, true
	}
	return changed
}

// completeLines makes the error lines the lowest again after one of them left. The words of a line that had once been pushed out are
// gone; it shows those of its state.
func (t *Task) completeLines(read ReadPage) error {
	if !t.linesIncomplete {
		return nil
	}
	lines := make([]*schemas.ErrorLine, 0, maxErrors)
	for n := 0; n < len(t.List) && len(lines) < maxErrors; n++ {
		if t.List[n].Errors == 0 {
			continue
		}
		p, err := t.resident(uint32(n), 0, 0, read)
		if err != nil {
			return err
		}
		for j := 0; j < len(p.States) && len(lines) < maxErrors; j++ {
			if m := schemas.RecipientState(p.States[j]); isError(m) {
				lines = append(lines, t.lineOf(uint32(n*schemas.PageRecipients+j), m))
			}
		}
	}
	t.lines, t.linesIncomplete = lines, false
	return nil
}

// lineOf is the line of an index, with the words that are known.
func (t *Task) lineOf(index uint32, m schemas.RecipientState) *schemas.ErrorLine {
	l := &schemas.ErrorLine{Index: index, Mark: uint32(m)}
	if i, ok := t.findLine(index); ok {
		l.Phone = t.lines[i].GetPhone()
		if t.lines[i].GetMark() == l.GetMark() {
			l.Reason = t.lines[i].GetReason()
		}
	}
	return l
}
