package schemas

// Decided returns how many recipients have an outcome.
func (x *Status) Decided() uint32 {
	n := uint32(0)
	for _, c := range x.GetCounts() {
		if RecipientState(c.GetMark()).Decided() {
			n += c.GetCount()
		}
	}
	return n
}

// Supersedes reports whether x is a later status of its task than known. A process that lost the task and does not know it
// yet may write a higher version that knows less; the state of a recipient only rises, and an end stays where it is, so
// that one is not believed, and the owner writes over it soon.
func (x *Status) Supersedes(known *Status) bool {
	switch {
	case known == nil:
		return true
	case x.GetVersion() <= known.GetVersion():
		return false
	case known.GetPlan() == nil: // outcomes that came before the plan may be of recipients that it does not have
		return true
	}
	ended, end := known.GetFinishedMs(), x.GetFinishedMs()
	return (ended == 0 || end != 0 && end <= ended) && x.saysAll(known)
}

// saysAll reports whether every recipient can have come to at least the state that known counts for it: of each state and
// those above it there are no fewer.
func (x *Status) saysAll(known *Status) bool {
	var more [256]int64
	for _, c := range x.GetCounts() {
		more[c.GetMark()%256] += int64(c.GetCount())
	}
	for _, c := range known.GetCounts() {
		more[c.GetMark()%256] -= int64(c.GetCount())
	}
	above := int64(0)
	for m := len(more) - 1; m > int(StatePending); m-- {
		if above += more[m]; above < 0 {
			return false
		}
	}
	return true
}
