package schemas

import "altavoz/stream"

// Controls is what somebody wants of a task while it goes on: the fold of its records in the topic controls, by offset.
type Controls struct {
	Paused    bool
	Resumed   bool // the last pause or resume was a resume
	Cancelled bool // stands, whatever comes later
	Speed     uint32
	HasSpeed  bool  // Speed takes the place of the broadcast's own
	Next      int64 // the offset after the last record of the task; 0: there is none
	Cuts      int   // how often this process found that the topic lost its end: offsets from before and after do not compare
}

// NewerThan reports whether c has records that was has not.
func (c Controls) NewerThan(was Controls) bool {
	return c.Cuts > was.Cuts || c.Cuts == was.Cuts && c.Next > was.Next
}

// Anew forgets which offsets are known: the topic lost its end, and is read again. What is wanted stays, until the topic says something else.
func (c Controls) Anew(cuts int) Controls {
	c.Next, c.Cuts = 0, cuts
	return c
}

// Fold takes in the control at an offset. Of pause, resume and speed the last one counts; a cancel stands.
func (c Controls) Fold(e *Control, offset int64) Controls {
	newer := offset >= c.Next
	c.Next = max(c.Next, offset+1)
	switch e.GetKind() {
	case ControlKind_CONTROL_KIND_CANCEL:
		c.Cancelled = true
	case ControlKind_CONTROL_KIND_PAUSE, ControlKind_CONTROL_KIND_RESUME:
		if newer {
			c.Paused = e.GetKind() == ControlKind_CONTROL_KIND_PAUSE
			c.Resumed = !c.Paused
		}
	case ControlKind_CONTROL_KIND_SPEED:
		if newer {
			c.Speed, c.HasSpeed = e.GetSpeed(), true
		}
	case ControlKind_CONTROL_KIND_UNSPECIFIED: // of a newer version
	}
	return c
}

// controlKeys are the ends of keys by kind. Pause and resume are one: the later takes the other's place. A cancel has its
// own, so that compaction never takes it away.
var controlKeys = map[ControlKind]string{
	ControlKind_CONTROL_KIND_PAUSE:  "run",
	ControlKind_CONTROL_KIND_RESUME: "run",
	ControlKind_CONTROL_KIND_CANCEL: "cancel",
	ControlKind_CONTROL_KIND_SPEED:  "speed",
}

// EncodeControl makes the record of a control.
func EncodeControl(c *Control) stream.Record {
	return Encode(TopicControls, TaskID(c.GetTask()).String()+"/"+controlKeys[c.GetKind()], c)
}

// Without takes back the controls whose key has that ending (see EncodeControl).
func (c Controls) Without(end string) Controls {
	switch end {
	case controlKeys[ControlKind_CONTROL_KIND_PAUSE]:
		c.Paused, c.Resumed = false, false
	case controlKeys[ControlKind_CONTROL_KIND_CANCEL]:
		c.Cancelled = false
	case controlKeys[ControlKind_CONTROL_KIND_SPEED]:
		c.Speed, c.HasSpeed = 0, false
	}
	return c
}

// Idle reports whether nothing is wanted of the task but that it goes on as it was asked for.
func (c Controls) Idle() bool { return !c.Paused && !c.Cancelled && !c.HasSpeed }

// ForgetControls makes the records that delete all controls of a task that is over.
func ForgetControls(t TaskID) []stream.Record {
	out := make([]stream.Record, 0, len(controlKeys))
	for _, end := range []string{"run", "cancel", "speed"} {
		out = append(out, stream.Record{Topic: TopicControls, Partition: stream.NoPartition, Key: []byte(t.String() + "/" + end)})
	}
	return out
}
