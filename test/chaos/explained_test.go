//go:build linux

package chaos

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/witness"
	"altavoz/whatsapp/simulator"
)

// What nothing explains makes a run red: a recipient who is unknown without a start, or without a fault after it, and one more call
// than answers were withheld and processes met by faults.
func TestUnknownsAndRepeatsAreExplained(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(1_750_000_000+int64(seconds), 0) }
	one := &task{id: schemas.NewTaskID(), phones: 4}
	f := &fold{}
	for i, said := range []int{20, 20, 20, 5} {
		f.set(uint32(i), schemas.StateUnknown, at(said).UnixMilli())
	}
	e := &evidence{
		harm: []witness.Fault{{What: "SIGKILL", Of: "sender-0", From: at(10), To: at(10)}},
		starts: map[recipient][]time.Time{
			{one.id, 0}: {at(9)},  // its process died
			{one.id, 2}: {at(19)}, // by who took over
			{one.id, 3}: {at(4)},  // nobody had died yet
		},
	}
	g := &gate{sim: simulator.New(simulator.Config{Numbers: []simulator.Number{{ID: numbers[0], Token: token}}}), made: map[string][]*call{}}
	var v verdict
	for i := range f.marks {
		v.explain(g, e, one, f, i)
	}
	if v.BrokenOff != 1 || v.NeverCalled != 1 || v.Unexplained != 3 || len(v.evidence) != 3 {
		t.Errorf("got %+v, want BrokenOff 1, NeverCalled 1, Unexplained 3", v)
	}
	g.made[schemas.Callback(one.id, 0)] = []*call{{"sender-0", at(9), at(11)}, {"sender-1", at(12), at(13)}}
	g.made[schemas.Callback(one.id, 1)] = []*call{{"sender-1", at(9), at(11)}, {"sender-1", at(12), at(13)}}
	for i, want := range []int{0, 1} {
		v = verdict{}
		if v.resent(g, e, one, i, 2); v.ResentTooOften != want {
			t.Errorf("recipient %d: %+v; want ResentTooOften %v", i, v, want)
		}
	}
}

// The commits of the senders' group are read from Kafka's own topic.
func TestCommitsAreReadFromTheTopicOfOffsets(t *testing.T) {
	t.Parallel()
	const oneStarted = "AcA"
	var all witness.Commits
	for _, group := range []string{prefix + "sender", prefix + "fanout"} {
		key, value := kmsg.NewOffsetCommitKey(), kmsg.NewOffsetCommitValue()
		key.Version, key.Group, key.Topic, key.Partition = 1, group, prefix+string(schemas.TopicSendsBulk), 2
		value.Version, value.Offset, value.Metadata, value.CommitTimestamp = 3, 7, oneStarted, 1_750_000_000_123
		if group != prefix+"sender" {
			value.Offset, value.Metadata = 8, "not a sender's ledger"
		}
		if err := saw(&all, &kgo.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, rec := range []kgo.Record{{}, {Key: []byte{0, 2, 'g'}, Value: []byte("members")}, {Key: []byte{0, 1, 0}}} {
		if err := saw(&all, &rec); err != nil {
			t.Error(err)
		}
	}
	got := all.Started(stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 2}, 7)
	if len(got) != 1 || got[0].UnixMilli() != 1_750_000_000_123 {
		t.Errorf("started at %v, want 1 of them", got)
	}
}

// A proxy holds the request that is aimed at, or its answer, until its process may go on; all others pass.
func TestProxyHoldsWhatIsAimedAt(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		in, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		broker, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ps := &proxies{}
		p := &proxy{of: ps, process: "sender-0", in: in, broker: broker.Addr().String()}
		go p.serve()
		got := make(chan int16, 10)
		go func() { // answers everything, with nothing
			c, err := broker.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			for head := make([]byte, lengthBytes+requestBytes); ; {
				if rest, err := frame(c, head); err != nil || !forward(io.Discard, c, nil, rest) {
					return
				}
				got <- int16(binary.BigEndian.Uint16(head[lengthBytes:]))
				_, _ = c.Write(append([]byte{0, 0, 0, 4}, head[lengthBytes+4:lengthBytes+8]...))
			}
		}()
		hit := make(chan string, 1)
		a := &aim{key: int16(kmsg.Heartbeat), before: before, goOn: make(chan struct{}), at: func(process string) bool {
			hit <- process
			return true
		}}
		ps.set(a)
		c, err := net.Dial("tcp", in.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ask := func(key kmsg.Key, id byte) {
			if _, err := c.Write([]byte{0, 0, 0, 10, 0, byte(key), 0, 0, 0, 0, 0, id, 'x', 'y'}); err != nil {
				t.Error(err)
			}
		}
		answered := func(id byte) {
			answer := make([]byte, 8)
			if _, err := io.ReadFull(c, answer); err != nil || !bytes.Equal(answer, []byte{0, 0, 0, 4, 0, 0, 0, id}) {
				t.Errorf("got % x, %v; want length 4 and the id of the request", answer, err)
			}
		}
		ask(kmsg.Fetch, 1)
		answered(1)
		<-got
		ask(kmsg.Heartbeat, 2)
		if process := <-hit; process != "sender-0" {
			t.Errorf("%s was hit, want %q", process, "sender-0")
		}
		if before && len(got) > 0 {
			t.Error("what was aimed at went on")
		}
		close(a.goOn)
		answered(2)
		ask(kmsg.Heartbeat, 3) // one aim hits once
		answered(3)
		_, _, _ = c.Close(), in.Close(), broker.Close()
	}
}
