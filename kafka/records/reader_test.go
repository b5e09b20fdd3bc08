package records_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
)

func TestReaderReadsWhatThePublisherWrote(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p, r := kafkatest.Publisher(t, c, l), kafkatest.Reader(t, c)
		var recs []stream.Record
		for i := range 20 {
			recs = append(recs, schemas.EncodeFilePart("file", bytes.Repeat([]byte{byte(i)}, schemas.PartBytes)))
		}
		acked, err := p.Publish(t.Context(), recs...)
		if err != nil {
			t.Fatal(err)
		}
		tp := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: acked[0].Partition}
		var offsets []int64
		for i, a := range acked {
			if a.Partition != tp.Partition || (i > 0 && a.Offset <= acked[i-1].Offset) {
				t.Fatalf("part %d lies at %d/%d; want %v", i, a.Partition, a.Offset, tp.Partition)
			}
			if i%3 != 1 {
				offsets = append(offsets, a.Offset)
			}
		}
		i := 0
		err = r.Records(t.Context(), tp, offsets, func(rec stream.Record) error {
			if rec.Offset != offsets[i] || rec.Value[0] != byte(rec.Offset-acked[0].Offset) || len(rec.Value) != schemas.PartBytes {
				t.Errorf("offset %d: %d bytes of %d; want %v, %v", rec.Offset, len(rec.Value), rec.Value[0], offsets[i], schemas.PartBytes)
			}
			i++
			return nil
		})
		if err != nil || i != len(offsets) {
			t.Errorf("%d of %d, %v; want %v", i, len(offsets), err, len(offsets))
		}
		if _, err := r.Record(t.Context(), tp, acked[19].Offset+1); !errors.Is(err, stream.ErrGone) {
			t.Errorf("beyond the end: %v, want %v", err, stream.ErrGone)
		}
		ends, err := r.Ends(t.Context(), schemas.TopicBlobs)
		if err != nil || ends[tp.Partition] != acked[19].Offset+1 {
			t.Errorf("ends %v, %v", ends, err)
		}
		n := 0
		err = r.Range(t.Context(), tp, 0, ends[tp.Partition], func(stream.Record) error { n++; return nil })
		if err != nil || n != 20 {
			t.Errorf("the range has %d records, %v; want 20", n, err)
		}
	})
}

func TestTrimmedRecordsAreGone(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p, r := kafkatest.Publisher(t, c, l), kafkatest.Reader(t, c)
		for i := range 10 {
			if _, err := p.Publish(t.Context(), schemas.EncodeFilePart("file", []byte{byte(i)})); err != nil {
				t.Fatal(err)
			}
		}
		tp := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: l.Home(schemas.TopicBlobs, []byte("file"))}
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		cut := make(kadm.Offsets)
		cut.AddOffset(c.Prefix+string(tp.Topic), tp.Partition, 6, -1)
		if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), cut); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Record(t.Context(), tp, 5); !errors.Is(err, stream.ErrGone) {
			t.Errorf("a trimmed record: %v, want %v", err, stream.ErrGone)
		}
		var got []int64
		if err := r.Range(t.Context(), tp, 0, 10, func(rec stream.Record) error { got = append(got, rec.Offset); return nil }); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != "[6 7 8 9]" {
			t.Errorf("the range has %v", got)
		}
	})
}

func TestFullBuffersAreBusyAtOnce(t *testing.T) {
	t.Parallel()
	cluster, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	cluster.Close() // nothing is acknowledged any more
	var busy int
	for range 200 {
		p.Append(schemas.EncodeFilePart("k", make([]byte, schemas.PartBytes)), func(_ stream.Record, err error) {
			if errors.Is(err, records.ErrBusy) {
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

// Garbage that says that it is compressed, in every way there is: the embedded broker takes it.
func TestGarbageIsPassedOver(t *testing.T) {
	t.Parallel()
	for codec, name := range map[kgo.CompressionCodecType]string{1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := kafkatest.Embedded(t)
			l := kafkatest.Layout(t, c)
			pub, r := kafkatest.Publisher(t, c, l), kafkatest.Reader(t, c)
			tp := stream.TopicPartition{Topic: schemas.TopicMarks, Partition: l.Home(schemas.TopicMarks, []byte("k"))}
			for i := range 3 {
				kafkatest.WriteBatch(t, c, tp, garbage{codec, i})
				kafkatest.Publish(t, pub, stream.Record{Topic: tp.Topic, Partition: stream.NoPartition, Key: []byte("k"), Value: []byte{byte(i)}})
			}
			var got []byte
			if err := r.Range(t.Context(), tp, 0, 6, func(rec stream.Record) error { got = append(got, rec.Value...); return nil }); err != nil {
				t.Fatal(err)
			}
			if string(got) != "\x00\x01\x02" {
				t.Errorf("read % x", got)
			}
			if _, err := r.Record(t.Context(), tp, 2); !errors.Is(err, stream.ErrGone) {
				t.Errorf("a record that can't be unpacked: %v, want %v", err, stream.ErrGone)
			}
			if err := r.Records(t.Context(), tp, []int64{1, 2, 3}, func(stream.Record) error { return nil }); !errors.Is(err, stream.ErrGone) {
				t.Errorf("one of several: %v, want %v", err, stream.ErrGone)
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
