package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/schemas"
	"altavoz/stream"
)

const (
	first  schemas.Secret = "the first secret of 32 bytes or more"
	second schemas.Secret = "the second secret, newer than the first"
)

// The id of a key is one owner's, one key's and one secret's, and what earlier secrets gave is known.
func TestIDsOfKeys(t *testing.T) {
	t.Parallel()
	r := NewRing(second, first, second)
	id, earlier := r.TaskIDs("tienda", "pedido 1")
	if before, none := NewRing(first).TaskIDs("tienda", "pedido 1"); len(earlier) != 1 || earlier[0] != before || len(none) != 0 {
		t.Errorf("earlier %v, want %v", earlier, before)
	}
	if again, _ := NewRing(second).TaskIDs("tienda", "pedido 1"); again != id {
		t.Errorf("%v, then %v; want %v", id, again, id)
	}
	seen := map[schemas.TaskID]string{id: "it", earlier[0]: "the earlier one"}
	for _, other := range [][2]string{{"tienda", "pedido 2"}, {"crm", "pedido 1"}, {"tiendap", "edido 1"}, {"tiend", "apedido 1"}, {"", "tiendapedido 1"}} {
		id, _ := r.TaskIDs(other[0], other[1])
		if was, ok := seen[id]; ok {
			t.Errorf("%v has the id of %s", other, was)
		}
		seen[id] = strings.Join(other[:], "/")
	}
	if parsed, err := schemas.ParseTaskID(id.String()); err != nil || parsed != id {
		t.Errorf("%v: %v; want %v", parsed, err, id)
	}
	if _, made := id.Time(); made {
		t.Error("it looks like an id that an ingress made just now")
	}
}

// TestThreatS13OwnerIsProved: what an ingress signed is its caller's, and nothing that anybody changes or makes up is.
func TestThreatS13OwnerIsProved(t *testing.T) {
	t.Parallel()
	b := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), RequestSha256: []byte("digest"), AcceptedMs: 5, Sender: "1065"}
	NewRing(first).Sign(b, "tienda")
	for _, r := range []*Ring{NewRing(first), NewRing(second, first)} {
		if owner, ok := r.Owner(b); !ok || owner != "tienda" {
			t.Errorf("%q, %v; want %q, true", owner, ok, "tienda")
		}
	}
	moved := proto.CloneOf(b) // the fanout puts it on the partition of its number
	moved.Sender, moved.Origin = "1066", &schemas.Origin{Partition: 1, Offset: 2}
	if _, ok := NewRing(first).Owner(moved); !ok {
		t.Error("a broadcast that was moved lost its proof")
	}
	for name, forge := range map[string]func(*schemas.Broadcast){
		"another owner":   func(b *schemas.Broadcast) { b.Owner = "crm" },
		"another task":    func(b *schemas.Broadcast) { b.Task = schemas.NewTaskID().Bytes() },
		"another request": func(b *schemas.Broadcast) { b.RequestSha256 = []byte("other") },
		"another time":    func(b *schemas.Broadcast) { b.AcceptedMs++ },
		"no proof":        func(b *schemas.Broadcast) { b.OwnerMac = nil },
		"half a proof":    func(b *schemas.Broadcast) { b.OwnerMac = b.GetOwnerMac()[:16] },
		"another secret":  func(b *schemas.Broadcast) { NewRing(second).Sign(b, "tienda") },
	} {
		t.Run(name, func(t *testing.T) {
			forged := proto.CloneOf(b)
			forge(forged)
			if _, ok := NewRing(first).Owner(forged); ok {
				t.Errorf("%s is believed", name)
			}
		})
	}
}

func TestSecretsAreCountedAndBadOnesRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", minSecret)
	for text, n := range map[schemas.Secret]int{"": 0, schemas.Secret(long): 1, schemas.Secret(long + "1, " + long + "2\n"): 2} {
		if got, err := Parse(text); err != nil || len(got) != n {
			t.Errorf("%d secrets, %v; want %v", len(got), err, n)
		}
	}
	for _, bad := range []string{"short", ",", long + "," + long, long + ",short", strings.Repeat(long+"1 ", maxSecrets+1)} {
		if got, err := Parse(schemas.Secret(bad)); err == nil || strings.Contains(err.Error(), "xxx") {
			t.Errorf("%q: %d secrets, %v; want an error", bad, len(got), err)
		}
	}
}

// Other ids of a request count where an ingress signed them: neither may one be added, nor taken away.
func TestEarlierIdsAreProved(t *testing.T) {
	t.Parallel()
	ring := NewRing(first)
	a, b := schemas.NewTaskID(), schemas.NewTaskID()
	signed := func() *schemas.Broadcast {
		made := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), AcceptedMs: 1, RequestSha256: []byte("x"), Earlier: [][]byte{a.Bytes(), b.Bytes()}}
		ring.Sign(made, "tienda")
		return made
	}
	if got := ring.Earlier(signed()); !slices.Equal(got, []schemas.TaskID{a, b}) {
		t.Errorf("got %v, want %v and %v", got, a, b)
	}
	for name, change := range map[string]func(*schemas.Broadcast){
		"one more":  func(m *schemas.Broadcast) { m.Earlier = append(m.Earlier, schemas.NewTaskID().Bytes()) },
		"one fewer": func(m *schemas.Broadcast) { m.Earlier = m.Earlier[:1] },
		"joined":    func(m *schemas.Broadcast) { m.Earlier = [][]byte{append(a.Bytes(), b.Bytes()...)} },
		"no proof":  func(m *schemas.Broadcast) { m.OwnerMac = nil },
		"too many": func(m *schemas.Broadcast) {
			m.Earlier = slices.Repeat([][]byte{a.Bytes()}, MaxEarlier+1)
			ring.Sign(m, "tienda")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := signed()
			change(m)
			if got := ring.Earlier(m); len(got) != 0 {
				t.Errorf("got %v, want none", got)
			}
		})
	}
}

// That a fanout moved a broadcast is proved for that request under that id from that place.
func TestMoveIsProved(t *testing.T) {
	t.Parallel()
	made := func() *schemas.Broadcast {
		b := &schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), RequestSha256: []byte("x"), Origin: &schemas.Origin{Partition: 1, Offset: 7}}
		NewRing(first).Move(b)
		return b
	}
	if b := made(); !NewRing(second, first).Moved(b) || NewRing(second).Moved(b) {
		t.Error("it is not proved by the ring that has the secret, or by another one")
	}
	for name, change := range map[string]func(*schemas.Broadcast){
		"another task":      func(b *schemas.Broadcast) { b.Task = schemas.NewTaskID().Bytes() },
		"another request":   func(b *schemas.Broadcast) { b.RequestSha256 = nil },
		"another place":     func(b *schemas.Broadcast) { b.Origin.Offset++ },
		"another partition": func(b *schemas.Broadcast) { b.Origin.Partition++ },
		"no place":          func(b *schemas.Broadcast) { b.Origin = nil },
		"no proof":          func(b *schemas.Broadcast) { b.OriginMac = nil },
		"an owner's proof":  func(b *schemas.Broadcast) { NewRing(first).Sign(b, ""); b.OriginMac = b.GetOwnerMac() },
	} {
		t.Run(name, func(t *testing.T) {
			b := made()
			change(b)
			if NewRing(first).Moved(b) {
				t.Errorf("%s is proved", name)
			}
		})
	}
}

// An id that an ingress made is known as such by every process that has the secret, for as long as it has it; no other id is.
func TestIdsThatWereMadeHereAreKnown(t *testing.T) {
	t.Parallel()
	ring := NewRing(first)
	id := ring.NewTaskID()
	if at, timed := id.Time(); !timed || time.Since(at).Abs() > time.Minute || id == ring.NewTaskID() {
		t.Errorf("%v: %v, %v; want true", id, at, timed)
	}
	if !ring.Made(id) || !NewRing(second, first).Made(id) || NewRing(second).Made(id) {
		t.Error("it is not known by the rings that have the secret, or by another one")
	}
	derived, _ := ring.TaskIDs("tienda", "k")
	for name, other := range map[string]schemas.TaskID{"another's": schemas.NewTaskID(), "a derived one": derived, "none": {}} {
		if ring.Made(other) {
			t.Errorf("%s is taken for made here", name)
		}
	}
	for i := range id { // whatever is changed of it
		changed := id
		changed[i] ^= 1
		if ring.Made(changed) {
			t.Errorf("%s is, too", changed)
		}
	}
}

// A record of an upstream's own topic has one id, wherever and however often it is read; another record has another one, also at its place.
func TestIdsOfRecords(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_000)
	rec := stream.Record{Topic: "crm", Partition: 1, Offset: 2, Time: at}
	id, earlier := NewRing(second, first).RecordIDs(&rec)
	if before, none := NewRing(first).RecordIDs(&rec); len(earlier) != 1 || earlier[0] != before || len(none) != 0 {
		t.Errorf("%v and %v, want %v", id, earlier, before)
	}
	for _, other := range []stream.Record{
		{Topic: "shop", Partition: 1, Offset: 2, Time: at},
		{Topic: "crm", Partition: 2, Offset: 1, Time: at},
		{Topic: "crm", Partition: 1, Offset: 3, Time: at},
		{Topic: "crm", Partition: 1, Offset: 2, Time: at.Add(time.Millisecond)},
	} {
		if got, _ := NewRing(second).RecordIDs(&other); got == id {
			t.Errorf("%+v has the id of %+v", other, rec)
		}
	}
	if derived := schemas.TaskIDFromOrigin("crm", &schemas.Origin{Partition: 1, Offset: 2}); derived == id {
		t.Error("anybody can work it out")
	}
	if _, timed := id.Time(); timed { // as one of a request without a key, which is written once
		t.Error("the fanout takes it for one that no other broadcast has")
	}
}
