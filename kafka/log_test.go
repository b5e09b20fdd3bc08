package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

func reader(t *testing.T, c kafka.Config) *kafka.Reader {
	t.Helper()
	r, err := kafka.NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestReaderReadsWhatThePublisherWrote(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		p, r := publisher(t, c, l), reader(t, c)
		var recs []stream.Record
		for i := range 20 {
			recs = append(recs, schemas.EncodeFilePart("file", bytes.Repeat([]byte{byte(i)}, schemas.PartBytes)))
		}
		acked, err := p.Publish(t.Context(), recs...)
		if err != nil {
			t.Fatal(err)
		}
		slot := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: acked[0].Partition}
		var offsets []int64
		for i, a := range acked {
			if a.Partition != slot.Partition || (i > 0 && a.Offset <= acked[i-1].Offset) {
				t.Fatalf("part %d lies at %d/%d", i, a.Partition, a.Offset)
			}
			if i%3 != 1 {
				offsets = append(offsets, a.Offset)
			}
		}
		i := 0
		err = r.Records(t.Context(), slot, offsets, func(rec stream.Record) error {
			if rec.Offset != offsets[i] || rec.Value[0] != byte(rec.Offset-acked[0].Offset) || len(rec.Value) != schemas.PartBytes {
				t.Errorf("offset %d: %d bytes of %d", rec.Offset, len(rec.Value), rec.Value[0])
			}
			i++
			return nil
		})
		if err != nil || i != len(offsets) {
			t.Errorf("%d of %d, %v", i, len(offsets), err)
		}
		if _, err := r.Record(t.Context(), slot, acked[19].Offset+1); !errors.Is(err, stream.ErrGone) {
			t.Errorf("beyond the end: %v", err)
		}
		ends, err := r.Ends(t.Context(), schemas.TopicBlobs)
		if err != nil || ends[slot.Partition] != acked[19].Offset+1 {
			t.Errorf("ends %v, %v", ends, err)
		}
		n := 0
		err = r.Range(t.Context(), slot, 0, ends[slot.Partition], func(stream.Record) error { n++; return nil })
		if err != nil || n != 20 {
			t.Errorf("the range has %d records, %v", n, err)
		}
	})
}

func TestTrimmedRecordsAreGone(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		p, r := publisher(t, c, l), reader(t, c)
		for i := range 10 {
			if _, err := p.Publish(t.Context(), schemas.EncodeFilePart("file", []byte{byte(i)})); err != nil {
				t.Fatal(err)
			}
		}
		slot := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: l.Home(schemas.TopicBlobs, []byte("file"))}
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		cut := make(kadm.Offsets)
		cut.AddOffset(c.Prefix+string(slot.Topic), slot.Partition, 6, -1)
		if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), cut); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Record(t.Context(), slot, 5); !errors.Is(err, stream.ErrGone) {
			t.Errorf("a trimmed record: %v", err)
		}
		var got []int64
		if err := r.Range(t.Context(), slot, 0, 10, func(rec stream.Record) error { got = append(got, rec.Offset); return nil }); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != "[6 7 8 9]" {
			t.Errorf("the range has %v", got)
		}
	})
}

// A zombie may write an older status after a newer one.
func TestStatusesKeepTheHighestVersion(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		l := layout(t, c)
		p := publisher(t, c, l)
		task := schemas.NewTaskID()
		write := func(version uint64, cursor uint32) {
			if _, err := p.Publish(t.Context(), schemas.EncodeStatus(1, &schemas.Status{Task: task.Bytes(), Version: version, Cursor: cursor})); err != nil {
				t.Fatal(err)
			}
		}
		write(3, 30)
		write(2, 20)
		v, err := kafka.NewStatuses(c, l)
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan uint64, 10)
		v.Listen(func(_ schemas.TaskID, s *schemas.Status) { heard <- s.GetVersion() })
		changes, stop := v.Watch(task)
		defer stop()
		if err := v.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer v.Stop()
		take(t, v.CaughtUp(), "catching up")
		take(t, changes, "change")
		if s, ok := v.Get(task); !ok || s.GetCursor() != 30 {
			t.Errorf("the view says %v", s)
		}
		write(4, 40)
		if err := v.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, _ := v.Get(task); s.GetCursor() != 40 {
			t.Errorf("after Sync the view says %v", s)
		}
		if a, b := take(t, heard, "status"), take(t, heard, "status"); a != 3 || b != 4 {
			t.Errorf("heard %d and %d", a, b)
		}
	})
}

func TestFullBuffersAreBusyAtOnce(t *testing.T) {
	t.Parallel()
	cluster, c := embedded(t)
	l := layout(t, c)
	p := publisher(t, c, l)
	cluster.Close() // nothing is acknowledged any more
	var busy int
	for range 200 {
		p.Append(schemas.EncodeFilePart("k", make([]byte, schemas.PartBytes)), func(_ stream.Record, err error) {
			if errors.Is(err, kafka.ErrBusy) {
				busy++
			}
		})
	}
	if busy == 0 {
		t.Error("100 MB were taken without an acknowledgement")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = p.Close(ctx)
}

// A batch that can't be unpacked is passed over on every topic of a stage, wherever it lies, and what lies behind it is read.
func TestThreatS10PoisonStallsNoStage(t *testing.T) {
	t.Parallel()
	for _, topic := range []stream.Topic{schemas.TopicBroadcasts, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicResults} {
		t.Run(string(topic), func(t *testing.T) {
			t.Parallel()
			onBrokers(t, func(t *testing.T, c kafka.Config) {
				l := layout(t, c)
				pub := publisher(t, c, l)
				slot := l.Home(topic, []byte("k"))
				record := func(value string) stream.Record {
					return stream.Record{Topic: topic, Partition: stream.NoPartition, Key: []byte("k"), Value: []byte(value)}
				}
				bomb(t, c, topic, slot)
				say(t, pub, record("1"), record("2"))
				bomb(t, c, topic, slot)
				bomb(t, c, topic, slot)
				say(t, pub, record("3"))
				p := newProbe()
				g, err := kafka.NewGroup(c, l, "stage", []stream.Topic{topic})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- g.Run(ctx, p) }()
				defer func() { cancel(); <-done }()
				for _, want := range []string{"1", "2", "3"} {
					if r := take(t, p.recs, "record behind the bomb"); string(r.Value) != want {
						t.Errorf("got %q, want %q", r.Value, want)
					}
				}
			})
		})
	}
}

// Garbage that says that it is compressed, in every way there is: the embedded broker takes it.
func TestGarbageIsPassedOver(t *testing.T) {
	t.Parallel()
	for codec, name := range map[kgo.CompressionCodecType]string{1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := embedded(t)
			l := layout(t, c)
			pub, r := publisher(t, c, l), reader(t, c)
			slot := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: l.Home(schemas.TopicMarks, []byte("k"))}
			for i := range 3 {
				spoil(t, c, slot, garbage{codec, i})
				say(t, pub, stream.Record{Topic: slot.Topic, Partition: stream.NoPartition, Key: []byte("k"), Value: []byte{byte(i)}})
			}
			var got []byte
			if err := r.Range(t.Context(), slot, 0, 6, func(rec stream.Record) error { got = append(got, rec.Value...); return nil }); err != nil {
				t.Fatal(err)
			}
			if string(got) != "\x00\x01\x02" {
				t.Errorf("read % x", got)
			}
			if _, err := r.Record(t.Context(), slot, 2); !errors.Is(err, stream.ErrGone) {
				t.Errorf("a record that can't be unpacked: %v", err)
			}
			if err := r.Records(t.Context(), slot, []int64{1, 2, 3}, func(stream.Record) error { return nil }); !errors.Is(err, stream.ErrGone) {
				t.Errorf("one of several: %v", err)
			}
		})
	}
}

// garbage is a compressor that does not compress.
type garbage struct {
	codec kgo.CompressionCodecType
	kind  int
}

func (g garbage) Compress(*bytes.Buffer, []byte, ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	return [][]byte{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {0x28, 0xb5, 0x2f, 0xfd, 0, 0}, {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff}}[g.kind], g.codec
}

func TestTopicsAreChecked(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		if _, err := kafka.CheckTopics(t.Context(), c); !errors.Is(err, kafka.ErrTopics) {
			t.Errorf("before there are any: %v", err)
		}
		l := layout(t, c)
		if l[schemas.TopicMarks] != l[schemas.TopicResults] || l[schemas.TopicSendsBulk] != 8 {
			t.Errorf("layout %v", l)
		}
		if again := layout(t, c); fmt.Sprint(again) != fmt.Sprint(l) {
			t.Errorf("the second look says %v", again)
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		for _, broken := range []struct {
			topic            stream.Topic
			key, value, good string
			says             string
		}{
			{schemas.TopicStatuses, "cleanup.policy", "delete", "compact", "must be compact"},
			{schemas.TopicStatuses, "cleanup.policy", "compact,delete", "compact", "must be compact"},
			{schemas.TopicControls, "cleanup.policy", "delete", "compact,delete", "must be compact,delete"},
			{schemas.TopicControls, "retention.ms", "1000", "1209600000", "at least 1209600000"},
			{schemas.TopicControls, "retention.bytes", "1000", "-1", "must be -1"},
			{schemas.TopicSendsBulk, "cleanup.policy", "compact", "delete", "must be delete"},
			{schemas.TopicResults, "max.message.bytes", "1000", "1114112", "must be at least"},
		} {
			set := func(value string) {
				if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: broken.key, Value: &value}},
					c.Prefix+string(broken.topic)); err != nil {
					t.Fatal(err)
				}
			}
			set(broken.value)
			until(t, "refused: "+broken.key+"="+broken.value, func() bool { // brokers learn of it in their own time
				_, err := kafka.EnsureTopics(t.Context(), c, true)
				return errors.Is(err, kafka.ErrTopics) && strings.Contains(err.Error(), c.Prefix+string(broken.topic)+" has "+broken.key) &&
					strings.Contains(err.Error(), broken.says) && strings.Contains(err.Error(), "kafka-configs.sh")
			})
			set(broken.good)
			until(t, "accepted again", func() bool { _, err := kafka.CheckTopics(t.Context(), c); return err == nil })
		}
		// Compacted and never removed by age: more than is asked for.
		kept := "compact"
		if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &kept}},
			c.Prefix+string(schemas.TopicControls)); err != nil {
			t.Fatal(err)
		}
		if _, err := kafka.CheckTopics(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

// The offsets of controls are one order only in one partition.
func TestControlsInTwoPartitionsAreRefused(t *testing.T) {
	t.Parallel()
	onBrokers(t, func(t *testing.T, c kafka.Config) {
		layout(t, c)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), 2, c.Prefix+string(schemas.TopicControls)); err != nil {
			t.Fatal(err)
		}
		until(t, "refused", func() bool {
			_, err := kafka.CheckTopics(t.Context(), c)
			return errors.Is(err, kafka.ErrTopics) && strings.Contains(err.Error(), "must be 1")
		})
	})
}
