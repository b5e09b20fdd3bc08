package bench

import (
	"os"
	"sync"
	"testing"
	"time"

	"altavoz/test/harness"
)

const (
	// fairDirects is how many direct broadcasts, of fairPhones each, are made a second.
	fairDirects = 10
	fairPhones  = 3
	// A small broadcast has fairSmall phones, and there is one for each fairSmallOf of the big one's.
	fairSmall   = 20
	fairSmallOf = 100
	// fairFirst of a long list are sent to before the others.
	fairFirst = 50
	// fairExtra is what may come on top of the measured time: starting, posting, and coming to rest.
	fairExtra  = 8 * time.Minute
	fairSettle = 2 * time.Minute
	// fairWarm is how long a number goes before its rate is measured: its pipe fills, and its status follows.
	fairWarm = 2 * time.Second
	// What is wrong in kind, on any machine: a direct broadcast that takes longer, and so many times longer than one that was
	// alone, has waited behind others; a share that is off by more, or a rate that is lower by more, was not shared out.
	fairDirectMost  = 5 * time.Second
	fairDirectTimes = 5
	fairOffMost     = 0.25
)

// fairLatency is how long the simulator takes to answer.
const fairLatency = "latency=50ms"

// fairNumbers are the sender numbers, with what Meta allows each of them a second (0: no limit).
var fairNumbers = []number{{"1001", "token", 0}, {"1002", "token", 0}, {"1003", "token", 400}, {"1004", "token", 20}, {"1005", "token", 400}, {"1006", "token", 400}}

const (
	crowdedNumber, sharedNumber, fastNumber, slowNumber, runningNumber, stoppedNumber = "1001", "1002", "1003", "1004", "1005", "1006"
	fairFastRate                                                                      = 400 * 4 / 5 // sends a second of the fast number: a fifth is left for replies
)

// BenchmarkFair measures who waits for whom: direct broadcasts while many go out, two equal tasks, a slow number beside a
// fast one, and a stopped one beside one that runs. FAIR_PHONES and FAIR_SECONDS scale it. Speeds are printed and never a
// failure, but for what is wrong in kind.
func BenchmarkFair(b *testing.B) {
	phones, seconds := setting(b, "FAIR_PHONES", 1_000_000), setting(b, "FAIR_SECONDS", 60)
	span := time.Duration(seconds) * time.Second
	d := deploy(b, harness.Binary(b, "BENCH_BINARY"), setup{roles: []string{"producer", "fanout", "sender", "sender", "aggregator"}, redis: true, numbers: fairNumbers, faults: fairLatency}, 4*span+fairExtra)
	r := &fairReport{Bench: "fair", Phones: phones, Seconds: seconds}
	elsewhere := d.others()
	d.alone(r, span/6)
	d.crowd(r, phones, span)
	d.shares(r, phones/2, span)
	d.slow(r, phones/10, span/4)
	d.stopped(r, phones/10, span/4)
	d.say("waiting for the last outcomes")
	r.Account = d.settle(fairSettle)
	r.Elsewhere = elsewhere()
	r.print(os.Stdout)
	r.judge(b)
}

// warm has everything connected, and a JVM that has just started compile what it will need.
func (d *deployment) warm() {
	d.b.Helper()
	const phones, most = 20_000, 10 * time.Second
	t := d.follow(d.queue(crowdedNumber, phones, time.Now().Add(most)))
	defer t.stop()
	d.directs(crowdedNumber, most, func() bool { return !t.over() })
	d.directs(crowdedNumber, fairWarm, always)
}

// alone: direct broadcasts while there is nothing else.
func (d *deployment) alone(r *fairReport, span time.Duration) {
	d.b.Helper()
	d.say("%s of direct broadcasts, and nothing else", span)
	d.warm()
	r.Alone = d.directs(crowdedNumber, span, always)
}

// crowd: direct broadcasts while a big one goes out on the same number, and then many small ones too.
func (d *deployment) crowd(r *fairReport, phones int, span time.Duration) {
	d.b.Helper()
	const posting = 15 * time.Second // of the big one and of the small ones
	end := time.Now().Add(span + span/2 + posting)
	d.say("%s of direct broadcasts beside one to %d phones", span, phones)
	big := d.follow(d.queue(crowdedNumber, phones, end))
	defer big.stop()
	big.awaitFlow()
	from := time.Now()
	going := func() bool { return !big.over() && time.Now().Before(end.Add(-time.Second)) }
	r.Million = d.directs(crowdedNumber, span, going)
	r.MillionRate = big.rate(from, time.Now())

	small := phones / fairSmallOf
	d.say("the same beside %d more to %d phones each", small, fairSmall)
	posted := d.smalls(crowdedNumber, small, end)
	from = time.Now()
	waiting := d.waiting(posted)
	last := d.follow(posted[len(posted)-1])
	defer last.stop()
	r.Small = d.directs(crowdedNumber, time.Until(end), func() bool { return !last.over() && time.Now().Before(end.Add(-time.Second)) })
	r.Smalls, r.SmallsWaiting, r.SmallRate = len(posted), waiting, big.rate(from, time.Now())
}

// smalls queues small broadcasts, as many as it can in a part of the time that is left.
func (d *deployment) smalls(sender string, n int, end time.Time) (tasks []string) {
	d.b.Helper()
	const hands = 32
	stop := time.Now().Add(time.Until(end) / 3)
	next := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range hands {
		wg.Go(func() {
			for range next {
				task, err := d.send(sender, fairSmall, queuedUntil(end))
				if err != nil {
					d.b.Error(err)
					continue
				}
				mu.Lock()
				tasks = append(tasks, task)
				mu.Unlock()
			}
		})
	}
	for i := 0; i < n && time.Now().Before(stop); i++ {
		next <- struct{}{}
	}
	close(next)
	wg.Wait()
	if len(tasks) == 0 {
		d.b.Fatal("no small broadcast was taken")
	}
	return tasks
}

// waiting is how many of the tasks have not begun, by a sample of them.
func (d *deployment) waiting(tasks []string) int {
	d.b.Helper()
	const asked = 200
	step, seen, n := max(1, len(tasks)/asked), 0, 0
	for i := 0; i < len(tasks); i += step {
		s, err := d.status(tasks[i])
		if err != nil {
			d.b.Fatal(err)
		}
		if seen++; s.Status == "PENDING" {
			n++
		}
	}
	return n * len(tasks) / max(1, seen)
}

// shares: two equal tasks of one number, the second one later.
func (d *deployment) shares(r *fairReport, phones int, span time.Duration) {
	d.b.Helper()
	const posting = 10 * time.Second // of both
	lead, together, bucket := span/6, span/2, span/12
	d.say("two equal tasks, started %s apart", lead)
	end := time.Now().Add(lead + together + bucket + posting)
	first := d.follow(d.queue(sharedNumber, phones, end))
	defer first.stop()
	first.awaitFlow()
	began := time.Now()
	d.sleep(lead)
	second := d.follow(d.queue(sharedNumber, phones, end))
	defer second.stop()
	second.awaitFlow()
	from := time.Now().Add(bucket) // the first one's pipe is still its own
	to := from.Add(together)
	for time.Now().Before(to) && time.Now().Before(end.Add(-bucket/2)) && !first.over() && !second.over() {
		d.sleep(followEvery)
	}
	to = time.Now()
	r.Shares = sharesOf(first, second, began, from, to, bucket)
}

func sharesOf(first, second *followed, began, from, to time.Time, bucket time.Duration) (s shareReport) {
	for at := began; !at.Add(bucket).After(to); at = at.Add(bucket) {
		a, b := first.rate(at, at.Add(bucket)), second.rate(at, at.Add(bucket))
		s.Buckets = append(s.Buckets, [2]float64{a, b})
		if !at.Before(from) {
			s.WorstOff = max(s.WorstOff, off(a, b))
		}
	}
	s.BucketSeconds = bucket.Seconds()
	s.Rates = [2]float64{first.rate(from, to), second.rate(from, to)}
	s.Off = off(s.Rates[0], s.Rates[1])
	return s
}

// off is by how much shares that should be equal differ from half, as a part of it.
func off(a, b float64) float64 {
	if a+b == 0 {
		return 1
	}
	return max(a, b)/(a+b)*2 - 1
}

// slow: the rate of a fast number before and while a slow one has a long list.
func (d *deployment) slow(r *fairReport, phones int, span time.Duration) {
	d.b.Helper()
	d.say("a number at %d a second, alone and beside one at 20 with %d phones waiting", fairFastRate, phones)
	end := time.Now().Add(2*span + 15*time.Second)
	fast := d.follow(d.queue(fastNumber, fairFastRate*int(2*span.Seconds()+20), end))
	defer fast.stop()
	fast.awaitFlow()
	d.sleep(fairWarm)
	r.Fast.Before = d.measured(fast, span)
	slow := d.follow(d.queue(slowNumber, phones, end))
	defer slow.stop()
	slow.awaitFlow()
	from := time.Now()
	r.Fast.Beside = d.measured(fast, span)
	r.SlowRate = slow.rate(from, time.Now())
}

// stopped: the rate and the direct broadcasts of a number before and while another one is refused everything.
func (d *deployment) stopped(r *fairReport, phones int, span time.Duration) {
	d.b.Helper()
	d.say("a number at %d a second, before and while another one's token has expired with %d phones waiting", fairFastRate, phones)
	end := time.Now().Add(2*span + 15*time.Second)
	running := d.follow(d.queue(runningNumber, fairFastRate*int(2*span.Seconds()+20), end))
	defer running.stop()
	running.awaitFlow()
	d.sleep(fairWarm)
	from := time.Now()
	r.BeforeStop = d.directs(runningNumber, span, always)
	r.Running.Before = running.rate(from, time.Now())
	d.faults(fairLatency + "\nnumber=" + stoppedNumber + " token_expired")
	d.queue(stoppedNumber, phones, end)
	for d.ledger().Refused["190"] == 0 {
		d.sleep(followEvery)
	}
	from = time.Now()
	r.BesideStop = d.directs(runningNumber, span, always)
	r.Running.Beside = running.rate(from, time.Now())
}

// measured is the rate of a task from now on.
func (d *deployment) measured(t *followed, span time.Duration) float64 {
	d.b.Helper()
	from := time.Now()
	d.sleep(span)
	return t.rate(from, time.Now())
}
