package normalize

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
)

// WithFiles returns the content with what Meta knows its files by, in the order of AllFiles.
func WithFiles(c *schemas.Content, got []*schemas.MediaRef) *schemas.Content {
	out := c.WithMedia(c.GetMedia()) // a copy
	if out.Media != nil {
		out.Media, got = resolved(out.GetMedia(), got[0]), got[1:]
	}
	for i, m := range out.GetFiles() {
		out.Files[i] = resolved(m, got[i])
	}
	return out
}

// resolved is a file with what Meta knows it by. It may have been resolved for another task, so its name is the task's own.
func resolved(m, got *schemas.MediaRef) *schemas.MediaRef {
	return &schemas.MediaRef{
		Url: m.GetUrl(), Parts: m.GetParts(), Filename: cmp.Or(m.GetFilename(), got.GetFilename()), Kind: m.GetKind(),
		Sha256: []byte(cmp.Or(string(got.GetSha256()), string(m.GetSha256()))), MimeType: cmp.Or(got.GetMimeType(), m.GetMimeType()),
		Size: cmp.Or(got.GetSize(), m.GetSize()), MediaId: got.GetMediaId(), Link: got.GetLink(),
	}
}

// moveFile writes a file that stands in an event to where files lie.
func moveFile(kind schemas.HeaderKind, m *schemas.MediaRef, parts *blobWriter) error {
	file := m.GetInline()
	if len(file) == 0 {
		return nil
	}
	if int64(len(file)) > kind.MaxBytes() {
		return request.Fault("media", request.CodeFileSize, es.MediaSize)
	}
	mime, ok := schemas.MediaType(kind, file[:min(len(file), schemas.SniffBytes)], m.GetMimeType())
	if !ok {
		return request.Fault("media", request.CodeFileType, es.MediaType)
	}
	digest := sha256.Sum256(file)
	m.MimeType, m.Size, m.Sha256, m.Filename = mime, uint64(len(file)), digest[:], schemas.FileName(m.GetFilename(), mime)
	for part := range slices.Chunk(file, schemas.PartBytes) {
		if err := parts.add(schemas.EncodeFilePart(parts.list.Key, part)); err != nil {
			return err
		}
	}
	return nil
}
