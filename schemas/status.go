package schemas

// Decided returns how many recipients have an outcome.
func (x *Status) Decided() uint32 {
	n := uint32(0)
	for _, c := range x.GetCounts() {
		if Mark(c.GetMark()).Decided() {
			n += c.GetCount()
		}
	}
	return n
}

// Supersedes reports whether x is a later word on its task than known. A process that lost the task and does not know it
// yet may write a higher version that knows less; what is decided stays decided, so that one is not believed, and the
// owner writes over it soon.
func (x *Status) Supersedes(known *Status) bool {
	switch {
	case known == nil:
		return true
	case x.GetVersion() <= known.GetVersion():
		return false
	case known.GetPlan() == nil: // outcomes that came before the plan may be of recipients that it does not have
		return true
	}
	return x.Decided() >= known.Decided() && (known.GetFinishedMs() == 0 || x.GetFinishedMs() != 0)
}
