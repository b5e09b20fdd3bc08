package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"altavoz/producer"
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

// BenchmarkFair measures who waits for whom: direct broadcasts while many go out, two equal tasks, a slow number beside a
// fast one, and a stopped one beside one that runs. FAIR_PHONES and FAIR_SECONDS scale it. Speeds are printed and never a
// failure, but for what is wrong in kind.
func BenchmarkFair(b *testing.B) {
	phones, seconds := fairSetting(b, "FAIR_PHONES", 1_000_000), fairSetting(b, "FAIR_SECONDS", 60)
	span := time.Duration(seconds) * time.Second
	f := newFairDeployment(b)
	ctx, cancel := context.WithTimeoutCause(b.Context(), 4*span+fairExtra, errors.New("the bench takes too long"))
	defer cancel()
	f.ctx = ctx
	r := &fairReport{Bench: "fair", Phones: phones, Seconds: seconds}
	began, ours, all := time.Now(), f.cpu(), machineSeconds(b)
	f.alone(r, span/6)
	f.crowd(r, phones, span)
	f.shares(r, phones/2, span)
	f.slow(r, phones/10, span/4)
	f.stopped(r, phones/10, span/4)
	f.say("waiting for the last outcomes")
	r.Account = f.settle(fairSettle)
	r.Elsewhere = (machineSeconds(b) - all - f.cpu() + ours) / time.Since(began).Seconds() / float64(runtime.NumCPU())
	r.print(os.Stdout)
	r.judge(b)
}

func fairSetting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s is no number", name, text)
	}
	return n
}

// warm has everything connected, and a JVM that has just started compile what it will need.
func (f *fairDeployment) warm() {
	f.b.Helper()
	const phones, most = 20_000, 10 * time.Second
	t := f.follow(f.queue(crowdedNumber, phones, time.Now().Add(most)))
	defer t.stop()
	f.directs(crowdedNumber, most, func() bool { return !t.over() })
	f.directs(crowdedNumber, fairWarm, always)
}

// alone: direct broadcasts while there is nothing else.
func (f *fairDeployment) alone(r *fairReport, span time.Duration) {
	f.b.Helper()
	f.say("%s of direct broadcasts, and nothing else", span)
	f.warm()
	r.Alone = f.directs(crowdedNumber, span, always)
}

// crowd: direct broadcasts while a big one goes out on the same number, and then many small ones too.
func (f *fairDeployment) crowd(r *fairReport, phones int, span time.Duration) {
	f.b.Helper()
	const posting = 15 * time.Second // of the big one and of the small ones
	end := time.Now().Add(span + span/2 + posting)
	f.say("%s of direct broadcasts beside one to %d phones", span, phones)
	big := f.follow(f.queue(crowdedNumber, phones, end))
	defer big.stop()
	big.awaitFlow()
	from := time.Now()
	going := func() bool { return !big.over() && time.Now().Before(end.Add(-time.Second)) }
	r.Million = f.directs(crowdedNumber, span, going)
	r.MillionRate = big.rate(from, time.Now())

	small := phones / fairSmallOf
	f.say("the same beside %d more to %d phones each", small, fairSmall)
	posted := f.smalls(small, end)
	from = time.Now()
	waiting := f.waiting(posted)
	last := f.follow(posted[len(posted)-1])
	defer last.stop()
	r.Small = f.directs(crowdedNumber, time.Until(end), func() bool { return !last.over() && time.Now().Before(end.Add(-time.Second)) })
	r.Smalls, r.SmallsWaiting, r.SmallRate = len(posted), waiting, big.rate(from, time.Now())
}

// smalls queues small broadcasts, as many as it can in a part of the time that is left.
func (f *fairDeployment) smalls(n int, end time.Time) (tasks []string) {
	f.b.Helper()
	const hands = 32
	stop := time.Now().Add(time.Until(end) / 3)
	next := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range hands {
		wg.Go(func() {
			for range next {
				task, err := f.send(crowdedNumber, fairSmall, queuedUntil(end))
				if err != nil {
					f.b.Error(err)
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
		f.b.Fatal("no small broadcast was taken")
	}
	return tasks
}

// waiting is how many of the tasks have not begun, by a sample of them.
func (f *fairDeployment) waiting(tasks []string) int {
	f.b.Helper()
	const asked = 200
	step, seen, n := max(1, len(tasks)/asked), 0, 0
	for i := 0; i < len(tasks); i += step {
		s, err := f.status(tasks[i])
		if err != nil {
			f.b.Fatal(err)
		}
		if seen++; s.Status == "PENDING" {
			n++
		}
	}
	return n * len(tasks) / max(1, seen)
}

// shares: two equal tasks of one number, the second one later.
func (f *fairDeployment) shares(r *fairReport, phones int, span time.Duration) {
	f.b.Helper()
	const posting = 10 * time.Second // of both
	lead, together, bucket := span/6, span/2, span/12
	f.say("two equal tasks, started %s apart", lead)
	end := time.Now().Add(lead + together + bucket + posting)
	first := f.follow(f.queue(sharedNumber, phones, end))
	defer first.stop()
	first.awaitFlow()
	began := time.Now()
	f.sleep(lead)
	second := f.follow(f.queue(sharedNumber, phones, end))
	defer second.stop()
	second.awaitFlow()
	from := time.Now().Add(bucket) // the first one's pipe is still its own
	to := from.Add(together)
	for time.Now().Before(to) && time.Now().Before(end.Add(-bucket/2)) && !first.over() && !second.over() {
		f.sleep(followEvery)
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
func (f *fairDeployment) slow(r *fairReport, phones int, span time.Duration) {
	f.b.Helper()
	f.say("a number at %d a second, alone and beside one at 20 with %d phones waiting", fairFastRate, phones)
	end := time.Now().Add(2*span + 15*time.Second)
	fast := f.follow(f.queue(fastNumber, fairFastRate*int(2*span.Seconds()+20), end))
	defer fast.stop()
	fast.awaitFlow()
	f.sleep(fairWarm)
	r.Fast.Before = f.measured(fast, span)
	slow := f.follow(f.queue(slowNumber, phones, end))
	defer slow.stop()
	slow.awaitFlow()
	from := time.Now()
	r.Fast.Beside = f.measured(fast, span)
	r.SlowRate = slow.rate(from, time.Now())
}

// stopped: the rate and the direct broadcasts of a number before and while another one is refused everything.
func (f *fairDeployment) stopped(r *fairReport, phones int, span time.Duration) {
	f.b.Helper()
	f.say("a number at %d a second, before and while another one's token has expired with %d phones waiting", fairFastRate, phones)
	end := time.Now().Add(2*span + 15*time.Second)
	running := f.follow(f.queue(runningNumber, fairFastRate*int(2*span.Seconds()+20), end))
	defer running.stop()
	running.awaitFlow()
	f.sleep(fairWarm)
	from := time.Now()
	r.BeforeStop = f.directs(runningNumber, span, always)
	r.Running.Before = running.rate(from, time.Now())
	f.faults(fairLatency + "\nnumber=" + stoppedNumber + " token_expired")
	f.queue(stoppedNumber, phones, end)
	for f.ledger().Refused["190"] == 0 {
		f.sleep(followEvery)
	}
	from = time.Now()
	r.BesideStop = f.directs(runningNumber, span, always)
	r.Running.Beside = running.rate(from, time.Now())
}

// measured is the rate of a task from now on.
func (f *fairDeployment) measured(t *followed, span time.Duration) float64 {
	f.b.Helper()
	from := time.Now()
	f.sleep(span)
	return t.rate(from, time.Now())
}

// sleep lets time pass, unless the bench's is over.
func (f *fairDeployment) sleep(d time.Duration) {
	f.b.Helper()
	select {
	case <-time.After(d):
	case <-f.ctx.Done():
		f.b.Fatal(context.Cause(f.ctx))
	}
}

func always() bool { return true }

// directs makes direct broadcasts for a while, and calls of the bare loop between them.
func (f *fairDeployment) directs(sender string, span time.Duration, going func() bool) (l latencies) {
	f.b.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	note := func(into *series, took time.Duration) {
		mu.Lock()
		*into = append(*into, took)
		mu.Unlock()
	}
	// From when it was to begin, whether or not those before it are over.
	const every = time.Second / fairDirects
	for began := time.Now(); time.Since(began) < span && going(); {
		at := began.Add(time.Duration(l.made) * every)
		f.sleep(time.Until(at))
		l.made++
		wg.Go(func() {
			task, err := f.send(sender, fairPhones, "")
			if err != nil {
				f.b.Error(err)
				return
			}
			took := time.Since(at)
			if task != "" { // it was not over when patience was, or nobody had any
				took = max(took, producer.DefaultDirectTimeout)
				mu.Lock()
				l.queued++
				mu.Unlock()
			}
			note(&l.altavoz, took)
		})
		wg.Go(func() {
			time.Sleep(every / 2)
			if err := f.bareThree(); err != nil {
				f.b.Error(err)
				return
			}
			note(&l.bare, time.Since(at.Add(every/2)))
		})
	}
	wg.Wait()
	return l
}

// bareThree is what a direct broadcast is compared with: three calls at once.
func (f *fairDeployment) bareThree() error {
	errs := make(chan error, fairPhones)
	for range fairPhones {
		go func() {
			errs <- barePost(f.ctx, f.client, f.sim, benchPhone(int(f.phones.Add(1))-1), int(f.bare.Add(1)))
		}()
	}
	var err error
	for range fairPhones {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return fmt.Errorf("bare: %w", err)
	}
	return nil
}
