package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
)

// takeOver finds the tasks that the partition's earlier owner left to their Status: parked ones, and those that are
// dispatched and not decided, which still count as in flight. The view has caught up by now.
func (s *worker) takeOver() {
	type found struct {
		id schemas.TaskID
		st *schemas.Status
	}
	var mine []found
	var over []schemas.TaskID
	s.st.ports.Statuses.Each(func(id schemas.TaskID, st *schemas.Status) bool {
		if st.GetPlan() != nil && !status.Finished(st) && s.livesHere(st.GetPlan()) {
			mine = append(mine, found{id, st})
		}
		if st.GetPlan() != nil && status.Finished(st) && s.livesHere(st.GetPlan()) {
			over = append(over, id)
		}
		return true
	})
	now := time.Now()
	for _, f := range mine {
		offset := status.Position(f.st.GetPlan()).GetOffset()
		if s.members.WillBeRead(offset) {
			s.members.Seek(f.id, f.st)
			continue
		}
		known, listed := s.members.Take(f.id, offset)
		t := s.parkedTask(f.id, f.st)
		if listed {
			s.members.Retrack(t)
		}
		if !s.isHome(t.Sender) { //mutant:task-of-a-refused-record-is-not-dispatched
			t.Failure = normalize.RefusedBefore
		}
		s.open(t, known, now)
	}
	for _, id := range over {
		s.deleteControls(id) // its owner may have died before
	}
	for _, offset := range s.members.DropUnseen() {
		s.log.Warn("a broadcast of the ledger is not in the view of statuses any more", "offset", offset)
	}
	s.synced = true
	s.log.Debug("partition taken over", "from", s.members.Watermark(), "tasks", len(s.tasks), "to_read", s.members.Next()-s.members.Watermark())
}

// parkedTask makes the task of a Status whose record is not read.
func (s *worker) parkedTask(id schemas.TaskID, st *schemas.Status) *task.Task {
	t := task.Found(id, st)
	s.watched.Watch(id)
	return t
}

// failUnlocated ends the tasks that were sought in a log in doubt, all of which was read: others have the offsets of their records.
func (s *worker) failUnlocated(now time.Time) {
	for id, st := range s.members.Unlocated() {
		t := s.parkedTask(id, st)
		t.Failure = prepare.TaskUnreadable
		s.open(t, ledger.Line{}, now)
	}
}

// livesHere reports whether a plan's broadcast is carried out from this partition: its copy lies here. A plan that does not
// name the copy, because the ingress wrote it, means the broadcast's own record, if that lies at home and names its number.
func (s *worker) livesHere(p *schemas.TaskOpened) bool {
	return status.Position(p).GetPartition() == s.Partition().Partition && (p.GetHome() != nil || s.isHome(p.GetSender()))
}

// isHome reports whether tasks of the number are carried out from this partition.
func (s *worker) isHome(sender string) bool {
	return sender != "" && s.st.ports.Home(schemas.TopicBroadcasts, []byte(sender)) == s.Partition().Partition
}
