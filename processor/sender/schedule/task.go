package schedule

import (
	"container/list"
	"time"

	"altavoz/processor/sender/content"
	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/report"
	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas"
	"altavoz/schemas/request/fault"
)

// Task is what the sends of a task have in common: its message, rendered once, its window, and what it last published.
type Task struct {
	timer timer // when its message is read again

	ID        schemas.TaskID
	number    *Number
	message   content.Message
	opening   limits.Opening
	announced report.Task

	suspect   *limits.Suspect // its sends fail alone
	lastProbe time.Time       // when one of its sends was a probe, or failed

	waiting    queue.Queue[*Send] // sends without a message
	waitCounts [Causes]int        // its sends, by what they wait for
	sends      int                // attached ones
	idle       *list.Element      // in Scheduler.idle, when it has no sends
}

// Attach gives a send its number and its task.
func (s *Scheduler) Attach(e *Send, id schemas.TaskID, in *schemas.Send, now time.Time) {
	e.Phone, e.Index, e.NotAfter, e.Exempt, e.Direct, e.Personal = schemas.Phone(in.GetPhone()), in.GetIndex(), in.GetNotAfterMs(), in.GetExempt(), in.GetDirect(), in.GetPersonal()
	e.Number = s.EnsureNumber(in.GetSender(), now)
	t := s.tasks[id]
	if t == nil {
		t = &Task{
			ID: id, number: e.Number, message: content.New(id, e.Number.ID, in.GetContentRef(), in.GetContent(), in.GetPersonal() != nil), opening: limits.Opening{Window: in.GetWindow()},
		}
		if wrong := fault.Window(t.opening.Window.Check()); wrong != nil {
			t.message.Fail(wrong.Error())
		}
		s.tasks[id] = t
	}
	if t.idle != nil {
		s.idle.Remove(t.idle)
		t.idle = nil
	}
	e.Task, e.attached = t, true
	t.sends++
	t.number.tasks[t] = struct{}{}
}

// detach takes a send from its task. The messages of tasks without sends are kept for a while: more may come.
func (s *Scheduler) detach(e *Send) {
	if !e.attached {
		return
	}
	e.attached = false
	t := e.Task
	if t.sends--; t.sends > 0 {
		return
	}
	if !t.announced.Waits() { // else it has to publish yet that it goes on
		delete(t.number.tasks, t)
	}
	if t.message.Failed() != "" {
		s.dropTask(t)
		return
	}
	t.idle = s.idle.PushBack(t)
	if s.idle.Len() > MaxIdleTasks {
		oldest, _ := s.idle.Remove(s.idle.Front()).(*Task)
		oldest.idle = nil
		s.dropTask(oldest)
	}
}

// dropTask forgets a task without sends. It no longer waits.
func (s *Scheduler) dropTask(t *Task) {
	if t.announced.Waits() {
		s.announceResumed(t, time.Now())
	}
	delete(s.tasks, t.ID)
}

// Answerable reports whether a recipient may answer its message with a tap.
func (t *Task) Answerable(p *schemas.Personal) bool { return t.message.Answerable(p) }

// Unprompted reports whether its message may reach who did not write.
func (t *Task) Unprompted() bool { return t.message.Unprompted() }

func (t *Task) isRendered() bool {
	m, _ := t.message.Rendered()
	return m != nil
}

// load has the task's message read and rendered.
func (s *Scheduler) load(t *Task) {
	if t.timer.Running() {
		return
	}
	s.loader.Load(&t.message, t.waiting.First().Lane == Bulk, func(now time.Time, wait time.Duration) {
		if wait > 0 {
			s.timers.Start(&t.timer, t, now.Add(wait))
			s.ports.Host.Wake()
			return
		}
		for e := t.waiting.First(); e != nil; e = t.waiting.First() {
			e.link.Unlink()
			s.Enqueue(e, false)
		}
	})
}

func (t *Task) onTimer(s *Scheduler, _ time.Time) {
	if t.waiting.Len() > 0 {
		s.load(t)
	}
}
