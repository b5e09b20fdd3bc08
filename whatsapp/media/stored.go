package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// changed says that the stored bytes are not those that were accepted: nothing will bring them back.
func changed() error {
	return &schemas.ContentError{Why: es.Say(es.FileChanged)}
}

// stored describes a file that came with its broadcast, in parts or inline. What the ingress has found out is trusted; what an
// upstream system left out is found out here, at the cost of reading the file once more. Either way the upload compares the bytes with the digest.
func (r *Resolver) stored(ctx context.Context, kind schemas.HeaderKind, m *schemas.MediaRef) (file, error) {
	f := file{mimeType: m.GetMimeType(), size: int64(m.GetSize()), name: m.GetFilename(), parts: m.GetParts(), open: r.opener(m)}
	digest, known := digestOf(m)
	f.digest = digest
	if ref := m.GetParts(); ref != nil && !known && len(ref.GetTask()) == 0 { //mutant:file-is-known-by-something
		return file{}, changed() // nothing says whose the parts are: the fanout fills it in
	}
	if !known || f.size <= 0 || f.mimeType == "" {
		h := sha256.New()
		var head headKeeper
		n, err := io.Copy(io.MultiWriter(h, &head), io.LimitReader(f.open(ctx), kind.MaxBytes()+1))
		if err != nil {
			return file{}, fmt.Errorf("reading a stored file: %w", err)
		}
		t, ok := schemas.MediaType(kind, head.b, m.GetMimeType())
		if !ok && n <= kind.MaxBytes() {
			return file{}, wrongType(kind)
		}
		sum := [sha256.Size]byte(h.Sum(nil))
		if known && sum != digest {
			return file{}, changed()
		}
		f.digest, f.size, f.mimeType = sum, n, t
	}
	if f.size > kind.MaxBytes() {
		return file{}, tooLarge(kind)
	}
	if f.name == "" && kind == schemas.HeaderKind_HEADER_KIND_DOCUMENT {
		f.name = nameOf("", nil, kind, f.mimeType)
	}
	return f, nil
}

func (r *Resolver) opener(m *schemas.MediaRef) func(context.Context) io.Reader {
	if m.GetParts() == nil {
		inline := m.GetInline()
		return func(context.Context) io.Reader { return bytes.NewReader(inline) }
	}
	ref, count := m.GetParts(), len(m.GetParts().GetOffsetDeltas())
	return func(ctx context.Context) io.Reader {
		return &partsReader{ctx: ctx, parts: r.parts, ref: ref, count: count}
	}
}

// partsReader reads a file part by part, holding one.
type partsReader struct {
	ctx   context.Context // an io.Reader has no other way to get one
	parts Parts
	ref   *schemas.BlobRef
	next  int
	count int
	rest  []byte
}

func (p *partsReader) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.next == p.count {
			return 0, io.EOF
		}
		part, err := p.parts.Part(p.ctx, p.ref, p.next)
		if err != nil {
			return 0, fmt.Errorf("reading part %d of %d: %w", p.next, p.count, err)
		}
		p.rest = part
		p.next++
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// checkedReader fails, instead of ending, where the bytes are not those of the digest. The last bytes are held back until the digest
// is known to be right, so that an upload of wrong bytes is never complete.
type checkedReader struct {
	r    io.Reader
	hash hash.Hash
	want [sha256.Size]byte
	left int64

	failed atomic.Pointer[error] // why reading failed, for whoever only saw the upload fail
}

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed.Store(&err)
	}
	return n, err
}

func (c *checkedReader) read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.hash.Write(p[:n])
	c.left -= int64(n)
	switch {
	case c.left == 0 && [sha256.Size]byte(c.hash.Sum(nil)) != c.want:
		return 0, changed()
	case c.left > 0 && errors.Is(err, io.EOF):
		return 0, changed()
	case errors.Is(err, io.EOF):
		return n, nil
	default:
		return n, err
	}
}

// headKeeper keeps the first bytes written to it.
type headKeeper struct{ b []byte }

func (h *headKeeper) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), schemas.SniffBytes-len(h.b))]...)
	return len(p), nil
}

// faultsOf says what is wrong with a file that the header of a kind does not take.
func faultsOf(kind schemas.HeaderKind) (wrong, large es.Code) {
	switch kind {
	case schemas.HeaderKind_HEADER_KIND_IMAGE:
		return es.FileNoImage, es.FileLargeImage
	case schemas.HeaderKind_HEADER_KIND_VIDEO:
		return es.FileNoVideo, es.FileLargeVideo
	case schemas.HeaderKind_HEADER_KIND_DOCUMENT:
		return es.FileNoDocument, es.FileLargeDocument
	case schemas.HeaderKind_HEADER_KIND_NONE, schemas.HeaderKind_HEADER_KIND_TEXT:
	}
	return es.FileNone, es.FileLarge
}

func wrongType(kind schemas.HeaderKind) error {
	wrong, _ := faultsOf(kind)
	return &schemas.ContentError{Why: es.Say(wrong)}
}

func tooLarge(kind schemas.HeaderKind) error {
	_, large := faultsOf(kind)
	return &schemas.ContentError{Why: es.Say(large, kind.MaxBytes()/1_000_000)}
}
