package sender

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"altavoz/blob"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// instant is a world in which everything outside the stage takes no time.
type instant struct {
	commits atomic.Int64
	done    atomic.Int64
	want    int64
	over    chan struct{}
}

func (*instant) ListenNumbers(func(standing.State)) {}

func (*instant) CaughtUp() <-chan struct{} {
	read := make(chan struct{})
	close(read)
	return read
}

func (*instant) Out(string, schemas.Phone, string) bool { return false }

func (*instant) Confirmed() time.Time { return time.Now() }

func (*instant) At(string, schemas.Phone) (time.Time, bool) { return time.Time{}, false }

func (*instant) Generation() stream.Generation { return stream.Generation{} }

func (w *instant) Commit(context.Context, stream.Generation, []stream.Position) (map[stream.TopicPartition]error, error) {
	w.commits.Add(1)
	return nil, nil
}
func (*instant) Pause(...stream.TopicPartition)  {}
func (*instant) Resume(...stream.TopicPartition) {}

func (*instant) Append(rec stream.Record, done func(stream.Record, error)) { done(rec, nil) }

func (*instant) Record(context.Context, stream.TopicPartition, int64) (rec stream.Record, found bool, err error) {
	return rec, false, nil
}

func (*instant) Content(context.Context, schemas.TaskID, *schemas.BlobRef) (*schemas.Content, error) {
	return &schemas.Content{Body: "hola"}, nil
}

func (*instant) Refresh(context.Context, string, schemas.HeaderKind, *schemas.MediaRef) (*schemas.MediaRef, error) {
	return nil, nil
}
func (*instant) Probe(context.Context, string) schemas.Reply { return schemas.Reply{} }

func (*instant) Prepare(*schemas.Content) (schemas.Message, error) { return "", nil }

func (w *instant) Send(context.Context, string, schemas.Message, schemas.Phone, string) schemas.Reply {
	if w.done.Add(1) == w.want {
		close(w.over)
	}
	return schemas.Reply{Verdict: schemas.VerdictSent, WAMID: "wamid.HBgMNTczMDAxMjM0NTY3FQIAERgSQTEyMzQ1Njc4OTBBQkNERUYwAA=="}
}

// BenchmarkSends is the stage alone: decoding, ledger, pacing, 48 partitions; commits, calls and results take no time.
func BenchmarkSends(b *testing.B) {
	const partitions, batch = 48, 50
	task := schemas.NewTaskID()
	logs := make([][]stream.Record, partitions)
	for i := range b.N {
		rec := schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{
			Task: task.Bytes(), Index: uint32(i), Phone: "57300" + fmt.Sprintf("%07d", i), Sender: testNumber,
			NotAfterMs: time.Now().Add(time.Hour).UnixMilli(), ContentRef: blob.NewRef(3, []int64{1000}),
		})
		k := i % partitions
		rec.Topic, rec.Partition, rec.Offset, rec.Time = schemas.TopicSendsBulk, int32(k), int64(len(logs[k])), time.Now()
		logs[k] = append(logs[k], rec)
	}
	w := &instant{want: int64(b.N), over: make(chan struct{})}
	st := New(Config{Numbers: unlimited, Number: func(string) (NumberConfig, bool) { return NumberConfig{}, true }}, Ports{
		Committer: w, Pauser: w, Express: w, Bulk: w, Records: w, Contents: w, Media: w, Numbers: w, OptOuts: w, Inbound: w, Messenger: w,
	})
	st.Start()
	for k := range partitions {
		if _, err := st.OnAssigned(context.Background(), stream.Position{Partition: stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: int32(k)}, Offset: stream.NoOffset}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for at := 0; at < b.N/partitions+1; at += batch {
			for int64(at*partitions) > w.done.Load()+40_000 { // the fanout's window
				time.Sleep(time.Millisecond)
			}
			for k, log := range logs {
				if at < len(log) {
					st.Process(stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: int32(k)}, log[at:min(at+batch, len(log))])
				}
			}
		}
	})
	feeding.Wait()
	<-w.over
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
	b.ReportMetric(float64(w.commits.Load())/float64(b.N)*1000, "commits/1000")
	if err := st.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
}
