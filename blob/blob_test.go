package blob_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/stream"
)

// at is a record as the log has it.
func at(key string, partition int32, offset int64) stream.Record {
	return stream.Record{Topic: schemas.TopicBlobs, Partition: partition, Offset: offset, Key: []byte(key)}
}

func TestRecordOfAnotherBroadcastIsNotTaken(t *testing.T) {
	t.Parallel()
	task, other := schemas.NewTaskID(), schemas.NewTaskID()
	mine, theirs := blob.NewList(), blob.NewList()
	for i, l := range []*blob.List{mine, theirs} {
		if err := l.Add(at(l.Key, 1, int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	proven, copied, guessed, plain := mine.Ref(task, "1065"), theirs.Ref(other, "1065"), mine.Ref(task, "1065"), mine.Ref(task, "1065")
	copied.Task = task.Bytes()
	guessed.Proof = make([]byte, len(guessed.GetProof()))
	plain.Proof, plain.Task, plain.Sender = nil, nil, ""
	unsaid, short := mine.Ref(task, "1065"), mine.Ref(task, "1065")
	unsaid.Task = nil
	short.Proof = short.GetProof()[:1]
	for name, tt := range map[string]struct {
		ref  *schemas.BlobRef
		task schemas.TaskID
		key  string
		ok   bool
	}{
		"its own":                                         {proven, task, mine.Key, true},
		"its own, though it does not say so":              {unsaid, task, mine.Key, true},
		"another's at its place":                          {proven, task, theirs.Key, false},
		"an older version's at its place":                 {proven, task, task.String(), false},
		"another task's reference as it is":               {theirs.Ref(other, "1065"), task, theirs.Key, false},
		"another task's proof under its own name":         {copied, task, theirs.Key, false},
		"a proof that is none":                            {guessed, task, mine.Key, false},
		"the first byte of a proof":                       {short, task, mine.Key, false},
		"no proof, under its id":                          {plain, task, task.String(), true},
		"no proof, under another's id":                    {plain, task, other.String(), false},
		"no proof, of a list with a key of its own":       {plain, task, mine.Key, false},
		"no proof, of a record without a key":             {plain, task, "", false},
		"another task's name, without a proof, by its id": {&schemas.BlobRef{Task: other.Bytes()}, task, task.String(), false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := at(tt.key, 1, 0)
			if err := blob.Check(tt.ref, tt.task, &rec); (err == nil) != tt.ok || err != nil && (!errors.Is(err, blob.ErrForeign) || strings.Contains(err.Error(), mine.Key)) {
				t.Errorf("got %v, want accepted: %t, or ErrForeign without the key", err, tt.ok)
			}
		})
	}
}

// TestThreatS13ProofOfAGuessableKeyIsNotTaken: who knows the key of a record, because it is a task's id, null, or chosen by an upstream system,
// can compute a proof for a task of their own.
func TestThreatS13ProofOfAGuessableKeyIsNotTaken(t *testing.T) {
	t.Parallel()
	mine, victim, good := schemas.NewTaskID(), schemas.NewTaskID(), blob.NewList().Key
	for name, key := range map[string]string{
		"a task's id":                 victim.String(),
		"a task's id in capitals":     strings.ToUpper(victim.String()),
		"the bytes of a task's id":    string(victim.Bytes()),
		"null":                        "",
		"the prefix alone":            good[:len(good)-26],
		"without the prefix":          good[len(good)-26:],
		"one character less":          good[:len(good)-1],
		"one more":                    good + "A",
		"a small letter":              good[:len(good)-1] + "a",
		"a digit that base32 has not": good[:len(good)-1] + "1",
		"a task's id, prefixed":       good[:len(good)-26] + victim.String(),
		"another prefix":              "x" + good[1:],
	} {
		t.Run(name, func(t *testing.T) {
			l := &blob.List{Key: key}
			if err := l.Add(at(key, 1, 0)); err != nil {
				t.Fatal(err)
			}
			rec := at(key, 1, 0)
			if err := blob.Check(l.Ref(mine, "1065"), mine, &rec); !errors.Is(err, blob.ErrForeign) {
				t.Errorf("the list is taken: %v, want %v", err, blob.ErrForeign)
			}
			if err := blob.CheckFile(l.Ref(mine, "1065"), &rec); !errors.Is(err, blob.ErrForeign) {
				t.Errorf("the file is taken: %v, want %v", err, blob.ErrForeign)
			}
		})
	}
	for range 100 {
		l := blob.NewList()
		rec := at(l.Key, 1, 0)
		if err := l.Add(rec); err != nil {
			t.Fatal(err)
		}
		if err := blob.Check(l.Ref(mine, "1065"), mine, &rec); err != nil {
			t.Fatalf("a record with the key %s: %v, want it to be accepted", l.Key, err)
		}
	}
}

// TestThreatS13ProofIsOfOneNumber: a copy of a reference under the same task serves no other number, whatever it says.
func TestThreatS13ProofIsOfOneNumber(t *testing.T) {
	t.Parallel()
	task, l := schemas.NewTaskID(), blob.NewList()
	rec := at(l.Key, 1, 0)
	if err := l.Add(rec); err != nil {
		t.Fatal(err)
	}
	ref, unbound := l.Ref(task, "1065"), l.Ref(task, "")
	if !blob.Names(ref, task, "1065") || blob.Names(ref, task, "1066") || blob.Names(ref, schemas.NewTaskID(), "1065") || blob.Unbound(ref) {
		t.Error("a reference is not that of its task and number alone")
	}
	if !blob.Names(unbound, task, "1066") || !blob.Unbound(unbound) {
		t.Error("one that was made for no number is not seen to be")
	}
	for _, other := range []string{"1066", ""} {
		moved := l.Ref(task, "1065")
		moved.Sender = other
		if err := blob.Check(moved, task, &rec); !errors.Is(err, blob.ErrForeign) {
			t.Errorf("the proof for 1065 is one for %q: %v; want %v", other, err, blob.ErrForeign)
		}
		if err := blob.CheckFile(moved, &rec); !errors.Is(err, blob.ErrForeign) {
			t.Errorf("the proof of the file for 1065 is one for %q: %v; want %v", other, err, blob.ErrForeign)
		}
	}
	if err := blob.Check(unbound, task, &rec); err != nil {
		t.Error(err)
	}
}

// A key that repeats, or that can be derived, is one that others can name.
func TestKeysCannotBeGuessed(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		key := blob.NewList().Key
		if seen[key] || len(key) < 22 {
			t.Fatalf("key %q, want at least length 22", key)
		}
		seen[key] = true
	}
}

// Records that lie in another order than they were written in are not one list: the log lost its end meanwhile.
func TestListThatDoesNotLieInOrderIsRefused(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]stream.Record{"the same place": at("k", 1, 5), "before": at("k", 1, 2), "another partition": at("k", 2, 6)} {
		t.Run(name, func(t *testing.T) {
			l := blob.NewList()
			if err := l.Add(at("k", 1, 4), at("k", 1, 5)); err != nil {
				t.Fatal(err)
			}
			if err := l.Add(second); !errors.Is(err, blob.ErrOrder) {
				t.Errorf("got %v, want %v", err, blob.ErrOrder)
			}
		})
	}
	if ref := blob.NewList().Ref(schemas.NewTaskID(), "1065"); ref != nil {
		t.Errorf("of nothing: %v", ref)
	}
}

// A file is known by its proof, by its digest, or by the task's id as its parts' key, in this order.
func TestFileIsKnownByProofDigestOrTask(t *testing.T) {
	t.Parallel()
	task, other := schemas.NewTaskID(), schemas.NewTaskID()
	l := blob.NewList()
	if err := l.Add(at(l.Key, 0, 0)); err != nil {
		t.Fatal(err)
	}
	digest := make([]byte, 32)
	plain := func() *schemas.BlobRef { return blob.NewRef(0, []int64{0}) }
	unnamed := l.Ref(task, "1065")
	unnamed.Task = nil
	for name, tt := range map[string]struct {
		m   *schemas.MediaRef
		key string
		ok  bool
	}{
		"proof":                        {&schemas.MediaRef{Parts: l.Ref(task, "1065"), Sha256: digest}, l.Key, true},
		"proof of no named task":       {&schemas.MediaRef{Parts: unnamed, Sha256: digest}, l.Key, true},
		"proof, of another":            {&schemas.MediaRef{Parts: l.Ref(task, "1065"), Sha256: digest}, other.String(), false},
		"digest":                       {&schemas.MediaRef{Parts: plain(), Sha256: digest}, other.String(), true}, // whoever reads it compares
		"digest that is too short":     {&schemas.MediaRef{Parts: plain(), Sha256: digest[:31]}, other.String(), false},
		"neither, under the task's id": {&schemas.MediaRef{Parts: plain()}, task.String(), true},
		"neither, under another's id":  {&schemas.MediaRef{Parts: plain()}, other.String(), false},
		"neither, under a key":         {&schemas.MediaRef{Parts: plain()}, l.Key, false},
	} {
		t.Run(name, func(t *testing.T) {
			blob.Bind(tt.m, task)
			rec := at(tt.key, 0, 0)
			if err := blob.CheckFile(tt.m.GetParts(), &rec); (err == nil) != tt.ok {
				t.Errorf("got %v, want accepted: %t", err, tt.ok)
			}
		})
	}
	rec := at(l.Key, 0, 0)
	if err := blob.CheckFile(unnamed, &rec); err != nil { // bound above
		t.Error(err)
	}
	if err := blob.CheckFile(&schemas.BlobRef{Sender: unnamed.GetSender(), Proof: unnamed.GetProof()}, &rec); !errors.Is(err, blob.ErrForeign) {
		t.Errorf("a proof for no task: %v, want %v", err, blob.ErrForeign)
	}
}

// What a5df55f wrote has no proofs: its references are the task's whose id the record has as its key, and nobody else's.
func TestReferencesOfEarlierVersionsAreTheirTasks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schemas/testdata/a5df55f.golden")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 6)
		if len(f) < 5 || f[1] != "Broadcast" && f[1] != "Send" {
			continue
		}
		value, err := hex.DecodeString(f[4])
		if err != nil {
			t.Fatal(err)
		}
		in := stream.Record{Value: value, Headers: []stream.Header{{Key: schemas.VersionHeader, Value: []byte(schemas.Version)}}}
		var refs []*schemas.BlobRef
		var id schemas.TaskID
		if f[1] == "Send" {
			var s schemas.Send
			err = schemas.Decode(&in, &s)
			id, refs = schemas.TaskID(s.GetTask()), append(refs, s.GetContentRef())
		} else {
			var b schemas.Broadcast
			err = schemas.Decode(&in, &b)
			b.GetContent().GetMedia().Sha256 = nil
			blob.Bind(b.GetContent().GetMedia(), schemas.TaskID(b.GetTask()))
			id, refs = schemas.TaskID(b.GetTask()), append(refs, b.GetSlices(), b.GetContent().GetMedia().GetParts())
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range refs {
			seen++
			own, others := at(id.String(), ref.GetPartition(), ref.Offsets()[0]), at(schemas.NewTaskID().String(), ref.GetPartition(), ref.Offsets()[0])
			if err := blob.Check(ref, id, &own); err != nil || !blob.Unproven(ref) {
				t.Errorf("%s: %v, want it to be accepted as unproven", f[1], err)
			}
			if err := blob.Check(ref, id, &others); !errors.Is(err, blob.ErrForeign) {
				t.Errorf("%s: another's is taken: %v; want %v", f[1], err, blob.ErrForeign)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d references, not 3", seen)
	}
}

// log is a Records with one record at each place.
type log map[int64]stream.Record

func (l log) Record(_ context.Context, _ stream.TopicPartition, offset int64) (stream.Record, error) {
	rec, ok := l[offset]
	if !ok {
		return rec, stream.ErrGone
	}
	return rec, nil
}

// Another task has what lies there only where it is the first one's, and only with a key that nobody can guess.
func TestReferenceIsMadeAgainOfOnesOwnOnly(t *testing.T) {
	t.Parallel()
	first, second, digest := schemas.NewTaskID(), schemas.NewTaskID(), make([]byte, 32)
	mine, theirs := blob.NewList(), blob.NewList()
	recs := log{4: at(mine.Key, 1, 4), 5: at(theirs.Key, 1, 5), 6: at(first.String(), 1, 6)}
	for o, l := range map[int64]*blob.List{4: mine, 5: theirs} {
		if err := l.Add(recs[o]); err != nil {
			t.Fatal(err)
		}
	}
	moved := mine.Ref(first, "1065")
	moved.OffsetDeltas = []uint64{5}
	gone := mine.Ref(first, "1065")
	gone.OffsetDeltas = []uint64{7}
	plain := blob.NewRef(1, []int64{6})
	for name, tt := range map[string]struct {
		m    *schemas.MediaRef
		want error
	}{
		"its own":                         {&schemas.MediaRef{Parts: mine.Ref(first, "1065")}, nil},
		"its own, of no number":           {&schemas.MediaRef{Parts: mine.Ref(first, "")}, nil},
		"another's":                       {&schemas.MediaRef{Parts: theirs.Ref(second, "1065")}, blob.ErrForeign},
		"its own, where another's lies":   {&schemas.MediaRef{Parts: moved}, blob.ErrForeign},
		"its own, which is gone":          {&schemas.MediaRef{Parts: gone}, stream.ErrGone},
		"without a proof":                 {&schemas.MediaRef{Parts: plain}, blob.ErrUnproven},
		"without a proof, with a digest":  {&schemas.MediaRef{Parts: plain, Sha256: digest}, nil},
		"another's, with a digest beside": {&schemas.MediaRef{Parts: theirs.Ref(second, "1065"), Sha256: digest}, blob.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := blob.Reader{Records: recs}.AgainFile(t.Context(), tt.m, first, second, "1066")
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			again := &schemas.MediaRef{Parts: ref, Sha256: tt.m.GetSha256()}
			blob.Bind(again, second)
			rec := recs[ref.Offsets()[0]]
			if err := blob.CheckFile(again.GetParts(), &rec); err != nil {
				t.Errorf("the second task may not read it: %v", err)
			}
			if len(ref.GetProof()) > 0 && (blob.Check(ref, second, &rec) != nil || blob.Check(ref, first, &rec) == nil || !blob.Names(ref, second, "1066") || blob.Names(ref, second, "1065")) {
				t.Errorf("%v is not the second task's and number's alone", ref)
			}
		})
	}
}
