package media

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
)

// spoolMemory is how much of a fetched file stays in memory: most images do, and sixteen fetches at once hold 16 MiB.
const spoolMemory = 1 << 20

// spool keeps a file whose digest must be known before it can be dealt with: small in memory, large on disk.
type spool struct {
	dir  string
	head headKeeper
	mem  bytes.Buffer
	disk *os.File
	hash hash.Hash
	size int64
	err  error // of the disk, as opposed to the source's
}

func newSpool(dir string) *spool { return &spool{dir: dir, hash: sha256.New()} }

func (s *spool) Write(p []byte) (int, error) {
	_, _ = s.head.Write(p)
	s.hash.Write(p)
	s.size += int64(len(p))
	if s.disk == nil && s.mem.Len()+len(p) <= spoolMemory {
		return s.mem.Write(p)
	}
	if s.disk == nil {
		if s.err = s.spill(); s.err != nil {
			return 0, s.err
		}
	}
	n, err := s.disk.Write(p)
	if err != nil {
		s.err = fmt.Errorf("keeping a fetched file: %w", err)
		return n, s.err
	}
	return n, nil
}

// spill moves what came so far to a file without a name, so that a crash leaves nothing behind.
func (s *spool) spill() error {
	f, err := os.CreateTemp(s.dir, "altavoz-media-*")
	if err != nil {
		return fmt.Errorf("keeping a fetched file: %w", err)
	}
	s.disk = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("unlinking a fetched file: %w", err)
	}
	if _, err := s.mem.WriteTo(f); err != nil {
		return fmt.Errorf("keeping a fetched file: %w", err)
	}
	s.mem = bytes.Buffer{}
	return nil
}

func (s *spool) digest() [sha256.Size]byte { return [sha256.Size]byte(s.hash.Sum(nil)) }

// open returns a reader from the beginning.
func (s *spool) open() io.Reader {
	if s.disk != nil {
		return io.NewSectionReader(s.disk, 0, s.size)
	}
	return bytes.NewReader(s.mem.Bytes())
}

func (s *spool) close() {
	if s.disk != nil {
		_ = s.disk.Close() // nothing of it is wanted any more
	}
	s.mem = bytes.Buffer{}
}
