package sender

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// Two numbers, one of which gets no answer: an alert has to say which.
func TestGaugesSayWhichNumberGetsNoAnswer(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = func(c *apiCall) schemas.Reply {
			if c.sender == testNumber {
				return schemas.Reply{Verdict: schemas.VerdictUnsent}
			}
			return schemas.Reply{Verdict: schemas.VerdictSent}
		}
		p := w.start([]stream.TopicPartition{bulkPartition}, func(c *Config) {
			c.Numbers, c.Number = []string{testNumber, "works"}, func(id string) (NumberConfig, bool) { return NumberConfig{Rate: 80}, id != "strange" }
		})
		task := schemas.NewTaskID()
		for i := range uint32(30) {
			w.produce(bulkPartition, task, i, until(time.Now().Add(schemas.SendLife)), func(s *schemas.Send) {
				s.Sender = []string{testNumber, "works", "strange"}[i%3]
			})
		}
		w.rest(10 * time.Second)
		if un, st := p.value("altavoz_numbers_unanswered", testNumber), p.value("altavoz_numbers_stopped", testNumber); un != 1 || st != 0 {
			t.Errorf("number %s: unanswered %v, stopped %v; want 1, 0", testNumber, un, st)
		}
		for _, works := range []string{"works", "other"} { // nobody configured "strange"
			if n := p.value("altavoz_numbers_unanswered", works); n != 0 {
				t.Errorf("number %s: unanswered %v; want 0", works, n)
			}
		}
		if n := p.series("altavoz_numbers_unanswered"); n != 3 {
			t.Errorf("%d series, want 3", n)
		}
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictSent} }
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if un := p.value("altavoz_numbers_unanswered", testNumber); un != 0 {
			t.Errorf("answered again, and unanswered %v, want 0", un)
		}
	})
}

// series counts those of a metric.
func (p *process) series(name string) (n int) {
	families, err := p.reg.Gather()
	if err != nil {
		p.w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			n += len(f.GetMetric())
		}
	}
	return n
}
