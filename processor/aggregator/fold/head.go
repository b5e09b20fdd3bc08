package fold

import (
	"cmp"

	"altavoz/schemas"
)

// Head is what is known of a task as a whole. It is stored in statuses only, so two of them are folded as results are.
type Head struct {
	Plan       *schemas.TaskOpened
	Phase      schemas.Phase
	StartedMs  int64
	FinishedMs int64

	cursor   uint32
	why      schemas.Explanation
	phaseMs  int64
	controls controls
}

// controls is what the fanout reported last about the controls of a task.
type controls struct {
	next            int64 // those below this offset are in force
	inFlight, speed uint32
}

// Add folds a status into the head.
func (h *Head) Add(s *schemas.Status) {
	if h.Plan == nil {
		h.Plan = s.GetPlan()
	}
	h.cursor = max(h.cursor, s.GetCursor())
	h.setStarted(s.GetStartedMs())
	h.setPhase(s.GetPhase(), schemas.ExplanationOf(s), s.GetPhaseMs())
	h.setControls(controls{s.GetControls(), s.GetPipe(), s.GetSpeed()})
	if f := s.GetFinishedMs(); f != 0 && (h.FinishedMs == 0 || f < h.FinishedMs) {
		h.FinishedMs = f
	}
}

// PhaseMs is when the phase was said, unix milliseconds.
func (h *Head) PhaseMs() int64 { return h.phaseMs }

// ContainedIn reports whether the status has all of the head.
func (h Head) ContainedIn(s *schemas.Status) bool {
	var other Head
	other.Add(s)
	other.Plan = h.Plan
	return h == other && (h.Plan == nil) == (s.GetPlan() == nil)
}

// phaseRank is the order of phases that stand for good. Others give way to them, and among themselves to the later one.
func phaseRank(p schemas.Phase) int {
	switch p {
	case schemas.Phase_PHASE_FAILED:
		return 3
	case schemas.Phase_PHASE_STOPPED:
		return 2
	case schemas.Phase_PHASE_CANCELLED:
		return 1
	case schemas.Phase_PHASE_NONE, schemas.Phase_PHASE_WAITING, schemas.Phase_PHASE_RUNNING, schemas.Phase_PHASE_PAUSED:
	}
	return 0
}

// setPhase takes a phase in. An update without one changes nothing.
func (h *Head) setPhase(p schemas.Phase, why schemas.Explanation, at int64) bool {
	if p == schemas.Phase_PHASE_NONE {
		return false
	}
	newer := cmp.Or(cmp.Compare(phaseRank(p), phaseRank(h.Phase)), cmp.Compare(at, h.phaseMs), cmp.Compare(p, h.Phase), why.Compare(h.why))
	if newer <= 0 {
		return false
	}
	h.Phase, h.why, h.phaseMs = p, why, at
	return true
}

// setControls takes in which controls are in force: those up to the highest offset. Of two reports for one offset (one of them is by
// a process that was taken for dead) the one with more in flight stands.
func (h *Head) setControls(c controls) bool {
	was := h.controls
	newer := cmp.Or(cmp.Compare(c.next, was.next), cmp.Compare(c.inFlight, was.inFlight), cmp.Compare(c.speed, was.speed))
	if c.next == 0 || newer <= 0 {
		return false
	}
	h.controls = c
	return true
}

func (h *Head) setStarted(at int64) bool {
	if at <= 0 || h.StartedMs != 0 && h.StartedMs <= at {
		return false
	}
	h.StartedMs = at
	return true
}
