package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/app"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/witness"
)

const (
	// simReach is how long what a fault has broken off may go on after it: a commit waits for its answer for 5 s, and a member that
	// was not heard of is given up within a session of 9 s.
	simReach = 15 * time.Second
	// simResends is how many calls more than one a recipient may cost who asked for it, however often a process dies in the middle
	// of one: see "started again" in the ledger.
	simResends = 1
)

// endless is the end of a fault that goes on.
var endless = time.Unix(1<<40, 0)

// died notes that a process ended, at this moment.
func (w *world) died(p *process) { w.lasting("death", p)(0) }

// lasting notes a fault that goes on until over is called, and may be felt for a while after. It is of a process, or of the broker (nil).
// One of a process that calls nobody explains nothing.
func (w *world) lasting(what string, p *process) (over func(felt time.Duration)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended++
	if p != nil && !p.roles.Has(app.RoleSender) {
		return func(time.Duration) {}
	}
	n := len(w.harm)
	w.harm = append(w.harm, witness.Fault{What: what, From: time.Now(), To: endless})
	return func(felt time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.harm[n].To = time.Now().Add(felt)
	}
}

// observe follows the commits of the senders: whoever asks for the next one, those that were accepted before are taken in. A request
// alone says nothing, since it may be refused.
func (b *broker) observe() {
	b.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		b.takeCommits()
		return nil, nil, false
	})
}

// takeCommits takes in what is committed by the senders now.
func (b *broker) takeCommits() {
	group := b.cluster.GroupInfo(simPrefix + string(app.RoleSender))
	if group == nil {
		return
	}
	for topic, partitions := range group.Commits {
		for p, c := range partitions {
			at := stream.TopicPartition{Topic: stream.Topic(topic[len(simPrefix):]), Partition: p}
			if err := b.w.commits.Saw(stream.Position{Partition: at, Offset: c.Offset, Metadata: c.Metadata}, c.At); err != nil {
				b.w.errorf("%v", err)
			}
		}
	}
}

// startsOf returns when the calls of each recipient were committed as started, whatever record they were of.
func (w *world) startsOf() map[recipient][]time.Time {
	w.broker.takeCommits()
	out := make(map[recipient][]time.Time)
	for _, topic := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		w.read(topic, func(rec *stream.Record) {
			var s schemas.Send
			id, err := schemas.TaskID{}, schemas.Decode(rec, &s)
			if err == nil {
				id, err = schemas.TaskIDFromBytes(s.GetTask())
			}
			if err != nil {
				return // rubbish
			}
			who := recipient{id, s.GetIndex()}
			out[who] = append(out[who], w.commits.Started(stream.TopicPartition{Topic: topic, Partition: rec.Partition}, rec.Offset)...)
		})
	}
	return out
}

// checkUnknown finds recipients who were unknown and need not have been: the Cloud API answered, and nothing happened between the
// start of their call and the moment at which they were said to be unknown. And those who were called again too often.
func (w *world) checkUnknown(unknown map[recipient]time.Time) {
	w.mu.Lock()
	harm := append([]witness.Fault(nil), w.harm...)
	w.mu.Unlock()
	starts := w.startsOf()
	for who, said := range unknown {
		if w.withheld(who.task, who.index) > 0 || witness.Explains(starts[who], said, harm) != nil {
			continue
		}
		calls, open, accepted := w.calls(who.task, who.index)
		w.errorf("%s/%d is said to be unknown at %v, and nothing explains it: started at %v; %d calls, %d not refused, %d accepted; faults %v",
			who.task, who.index, said, starts[who], calls, open, accepted, harm)
	}
	for _, task := range w.known() {
		for i := range task.phones {
			who := recipient{task.id, uint32(i)}
			_, open, _ := w.calls(who.task, who.index)
			if !task.resend || open < 2 {
				continue
			}
			deaths := 0
			if s := starts[who]; len(s) > 0 {
				deaths = min(simResends, witness.Hits(s[0], s[len(s)-1].Add(simReach), "", harm))
			}
			if withheld := w.withheld(who.task, who.index); open-1 > withheld+deaths {
				w.errorf("%s/%d asked for it and was called %d times without a plain refusal; %d answers were withheld, and faults allow %d more; started at %v; faults %v",
					who.task, who.index, open, withheld, deaths, starts[who], harm)
			}
		}
	}
}
