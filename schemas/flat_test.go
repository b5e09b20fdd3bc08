package schemas

import (
	"testing"

	"altavoz/stream"

	"github.com/google/go-cmp/cmp"
)

// The short way and the general one must never read a record differently.
func FuzzReadOutcome(f *testing.F) {
	task := NewTaskID()
	for _, o := range []*Outcome{
		{},
		{Index: 7, Mark: uint32(StateSent), Wamid: "wamid.X"},
		{Index: 1 << 30, Mark: uint32(Failed(131026)), Phone: "573001234567", Reason: "no usa WhatsApp, señor"},
	} {
		f.Add(EncodeResult(&Result{Task: task.Bytes(), AtMs: 1_700_000_000_000, Event: &Result_Outcome{Outcome: o}}).Value)
	}
	f.Add(EncodeResult(&Result{Task: task.Bytes(), Event: &Result_Plan{Plan: &TaskOpened{Total: 3}}}).Value)
	f.Add([]byte{0x2a, 0x00, 0x2a, 0x00})
	f.Fuzz(func(t *testing.T, value []byte) {
		rec := stream.Record{Value: value, Headers: []stream.Header{{Key: VersionHeader, Value: []byte(Version)}}}
		var got FlatOutcome
		if !ReadOutcome(&rec, &got) {
			return
		}
		var r Result
		if err := Decode(&rec, &r); err != nil {
			t.Fatalf("the short way read what Decode refuses: %v", err)
		}
		o := r.GetOutcome()
		want := FlatOutcome{
			Task: TaskID(r.GetTask()), AtMs: r.GetAtMs(), Index: o.GetIndex(), Mark: o.GetMark(),
			Phone: []byte(o.GetPhone()), Reason: []byte(o.GetReason()), Wamid: []byte(o.GetWamid()), Price: o.GetPrice(),
		}
		texts := cmp.Transformer("text", func(b []byte) string { return string(b) })
		if diff := cmp.Diff(want, got, texts); o == nil || diff != "" {
			t.Fatalf("short way (+) and Decode (-) differ:\n%s", diff)
		}
	})
}

// Every plain outcome must take the short way: falling back would be right, and slow.
func TestReadOutcomeTakesPlainOnes(t *testing.T) {
	t.Parallel()
	task := NewTaskID()
	rec := EncodeResult(&Result{Task: task.Bytes(), AtMs: 5, Event: &Result_Outcome{Outcome: &Outcome{
		Index: 3, Mark: uint32(StateUnknown), Phone: "57300", Reason: "perdida", Wamid: "w",
	}}})
	var got FlatOutcome
	if !ReadOutcome(&rec, &got) || got.Task != task || got.Index != 3 || got.Mark != uint32(StateUnknown) || got.AtMs != 5 ||
		string(got.Phone) != "57300" || string(got.Reason) != "perdida" {
		t.Fatalf("read %+v, want Task %v, Index 3, Mark %v, AtMs 5", got, task, uint32(StateUnknown))
	}
	rec.Headers = nil
	if ReadOutcome(&rec, &got) {
		t.Fatal("a record without its version was read")
	}
}

// The same for several in one record.
func FuzzReadSeveral(f *testing.F) {
	task := NewTaskID()
	for _, all := range [][]*Outcome{
		{},
		{{}},
		{{Index: 7, Mark: uint32(StateRead), Wamid: "wamid.X", Price: 117}, {Index: 2, Mark: uint32(StateDelivered), Price: 1 << 31}, {Index: 1, Mark: uint32(Undelivered(131049)), Phone: "57300", Reason: "sí"}},
	} {
		f.Add(EncodeResult(&Result{Task: task.Bytes(), AtMs: 1_700_000_000_000, Event: &Result_Receipts{Receipts: &Receipts{Outcomes: all}}}).Value)
		f.Add(EncodeResult(&Result{Task: task.Bytes(), AtMs: 1_700_000_000_000, Event: &Result_Outcomes{Outcomes: &OutcomeList{Outcomes: all}}}).Value)
	}
	f.Add([]byte{0x42, 0x02, 0x0a, 0x00, 0x42, 0x00})
	f.Fuzz(func(t *testing.T, value []byte) {
		for version, short := range map[string]struct {
			read func(*stream.Record, []FlatOutcome) ([]FlatOutcome, bool)
			of   func(*Result) ([]*Outcome, bool)
		}{
			Version:  {ReadReceipts, func(r *Result) ([]*Outcome, bool) { return r.GetReceipts().GetOutcomes(), r.GetReceipts() != nil }},
			Version2: {ReadOutcomes, func(r *Result) ([]*Outcome, bool) { return r.GetOutcomes().GetOutcomes(), r.GetOutcomes() != nil }},
		} {
			rec := stream.Record{Value: value, Headers: []stream.Header{{Key: VersionHeader, Value: []byte(version)}}}
			got, ok := short.read(&rec, nil)
			if !ok {
				if len(got) > 0 {
					t.Fatalf("%d outcomes of what was not read, want 0", len(got))
				}
				continue
			}
			var r Result
			if err := Decode(&rec, &r); err != nil {
				t.Fatalf("the short way read what Decode refuses: %v", err)
			}
			all, is := short.of(&r)
			var want []FlatOutcome
			for _, o := range all {
				want = append(want, FlatOutcome{
					Task: TaskID(r.GetTask()), AtMs: r.GetAtMs(), Index: o.GetIndex(), Mark: o.GetMark(),
					Phone: []byte(o.GetPhone()), Reason: []byte(o.GetReason()), Wamid: []byte(o.GetWamid()), Price: o.GetPrice(),
				})
			}
			texts := cmp.Transformer("text", func(b []byte) string { return string(b) })
			if diff := cmp.Diff(want, got, texts); !is || diff != "" {
				t.Fatalf("short way (+) and Decode (-) differ:\n%s", diff)
			}
		}
	})
}

// Several outcomes in one record are of the second version, since programs of the first one would pass over them, and take the short way; a single one is of the first.
func TestOutcomesOfOneRecord(t *testing.T) {
	t.Parallel()
	task := NewTaskID()
	all := []*Outcome{{Index: 3, Mark: uint32(StateSent), Wamid: "w"}, {Index: 4, Mark: uint32(StateUnknown), Phone: "57300", Reason: "perdida"}}
	rec := EncodeOutcomes(task, 5, all)
	got, ok := ReadOutcomes(&rec, []FlatOutcome{{Index: 9}})
	if v := rec.Header(VersionHeader); v != Version2 || !ok || len(got) != 3 || got[0].Index != 9 || got[1].Task != task || got[1].AtMs != 5 ||
		got[2].Mark != uint32(StateUnknown) || string(got[2].Reason) != "perdida" {
		t.Errorf("of version %s: read %+v, want 3 of them and version %s", v, got, Version2)
	}
	rec.Headers[0].Value = []byte(Version)
	if _, ok := ReadOutcomes(&rec, nil); ok {
		t.Error("several are read of the first version, which has none")
	}
	one := EncodeOutcomes(task, 5, all[:1])
	var o FlatOutcome
	if v := one.Header(VersionHeader); v != Version || !ReadOutcome(&one, &o) || o.Index != 3 || o.AtMs != 5 {
		t.Errorf("one alone: version %s, %+v; want version %s", v, o, Version)
	}
}

// Receipts as Encode writes them take the short way, and are put behind what is there.
func TestReadReceiptsTakesPlainOnes(t *testing.T) {
	t.Parallel()
	task := NewTaskID()
	rec := EncodeResult(&Result{Task: task.Bytes(), AtMs: 5, Event: &Result_Receipts{Receipts: &Receipts{Outcomes: []*Outcome{
		{Index: 3, Mark: uint32(StateDelivered), Phone: "57300", Wamid: "w", Price: 33}, {Index: 4, Mark: uint32(StateRead)},
	}}}})
	got, ok := ReadReceipts(&rec, []FlatOutcome{{Index: 9}})
	if !ok || len(got) != 3 || got[0].Index != 9 || got[1].Task != task || got[1].AtMs != 5 || string(got[1].Phone) != "57300" ||
		got[2].Mark != uint32(StateRead) {
		t.Fatalf("read %+v, want 3 of them", got)
	}
	outcome := EncodeResult(&Result{Task: task.Bytes(), Event: &Result_Outcome{Outcome: &Outcome{Index: 1, Mark: 1}}})
	if _, ok := ReadReceipts(&outcome, nil); ok {
		t.Fatal("an outcome was read as receipts")
	}
}
