package fold

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/price"
)

// reference is the fold written down a second time, as plainly as can be: what was said about each recipient, and the
// greatest of it.
type reference struct {
	plan    *schemas.TaskOpened
	said    map[uint32]schemas.RecipientState
	prices  map[uint32]uint32
	failed  bool
	phase   schemas.Phase
	steered *schemas.TaskUpdate // of the highest controls
}

func refold(results []*schemas.Result) *reference {
	ref := &reference{said: make(map[uint32]schemas.RecipientState), prices: make(map[uint32]uint32)}
	for _, r := range results {
		if p := r.GetPlan(); p != nil && ref.plan == nil {
			ref.plan = p
		}
	}
	total := uint32(schemas.MaxRecipients)
	if ref.plan != nil {
		total = ref.plan.GetTotal()
	}
	say := func(i uint32, m schemas.RecipientState) {
		if i < total {
			ref.said[i] = max(ref.said[i], m)
		}
	}
	for _, r := range results {
		switch e := r.GetEvent().(type) {
		case *schemas.Result_Outcome:
			say(e.Outcome.GetIndex(), schemas.RecipientState(e.Outcome.GetMark()))
		case *schemas.Result_Outcomes:
			for _, o := range e.Outcomes.GetOutcomes() {
				say(o.GetIndex(), schemas.RecipientState(o.GetMark()))
			}
		case *schemas.Result_Range:
			for i := e.Range.GetFrom(); i < min(e.Range.GetTo(), total); i++ {
				say(i, schemas.RecipientState(e.Range.GetMark()))
			}
		case *schemas.Result_Receipts:
			for _, o := range e.Receipts.GetOutcomes() {
				say(o.GetIndex(), schemas.RecipientState(o.GetMark()))
				if o.GetIndex() < total && o.GetPrice() > ref.prices[o.GetIndex()] {
					ref.prices[o.GetIndex()] = o.GetPrice()
				}
			}
		case *schemas.Result_Note:
			ref.failed = ref.failed || e.Note.GetPhase() == schemas.Phase_PHASE_FAILED
			if n := e.Note; n.GetControls() > ref.steered.GetControls() ||
				n.GetControls() > 0 && n.GetControls() == ref.steered.GetControls() && n.GetPipe() > ref.steered.GetPipe() {
				ref.steered = n
			}
		}
	}
	// What stands for good, in its order; else the latest.
	latest := int64(0)
	for _, p := range []schemas.Phase{schemas.Phase_PHASE_FAILED, schemas.Phase_PHASE_STOPPED, schemas.Phase_PHASE_CANCELLED} {
		said := slices.ContainsFunc(results, func(r *schemas.Result) bool { return r.GetNote().GetPhase() == p })
		if said && ref.phase == schemas.Phase_PHASE_NONE {
			ref.phase, latest = p, 1<<62
		}
	}
	for _, r := range results {
		if p := r.GetNote().GetPhase(); p != schemas.Phase_PHASE_NONE && (r.GetAtMs() > latest || r.GetAtMs() == latest && p > ref.phase) {
			ref.phase, latest = p, r.GetAtMs()
		}
	}
	if ref.failed && ref.plan != nil {
		for i := range total {
			say(i, schemas.Failed(schemas.CodeContent))
		}
	}
	return ref
}

func (ref *reference) counts() (counts [256]uint32) {
	for _, m := range ref.said {
		counts[m]++
	}
	return counts
}

// priced is how many messages have each price.
func (ref *reference) priced() map[uint32]uint32 {
	out := make(map[uint32]uint32)
	for _, c := range ref.prices {
		out[c]++
	}
	return out
}

// pricedIn is priced of a status.
func pricedIn(s *schemas.Status) map[uint32]uint32 {
	out := make(map[uint32]uint32)
	for _, c := range s.GetPrices() {
		out[c.GetPrice()] = c.GetCount()
	}
	return out
}

// worst returns the indexes and marks that the error lines must show.
func (ref *reference) worst() (out [][2]uint32) {
	for i, m := range ref.said {
		if isError(m) {
			out = append(out, [2]uint32{i, uint32(m)})
		}
	}
	slices.SortFunc(out, func(a, b [2]uint32) int { return int(a[0]) - int(b[0]) })
	return out[:min(len(out), maxErrors)]
}

func shown(s *schemas.Status) (out [][2]uint32) {
	for _, l := range s.GetErrors() {
		out = append(out, [2]uint32{l.GetIndex(), l.GetMark()})
	}
	return out
}

var task1 = schemas.TaskIDFromKey("tests", "1")

func planOf(total uint32) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 1000, Event: &schemas.Result_Plan{Plan: &schemas.TaskOpened{
		Total: total, Origin: &schemas.Origin{Partition: 1, Offset: 7}, AcceptedMs: 1000,
	}}}
}

func dispatched(cursor uint32) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 1500, Event: &schemas.Result_Dispatched{Dispatched: &schemas.Dispatched{Cursor: cursor}}}
}

func outcome(i uint32, m schemas.RecipientState, phone, reason string) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 2000 + int64(i), Event: &schemas.Result_Outcome{Outcome: &schemas.Outcome{
		Index: i, Mark: uint32(m), Phone: phone, Reason: reason,
	}}}
}

func ranged(from, to uint32, m schemas.RecipientState) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: 3000, Event: &schemas.Result_Range{Range: &schemas.OutcomeRange{From: from, To: to, Mark: uint32(m)}}}
}

func noted(at int64, p schemas.Phase, why string) *schemas.Result {
	return &schemas.Result{Task: task1.Bytes(), AtMs: at, Event: &schemas.Result_Note{Note: &schemas.TaskUpdate{Phase: p, Why: why}}}
}

// received makes receipts from pairs of index and mark.
func received(at int64, pairs ...uint32) *schemas.Result {
	all := &schemas.Receipts{}
	for i := 0; i < len(pairs); i += 2 {
		all.Outcomes = append(all.Outcomes, &schemas.Outcome{Index: pairs[i], Mark: pairs[i+1], Phone: "573001234567", Wamid: "wamid.x"})
	}
	return &schemas.Result{Task: task1.Bytes(), AtMs: at, Event: &schemas.Result_Receipts{Receipts: all}}
}

// receiptStates are what receipts say.
var receiptStates = []schemas.RecipientState{
	schemas.StateConfirmed, schemas.StateDelivered, schemas.StateRead, schemas.Undelivered(131049), schemas.Undelivered(131047),
}

// somePrices are what receipts say of prices, none most often.
var somePrices = []uint32{0, 0, 0, 33, 113, 117, 127, 1, 255}

var someStates = []schemas.RecipientState{
	schemas.StateDuplicate, schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown, schemas.Failed(schemas.CodeInvalidPhone),
	schemas.Failed(131026), schemas.StateSent, schemas.Undelivered(131049), schemas.StateDelivered, schemas.StateRead,
}

// drawResults draws a task's history over the edges of parts, some of it beyond the task's end.
func drawResults(t *rapid.T) []*schemas.Result {
	total := rapid.SampledFrom([]uint32{1, 3, 150, 150, 150, 400, schemas.PageRecipients, schemas.PageRecipients + 50}).Draw(t, "total")
	index := rapid.OneOf(rapid.Uint32Range(0, min(total, 200)), rapid.Uint32Range(0, total+3))
	mark := rapid.SampledFrom(someStates)
	results := []*schemas.Result{planOf(total)}
	for range rapid.IntRange(0, 60).Draw(t, "n") {
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0:
			from := index.Draw(t, "from")
			results = append(results, ranged(from, from+rapid.Uint32Range(0, 300).Draw(t, "width"), mark.Draw(t, "mark")))
		case 1:
			results = append(results, dispatched(index.Draw(t, "cursor")))
		case 2:
			at := rapid.Int64Range(1, 50).Draw(t, "at")
			r := noted(at, rapid.SampledFrom([]schemas.Phase{1, 3, 4, 1, 3, 4, 0, 2, 5, 6}).Draw(t, "phase"), "porque")
			if rapid.Bool().Draw(t, "steers") {
				n := r.GetNote()
				n.Controls, n.Pipe = rapid.Int64Range(0, 5).Draw(t, "controls"), rapid.Uint32Range(0, 99).Draw(t, "pipe")
				n.Speed = uint32(n.GetControls()) * n.GetPipe() // a writer has one word for one moment
			}
			results = append(results, r)
		case 3, 4, 5:
			r := received(2500)
			for range rapid.IntRange(0, 20).Draw(t, "receipts") {
				r.GetReceipts().Outcomes = append(r.GetReceipts().Outcomes, &schemas.Outcome{
					Index: index.Draw(t, "index"), Mark: uint32(rapid.SampledFrom(receiptStates).Draw(t, "mark")), Phone: "573001234567", Wamid: "w",
					Price: rapid.SampledFrom(somePrices).Draw(t, "price"),
				})
			}
			results = append(results, r)
		case 6, 7:
			all := &schemas.OutcomeList{}
			for range rapid.IntRange(0, 20).Draw(t, "outcomes") {
				all.Outcomes = append(all.Outcomes, outcome(index.Draw(t, "index"), mark.Draw(t, "mark"), "573001234567", "").GetOutcome())
			}
			results = append(results, &schemas.Result{Task: task1.Bytes(), AtMs: 2600, Event: &schemas.Result_Outcomes{Outcomes: all}})
		default:
			results = append(results, outcome(index.Draw(t, "index"), mark.Draw(t, "mark"), "573001234567", ""))
		}
	}
	return results
}

func foldAll(t interface{ Fatal(args ...any) }, task *Task, results []*schemas.Result) *schemas.Status {
	for _, r := range results {
		if _, err := task.Fold(r, nil); err != nil {
			t.Fatal(err)
		}
	}
	s, err := task.Status(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever the order, and however often something is repeated: the marks, counts and error lines are the same, and they
// are what the plain reference says.
func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		results := drawResults(t)
		mixed := slices.Clone(results)
		for range rapid.IntRange(0, 10).Draw(t, "repeats") {
			mixed = append(mixed, rapid.SampledFrom(results).Draw(t, "repeat"))
		}
		mixed = rapid.Permutation(mixed).Draw(t, "order")

		a, b := NewTask(task1), NewTask(task1)
		sa, sb := foldAll(t, a, results), foldAll(t, b, mixed)
		for n := range max(len(a.List), len(b.List)) {
			if diff := cmp.Diff(partOf(a, n), partOf(b, n)); diff != "" {
				t.Fatalf("marks of part %d depend on the order:\n%s", n, diff)
			}
			if diff := cmp.Diff(pricesOf(a, n), pricesOf(b, n)); diff != "" {
				t.Fatalf("prices of part %d depend on the order:\n%s", n, diff)
			}
		}
		unworded(sa)
		unworded(sb)
		sa.FinishedMs, sb.FinishedMs = min(sa.GetFinishedMs(), 1), min(sb.GetFinishedMs(), 1) // when, does depend on it
		if diff := cmp.Diff(sa, sb, protocmp.Transform()); diff != "" {
			t.Fatalf("status depends on the order:\n%s", diff)
		}

		ref := refold(results)
		if ref.counts() != a.Counts {
			t.Fatalf("counts %v, the reference has %v; want %v", sa.GetCounts(), ref.counts(), a.Counts)
		}
		if diff := cmp.Diff(ref.priced(), pricedIn(sa)); diff != "" {
			t.Fatalf("prices, reference (-) and fold (+):\n%s", diff)
		}
		if sa.GetPhase() != ref.phase {
			t.Fatalf("phase %v, the reference has %v; want %v", sa.GetPhase(), ref.phase, ref.phase)
		}
		if n := ref.steered; sa.GetControls() != n.GetControls() || sa.GetPipe() != n.GetPipe() || sa.GetSpeed() != n.GetSpeed() {
			t.Fatalf("controls %d, pipe %d, speed %d; the reference has %v", sa.GetControls(), sa.GetPipe(), sa.GetSpeed(), n)
		}
		if diff := cmp.Diff(ref.worst(), shown(sa)); diff != "" {
			t.Fatalf("error lines, reference (-) and fold (+):\n%s", diff)
		}
		if done := uint32(len(ref.said)) == ref.plan.GetTotal(); done != (sa.GetFinishedMs() != 0) {
			t.Fatalf("finished %v, all decided %v", !done, done)
		}
	})
}

// unworded takes the words off the lines: those of a line that had to leave for a lower one are lost.
func unworded(s *schemas.Status) {
	for _, l := range s.GetErrors() {
		l.Phone, l.Reason = "", ""
	}
}

// As long as no line has to leave, the words do not depend on the order either.
func TestErrorWordsDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		results := []*schemas.Result{planOf(20)}
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			m := rapid.SampledFrom([]schemas.RecipientState{schemas.StateDuplicate, schemas.StateUnknown, schemas.Failed(131026), schemas.Undelivered(131049)}).Draw(t, "mark")
			results = append(results, outcome(rapid.Uint32Range(0, 19).Draw(t, "index"), m,
				rapid.SampledFrom([]string{"", "573001", "573002"}).Draw(t, "phone"), rapid.SampledFrom([]string{"", "una", "otra"}).Draw(t, "reason")))
		}
		mixed := rapid.Permutation(append(slices.Clone(results), results[:len(results)/2]...)).Draw(t, "order")
		sa, sb := foldAll(t, NewTask(task1), results), foldAll(t, NewTask(task1), mixed)
		if diff := cmp.Diff(sa.GetErrors(), sb.GetErrors(), protocmp.Transform()); diff != "" {
			t.Fatalf("lines depend on the order:\n%s", diff)
		}
	})
}

// partOf returns the marks of a part without the pending ones at its end, which need not be there.
func partOf(t *Task, n int) []byte {
	if n >= len(t.List) {
		return nil
	}
	return cutZeros(t.List[n].States)
}

// pricesOf is partOf for prices.
func pricesOf(t *Task, n int) []byte {
	if n >= len(t.List) {
		return nil
	}
	return cutZeros(t.List[n].Prices)
}

func cutZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return append([]byte(nil), b...)
}

// At every moment: the histogram is a recount of the bytes, and with the pending ones it makes up the total.
func TestFoldCountsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		task := NewTask(task1)
		for _, r := range rapid.Permutation(drawResults(t)).Draw(t, "order") {
			if _, err := task.Fold(r, nil); err != nil {
				t.Fatal(err)
			}
			var recount [256]uint32
			var decided, worse, held uint32
			var prices Prices
			for _, p := range task.List {
				var here uint32
				for _, c := range p.Prices {
					prices.count(0, price.Class(c))
				}
				if len(p.Prices) > len(p.States) {
					t.Fatalf("a part of %d has %d prices, want no more", len(p.States), len(p.Prices))
				}
				for _, m := range p.States {
					if m != 0 {
						recount[m]++
						decided++
					}
					if isError(schemas.RecipientState(m)) {
						here++
					}
				}
				if uint32(p.Errors) != here {
					t.Fatalf("a part says %d bad, it has %d; want %v", p.Errors, here, uint32(p.Errors))
				}
				worse += here
				held += uint32(len(p.States) + len(p.Prices))
			}
			if !prices.Equal(task.Priced) {
				t.Fatalf("prices %v, recounted %v; want the same", task.Priced.counts(), prices.counts())
			}
			if recount != task.Counts || decided != task.Decided || worse != task.errors || int64(held) != task.Bytes {
				t.Fatalf("histogram %v (%d decided, %d bad, %d bytes), recount %v (%d, %d, %d); want %v, %v, %v, %v",
					task.Counts, task.Decided, task.errors, task.Bytes, recount, decided, worse, held, int64(held), task.Counts, task.Decided, task.errors)
			}
			if task.Plan != nil && task.Decided > task.Plan.GetTotal() {
				t.Fatalf("%d decided of %d", task.Decided, task.Plan.GetTotal())
			}
		}
	})
}

// The marks of a task come and go from memory; nobody may notice.
func TestFoldWithEvictedPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		results := drawResults(t)
		stored := make(map[int64]*schemas.StatePage)
		read := func(_ uint32, at int64) (*schemas.StatePage, error) { return proto.CloneOf(stored[at]), nil }
		task := NewTask(task1)
		for _, r := range results {
			if _, err := task.Fold(r, read); err != nil {
				t.Fatal(err)
			}
			for n := range task.List {
				if p := &task.List[n]; p.States != nil && rapid.Bool().Draw(t, "unload") {
					if p.Dirty {
						p.Offset, p.Dirty = int64(len(stored)), false
						stored[p.Offset] = &schemas.StatePage{Marks: slices.Clone(p.States), Prices: slices.Clone(p.Prices)}
					}
					if p.Offset != NoRecord {
						task.Evict(p)
					}
				}
			}
		}
		got, err := task.Status(read)
		if err != nil {
			t.Fatal(err)
		}
		want := foldAll(t, NewTask(task1), results)
		if task.Plan.GetTotal() > maxErrors {
			unworded(want)
			unworded(got)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Fatalf("kept in memory (-) and unloaded (+) differ:\n%s", diff)
		}
	})
}

// A status read back, with its marks, is the task it was made of.
func TestTaskReadBackIsTheTaskThatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		results := drawResults(t)
		cut := rapid.IntRange(0, len(results)).Draw(t, "cut")
		whole, first := NewTask(task1), NewTask(task1)
		s := foldAll(t, first, results[:cut])
		second, err := Rebuild(task1, s, first.Head, first.Pages)
		if err != nil {
			t.Fatal(err)
		}
		a, b := foldAll(t, whole, results), foldAll(t, second, results[cut:])
		if whole.Plan.GetTotal() > maxErrors {
			unworded(a)
			unworded(b)
		}
		if diff := cmp.Diff(a, b, protocmp.Transform()); diff != "" {
			t.Fatalf("without (-) and with (+) a restart differ:\n%s", diff)
		}
	})
}

func TestLaterPhaseWinsButForThoseThatStand(t *testing.T) {
	t.Parallel()
	const waiting, failed, running = schemas.Phase_PHASE_WAITING, schemas.Phase_PHASE_FAILED, schemas.Phase_PHASE_RUNNING
	const stopped, cancelled, paused = schemas.Phase_PHASE_STOPPED, schemas.Phase_PHASE_CANCELLED, schemas.Phase_PHASE_PAUSED
	for name, c := range map[string]struct {
		notes []*schemas.Result
		phase schemas.Phase
		why   string
	}{
		"later wins":            {[]*schemas.Result{noted(10, waiting, "token"), noted(20, running, "")}, running, ""},
		"late news is old news": {[]*schemas.Result{noted(20, running, ""), noted(10, waiting, "token")}, running, ""},
		"a failure stays":       {[]*schemas.Result{noted(10, failed, "archivo"), noted(20, running, "")}, failed, "archivo"},
		"a failure comes late":  {[]*schemas.Result{noted(20, running, ""), noted(10, failed, "archivo")}, failed, "archivo"},
		"a stop stays":          {[]*schemas.Result{noted(10, stopped, "131047"), noted(20, running, ""), noted(30, cancelled, "")}, stopped, "131047"},
		"a stop fails":          {[]*schemas.Result{noted(10, stopped, "131047"), noted(5, failed, "archivo")}, failed, "archivo"},
		"a cancel stays":        {[]*schemas.Result{noted(10, cancelled, ""), noted(20, paused, "pausa"), noted(30, running, "")}, cancelled, ""},
		"a stop beats a cancel": {[]*schemas.Result{noted(20, cancelled, ""), noted(10, stopped, "131047")}, stopped, "131047"},
		"a pause ends":          {[]*schemas.Result{noted(10, paused, "pausa"), noted(20, running, "")}, running, ""},
		"nothing said":          {[]*schemas.Result{noted(10, paused, "pausa"), noted(20, schemas.Phase_PHASE_NONE, "")}, paused, "pausa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := foldAll(t, NewTask(task1), append([]*schemas.Result{planOf(2)}, c.notes...))
			if s.GetPhase() != c.phase || s.GetWhy() != c.why {
				t.Fatalf("phase %v %q, want %v %q", s.GetPhase(), s.GetWhy(), c.phase, c.why)
			}
		})
	}
}

func TestFailedTaskDecidesEveryRecipient(t *testing.T) {
	t.Parallel()
	s := foldAll(t, NewTask(task1), []*schemas.Result{planOf(3), noted(5000, schemas.Phase_PHASE_FAILED, "La imagen no existe (404)")})
	want := []*schemas.StateCount{{Mark: uint32(schemas.Failed(schemas.CodeContent)), Count: 3}}
	if diff := cmp.Diff(want, s.GetCounts(), protocmp.Transform()); diff != "" {
		t.Fatalf("counts (-want +got):\n%s", diff)
	}
	if s.GetFinishedMs() != 5000 || s.GetStartedMs() != 0 || len(s.GetErrors()) != 3 || s.GetErrors()[2].GetReason() != "" {
		t.Fatalf("status %v, want FinishedMs 5000, StartedMs 0", s)
	}
}

func TestErrorLinesAreTheLowestIndexes(t *testing.T) {
	t.Parallel()
	refused, invalid := schemas.Failed(131026), schemas.Failed(schemas.CodeInvalidPhone)
	s := foldAll(t, NewTask(task1), []*schemas.Result{
		planOf(6),
		outcome(4, refused, "573000000004", ""),
		outcome(1, invalid, "12x", "Invalid phone number format"),
		outcome(2, schemas.StateUnknown, "573000000002", "El proceso terminó durante el envío"),
		outcome(3, schemas.StateUnknown, "573000000003", ""),
		outcome(3, schemas.StateDelivered, "", ""), // a receipt settles it
		outcome(5, schemas.StateDuplicate, "573000000004", ""),
	})
	want := []*schemas.ErrorLine{
		{Index: 1, Phone: "12x", Reason: "Invalid phone number format", Mark: uint32(invalid)},
		{Index: 2, Phone: "573000000002", Reason: "El proceso terminó durante el envío", Mark: uint32(schemas.StateUnknown)},
		{Index: 4, Phone: "573000000004", Mark: uint32(refused)},
		{Index: 5, Phone: "573000000004", Mark: uint32(schemas.StateDuplicate)},
	}
	if diff := cmp.Diff(want, s.GetErrors(), protocmp.Transform()); diff != "" {
		t.Fatalf("lines (-want +got):\n%s", diff)
	}
	if s.GetFinishedMs() != 0 || s.GetStartedMs() != 2001 {
		t.Fatalf("finished %d with one recipient pending, started %d; want 0, 2001", s.GetFinishedMs(), s.GetStartedMs())
	}
}

// When a line leaves, the next one of the task takes its place, though it had not been kept.
func TestNextErrorLineTakesThePlaceOfOneThatLeaves(t *testing.T) {
	t.Parallel()
	results := []*schemas.Result{planOf(500)}
	for i := range uint32(300) {
		results = append(results, outcome(i, schemas.StateUnknown, "", ""))
	}
	for i := range uint32(10) {
		results = append(results, outcome(10*i, schemas.StateRead, "", ""))
	}
	s := foldAll(t, NewTask(task1), results)
	if n := len(s.GetErrors()); n != maxErrors || s.GetErrors()[0].GetIndex() != 1 || s.GetErrors()[n-1].GetIndex() != 109 {
		t.Fatalf("%d lines from %d to %d; want %v, 1, 109", n, s.GetErrors()[0].GetIndex(), s.GetErrors()[n-1].GetIndex(), maxErrors)
	}
}

// Late corrections change the numbers of a finished task and leave it finished when it was.
func TestCorrectionsDoNotUnfinish(t *testing.T) {
	t.Parallel()
	task := NewTask(task1)
	first := foldAll(t, task, []*schemas.Result{planOf(1), outcome(0, schemas.StateSent, "", "")})
	late := outcome(0, schemas.Undelivered(131049), "573001234567", "")
	late.AtMs = 9_000_000
	s := foldAll(t, task, []*schemas.Result{late})
	if first.GetFinishedMs() != 2000 || s.GetFinishedMs() != 2000 || len(s.GetErrors()) != 1 || s.GetCounts()[0].GetMark() != uint32(schemas.Undelivered(131049)) {
		t.Fatalf("first %v\nthen %v", first, s)
	}
}
