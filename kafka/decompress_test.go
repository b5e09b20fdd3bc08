package kafka

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// packed is text in every form that a batch may come in.
func packed(tb testing.TB, text []byte) map[kgo.CompressionCodecType][]byte {
	tb.Helper()
	var gz, lz bytes.Buffer
	g, l := gzip.NewWriter(&gz), lz4.NewWriter(&lz)
	for _, w := range []interface {
		Write(b []byte) (int, error)
		Close() error
	}{g, l} {
		if _, err := w.Write(text); err != nil {
			tb.Fatal(err)
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return map[kgo.CompressionCodecType][]byte{
		kgo.CodecNone: text, kgo.CodecGzip: gz.Bytes(), kgo.CodecLz4: lz.Bytes(), kgo.CodecSnappy: s2.EncodeSnappy(nil, text),
		kgo.CodecZstd: z.EncodeAll(text, nil),
	}
}

func TestBatchesOfEveryCodecAreDecompressed(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("una línea de texto\n"), 1000)
	for codec, src := range packed(t, text) {
		if got, err := (Decompressor{}).Decompress(src, codec); err != nil || !bytes.Equal(got, text) {
			t.Errorf("codec %d: %d bytes, %v", codec, len(got), err)
		}
	}
	xerial := append(append(append([]byte(nil), xerialMagic...), 0, 0, 0, 1, 0, 0, 0, 1), 0, 0, 0, 4)
	if got, err := (Decompressor{}).Decompress(append(xerial, s2.EncodeSnappy(nil, []byte("ab"))...), kgo.CodecSnappy); err != nil || string(got) != "ab" {
		t.Errorf("Java's snappy: %q, %v", got, err)
	}
}

// Buffers are used again: neither a batch that is cut off or corrupt nor a good one may show in what comes of another.
func TestNothingOfABatchIsInAnother(t *testing.T) {
	t.Parallel()
	long, short := bytes.Repeat([]byte("una línea de texto\n"), 10_000), []byte("otra cosa")
	shorts := packed(t, short)
	for codec, src := range packed(t, long) {
		if codec == kgo.CodecNone {
			continue // is what it was given
		}
		var all [][]byte
		for range 3 {
			for _, bad := range [][]byte{nil, src[:len(src)/2], append(bytes.Clone(src[:len(src)/2]), bytes.Repeat([]byte{0xa5}, len(src)/2)...)} {
				if got, err := (Decompressor{}).Decompress(bad, codec); err == nil && len(got) > 0 || err != nil && !errors.Is(err, ErrCorruptBatch) {
					t.Errorf("codec %d, a bad batch: %d bytes, %v", codec, len(got), err)
				}
			}
			for _, c := range []struct{ src, want []byte }{{src, long}, {shorts[codec], short}} {
				got, err := (Decompressor{}).Decompress(c.src, codec)
				if err != nil || !bytes.Equal(got, c.want) {
					t.Errorf("codec %d: %d bytes, %v; want %d", codec, len(got), err, len(c.want))
				}
				all = append(all, got)
			}
		}
		for i, got := range all {
			if want := [][]byte{long, short}[i%2]; !bytes.Equal(got, want) {
				t.Errorf("codec %d: batch %d has changed since", codec, i)
			}
		}
	}
}

// lz4Frame is a frame of one block. flags are 0x40 for linked blocks and 0x60 for independent ones.
func lz4Frame(t *testing.T, flags byte, size uint32, block []byte) []byte {
	t.Helper()
	for checksum := range 256 {
		head := []byte{0x04, 0x22, 0x4d, 0x18, flags, 0x40, byte(checksum)}
		if got, err := (Decompressor{}).Decompress(binary.LittleEndian.AppendUint32(head, 0), kgo.CodecLz4); err == nil && len(got) == 0 {
			return binary.LittleEndian.AppendUint32(append(binary.LittleEndian.AppendUint32(head, size), block...), 0)
		}
	}
	t.Fatalf("no checksum of a head with the flags %#x is right", flags)
	return nil
}

// A match of a corrupt block may reach back before its own batch. What linked blocks of another one were decompressed to must not be found there.
func TestACorruptBatchIsNotFilledFromAnother(t *testing.T) {
	t.Parallel()
	const stored = 1 << 31 // not compressed
	secret := bytes.Repeat([]byte("teléfono de otro"), 40)
	linked := lz4Frame(t, 0x40, uint32(len(secret))|stored, secret)
	block := []byte{0x0f, 100, 0, 200, 0x50, 'a', 'b', 'c', 'd', 'e'} // a match of 219 bytes, 100 before the start, and five literals
	for _, flags := range []byte{0x40, 0x60} {
		corrupt := lz4Frame(t, flags, uint32(len(block)), block)
		for range 20 {
			if got, err := (Decompressor{}).Decompress(linked, kgo.CodecLz4); err != nil || !bytes.Equal(got, secret) {
				t.Fatalf("linked blocks: %d bytes, %v", len(got), err)
			}
			if got, err := (Decompressor{}).Decompress(corrupt, kgo.CodecLz4); !errors.Is(err, ErrCorruptBatch) {
				t.Fatalf("the corrupt one is %q, %v; want %v", got, err, ErrCorruptBatch)
			}
		}
	}
}

func TestBatchesAroundTheSizeOfTheBufferAreWhole(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, maxScratchBytes - 1, maxScratchBytes, maxScratchBytes + 1, 2*maxScratchBytes + 7, maxBatchBytes} {
		text := bytes.Repeat([]byte("0123456789abcdef\n"), n/17+1)[:n]
		src := packed(t, text)[kgo.CodecLz4]
		if got, err := (Decompressor{}).Decompress(src, kgo.CodecLz4); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
}

func BenchmarkDecompress(b *testing.B) {
	var text []byte
	for i := range 500 {
		text = fmt.Appendf(text, "%d %x %d\n", i, i*i*7919, i)
	}
	src := packed(b, text)[kgo.CodecLz4]
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := (Decompressor{}).Decompress(src, kgo.CodecLz4); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSimThreatS10BombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	for codec, src := range packed(t, make([]byte, maxBatchBytes+1)) {
		if codec == kgo.CodecNone {
			continue // was bounded when it was read
		}
		if _, err := (Decompressor{}).Decompress(src, codec); !errors.Is(err, ErrBatchTooLarge) || !errors.Is(err, ErrCorruptBatch) {
			t.Errorf("codec %d, %d bytes: %v; want %v, %v", codec, len(src), err, ErrBatchTooLarge, ErrCorruptBatch)
		}
		if codec != kgo.CodecZstd {
			continue
		}
		// One that says how long it is isn't even begun: that what lies behind its head is missing is not noticed.
		if _, err := (Decompressor{}).Decompress(src[:20], codec); !errors.Is(err, ErrBatchTooLarge) {
			t.Errorf("the head of a bomb: %v, want %v", err, ErrBatchTooLarge)
		}
	}
}

// A stream does not know at its start how long it will be.
func TestSimThreatS10BombThatDoesNotSayHowLongItIs(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for range maxBatchBytes >> 20 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = z.Write([]byte{0})
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	var head zstd.Header
	if err := head.Decode(packed.Bytes()); err != nil || head.HasFCS {
		t.Fatalf("it says %d, %v", head.FrameContentSize, err)
	}
	if _, err := (Decompressor{}).Decompress(packed.Bytes(), kgo.CodecZstd); !errors.Is(err, ErrBatchTooLarge) || !errors.Is(err, ErrCorruptBatch) {
		t.Errorf("got %v, want %v, %v", err, ErrBatchTooLarge, ErrCorruptBatch)
	}
}

// Whatever a batch holds, it is unpacked to no more than the cap, or refused as poison: any other error would be tried again
// for ever.
func FuzzUnpack(f *testing.F) {
	for _, text := range []string{"", "x", "una línea de texto, una línea de texto, una línea de texto"} {
		for codec, src := range packed(f, []byte(text)) {
			f.Add(src, int8(codec))
		}
	}
	f.Add(append(append([]byte(nil), xerialMagic...), 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff), int8(kgo.CodecSnappy))
	f.Add([]byte("?"), int8(9))
	f.Fuzz(func(t *testing.T, src []byte, codec int8) {
		got, err := (Decompressor{}).Decompress(src, kgo.CompressionCodecType(codec))
		if err != nil && !errors.Is(err, ErrCorruptBatch) {
			t.Fatalf("not poison: %v", err)
		}
		if len(got) > maxBatchBytes && codec != int8(kgo.CodecNone) {
			t.Fatalf("%d bytes", len(got))
		}
	})
}
