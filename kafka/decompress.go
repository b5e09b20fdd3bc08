package kafka

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxBatchBytes bounds one batch after decompression; the largest of ours is one broadcast record of at most 24 MiB.
const maxBatchBytes = 32 << 20

// maxScratchBytes is how much of a batch is decompressed into a buffer that is used again: all of a full batch of small records. Such a buffer has
// twice that at most, since it doubles.
const maxScratchBytes = 2 << 20

// scratchBuffers are what batches are decompressed into before they get a buffer of just their size. The readers are not used again: one of lz4 keeps
// what linked blocks were decompressed to, and a corrupt batch would show it.
var scratchBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ErrBatchTooLarge is the error of a batch that decompresses to more than maxBatchBytes.
var ErrBatchTooLarge = errors.New("batch unpacks to more than 32 MiB")

// ErrCorruptBatch is every error of a batch that cannot be decompressed, and never will be.
var ErrCorruptBatch = errors.New("the batch can't be unpacked")

// Decompressor is a kgo.Decompressor with a limit of 32 MiB a batch: upstream systems write batches too, and 200 KB can become a gigabyte.
type Decompressor struct{}

// Decompress implements kgo.Decompressor.
func (Decompressor) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	out, err := decompress(src, codec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorruptBatch, err)
	}
	return out, nil
}

func decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	var r io.Reader
	switch codec {
	case kgo.CodecNone:
		return src, nil
	case kgo.CodecGzip:
		z, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return nil, fmt.Errorf("gzip batch: %w", err)
		}
		r = z
	case kgo.CodecSnappy:
		return unsnappy(src)
	case kgo.CodecLz4:
		r = lz4.NewReader(bytes.NewReader(src))
	case kgo.CodecZstd:
		var head zstd.Header
		if head.Decode(src) == nil && head.HasFCS && head.FrameContentSize > maxBatchBytes {
			return nil, ErrBatchTooLarge // by its own account
		}
		z, err := zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBatchBytes))
		if err != nil {
			return nil, fmt.Errorf("zstd batch: %w", err)
		}
		defer z.Close()
		r = z
	default:
		return nil, fmt.Errorf("batch compressed with unknown codec %d", codec)
	}
	out, err := readAll(r)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded) || len(out) > maxBatchBytes:
		return nil, ErrBatchTooLarge
	case err != nil:
		return nil, fmt.Errorf("unpacking batch: %w", err)
	}
	return out, nil
}

// readAll reads a batch, or one byte more than it may have.
func readAll(r io.Reader) ([]byte, error) {
	b, _ := scratchBuffers.Get().(*bytes.Buffer)
	defer scratchBuffers.Put(b)
	b.Reset() //mutant:buffer-is-empty-before-a-batch
	n, err := b.ReadFrom(io.LimitReader(r, maxScratchBytes))
	if err != nil || n < maxScratchBytes {
		return bytes.Clone(b.Bytes()), err //mutant:batch-has-a-buffer-of-its-own
	}
	rest, err := io.ReadAll(io.LimitReader(r, maxBatchBytes+1-maxScratchBytes))
	return slices.Concat(b.Bytes(), rest), err
}

// xerialMagic starts the framing that Java's snappy puts around blocks: 8 bytes of magic, 8 of versions, then
// length-prefixed blocks.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

func unsnappy(src []byte) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) || len(src) < 16 {
		return snappyBlock(src, 0)
	}
	var out []byte
	for src = src[16:]; len(src) >= 4; {
		n := int(src[0])<<24 | int(src[1])<<16 | int(src[2])<<8 | int(src[3])
		if n < 0 || n > len(src)-4 {
			return nil, errors.New("snappy block is longer than its batch")
		}
		block, err := snappyBlock(src[4:4+n], len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
		src = src[4+n:]
	}
	return out, nil
}

func snappyBlock(src []byte, before int) ([]byte, error) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, fmt.Errorf("snappy batch: %w", err)
	}
	if n+before > maxBatchBytes {
		return nil, ErrBatchTooLarge
	}
	out, err := s2.Decode(nil, src)
	if err != nil {
		return nil, fmt.Errorf("snappy batch: %w", err)
	}
	return out, nil
}
