package aggregator

import (
	"context"
	"encoding/binary"
	"runtime"
	"strconv"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

const benchTask = 1_000_000

// benchRecords are the results of a task of a million: one outcome a recipient, one in a hundred bad.
func benchRecords() []stream.Record {
	recs := make([]stream.Record, benchTask)
	for i := range recs {
		o := outcome(uint32(i), schemas.StateSent, "", "")
		o.GetOutcome().Wamid = "wamid.HBgMNTczMDAxMjM0NTY3FQIAERgSQTU1QzVFN0E2RTFGNEY2M0Q5AA=="
		if i%100 == 0 {
			o = outcome(uint32(i), schemas.Failed(131026), "573001234567", "")
		}
		recs[i] = schemas.EncodeResult(o)
		recs[i].Offset = int64(i)
	}
	return recs
}

// BenchmarkWorker reads records and folds them, as a partition does: one operation is one record.
func BenchmarkWorker(b *testing.B) {
	recs, plan := benchRecords(), schemas.EncodeResult(planOf(benchTask))
	st := New(Config{}, Ports{Statuses: sink{}, Marks: sink{}, Event: eventOf})
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		s := st.newWorker(stream.Position{Partition: results0, Offset: stream.NoOffset})
		s.catchUp()
		if err := s.fold([]stream.Record{plan}); err != nil {
			b.Fatal(err)
		}
		for at := 0; at < len(recs) && left > 0; at += foldBatch {
			batch := recs[at:min(at+foldBatch, at+left, len(recs))]
			if err := s.fold(batch); err != nil {
				b.Fatal(err)
			}
			if err := s.writeStatuses(time.Now()); err != nil {
				b.Fatal(err)
			}
			left -= len(batch)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "outcomes/s")
}

// BenchmarkWorkerTasks is the same with a thousand tasks whose results come mixed, and after the first pass repeated.
func BenchmarkWorkerTasks(b *testing.B) {
	const tasks = 1000
	st := New(Config{}, Ports{Statuses: sink{}, Marks: sink{}, Event: eventOf})
	s := st.newWorker(stream.Position{Partition: results0, Offset: stream.NoOffset})
	s.catchUp()
	recs := make([]stream.Record, 0, 100*tasks)
	for i := range 100 * tasks {
		recs = append(recs, schemas.EncodeResult(of(taskNo(i%tasks), outcome(uint32(i/tasks), schemas.StateSent, "", ""))))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		batch := recs[:min(foldBatch, left)]
		if left > len(recs) {
			batch = recs
		}
		if err := s.fold(batch); err != nil {
			b.Fatal(err)
		}
		left -= len(batch)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "outcomes/s")
}

// BenchmarkReceipts folds receipts as a partition does, three for each recipient of a task of a million: one operation is one
// receipt, alone in its record or with a thousand others.
func BenchmarkReceipts(b *testing.B) {
	for _, each := range []int{1, 1000} {
		b.Run(strconv.Itoa(each), func(b *testing.B) {
			const recipients = 200_000
			var recs []stream.Record
			for _, m := range []schemas.RecipientState{schemas.StateConfirmed, schemas.StateDelivered, schemas.StateRead} {
				for i := 0; i < recipients; i += each {
					r := received(2000)
					for j := range each {
						r.GetReceipts().Outcomes = append(r.GetReceipts().Outcomes, &schemas.Outcome{
							Index: uint32(i + j), Mark: uint32(m), Phone: "573001234567", Wamid: "wamid.HBgMNTczMDAxMjM0NTY3FQIAERgSQTU1QzVFN0E2RTFGNEY2M0Q5AA==",
						})
					}
					recs = append(recs, schemas.EncodeResult(r))
				}
			}
			st := New(Config{}, Ports{Statuses: sink{}, Marks: sink{}, Event: eventOf})
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; {
				s := st.newWorker(stream.Position{Partition: results0, Offset: stream.NoOffset})
				s.catchUp()
				if err := s.fold([]stream.Record{schemas.EncodeResult(planOf(recipients))}); err != nil {
					b.Fatal(err)
				}
				for at := 0; at < len(recs) && left > 0; at += foldBatch {
					batch := recs[at:min(at+foldBatch, len(recs))]
					if err := s.fold(batch); err != nil {
						b.Fatal(err)
					}
					left -= len(batch) * each
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}

// sink takes every record and never acknowledges it.
type sink struct{}

func (sink) Append(stream.Record, func(stream.Record, error)) {}

// BenchmarkEncodePart is what a checkpoint costs for each dirty part.
func BenchmarkEncodePart(b *testing.B) {
	marks := make([]byte, schemas.PageRecipients)
	for i := range marks {
		marks[i] = byte(schemas.StateSent)
	}
	id := task1
	b.SetBytes(int64(len(marks)))
	for b.Loop() {
		binary.BigEndian.PutUint64(id[:], uint64(b.N))
		schemas.EncodePage(0, &schemas.StatePage{Task: id.Bytes(), Marks: marks})
	}
}

// manyTasks are the topics of a partition with so many finished tasks of one phone each.
type manyTasks struct {
	n    int64
	peak uint64 // bytes of the heap when all is read
}

func (m *manyTasks) Ends(context.Context, stream.Topic) (map[int32]int64, error) {
	return map[int32]int64{0: m.n}, nil
}

func (m *manyTasks) WatchEnds(context.Context, ...stream.Topic) (map[stream.Topic]map[int32]int64, error) {
	return nil, nil
}

func (m *manyTasks) Range(_ context.Context, s stream.TopicPartition, _, to int64, each func(stream.Record) error) error {
	for i := range to {
		var id schemas.TaskID
		binary.BigEndian.PutUint64(id[:], uint64(i)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(id[8:], uint64(i))
		rec := schemas.EncodePage(0, &schemas.StatePage{Task: id.Bytes(), Marks: []byte{byte(schemas.StateSent)}})
		if s.Topic == schemas.TopicStatuses {
			rec = schemas.EncodeStatus(0, &schemas.Status{
				Task: id.Bytes(), Version: 3, Cursor: 1, StartedMs: 1, UpdatedMs: time.Now().UnixMilli(), FinishedMs: 2, PhaseMs: 2,
				Plan: &schemas.TaskOpened{
					Total: 1, Origin: &schemas.Origin{Offset: i}, Home: &schemas.Origin{Offset: i}, RequestSha256: make([]byte, 32), Sender: "106540352242922", AcceptedMs: 1,
				},
				Counts: []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 1}},
			})
		}
		rec.Offset = i
		if err := each(rec); err != nil {
			return err
		}
	}
	if s.Topic == schemas.TopicMarks {
		m.peak = heap()
	}
	return nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkTakeover reads a partition with a million finished tasks: what a task takes while it is read, and then.
func BenchmarkTakeover(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		before := heap()
		topics := &manyTasks{n: n}
		st := New(Config{}, Ports{Statuses: sink{}, Marks: sink{}, Event: eventOf, Table: topics})
		s := st.newWorker(stream.Position{Partition: results0, Offset: stream.NoOffset})
		began := time.Now()
		if err := s.loadTopics(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/n, "µs/task")
		b.ReportMetric(float64(topics.peak-before)/n, "reading-bytes/task")
		b.ReportMetric(float64(heap()-before)/n, "bytes/task")
		if s.tasks.finished.Len() != n {
			b.Fatalf("%d tasks are in the index", s.tasks.finished.Len())
		}
	}
}
