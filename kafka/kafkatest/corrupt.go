package kafkatest

import (
	"bytes"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/kafka"
	"altavoz/stream"
)

// WriteOversizedBatch writes a batch that unpacks to more than anybody may be made to hold.
func WriteOversizedBatch(t *testing.T, c kafka.Config, topic stream.Topic, partition int32) {
	t.Helper()
	WriteBatch(t, c, stream.TopicPartition{Topic: topic, Partition: partition}, explosive{})
}

// WriteBatch writes a batch of one record, of which the compressor makes what it likes.
func WriteBatch(t *testing.T, c kafka.Config, s stream.TopicPartition, with kgo.Compressor) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.WithCompressor(with))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	rec := &kgo.Record{Topic: c.Prefix + string(s.Topic), Partition: s.Partition, Value: make([]byte, 5000)} // or it would go as it is
	if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// explosive is a kgo.Compressor: whatever the one record of a batch was, it is 40 MB of zeros in a few KB.
type explosive struct{}

func (explosive) Compress(*bytes.Buffer, []byte, ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	return packedZeros(), kgo.CodecZstd
}

// packedZeros is one valid record, made once: a real broker looks into what it takes.
var packedZeros = sync.OnceValue(func() []byte {
	rec := kmsg.Record{Key: []byte("bomb"), Value: make([]byte, 40<<20)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1) // the length of nothing takes a byte
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return z.EncodeAll(rec.AppendTo(nil), nil)
})
