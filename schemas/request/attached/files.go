package attached

import "altavoz/schemas"

// Files are those of recipients' own messages, each once.
type Files struct {
	refs    []*schemas.MediaRef
	numbers map[string]uint32
}

// Keep returns the number of a file, from 1, and keeps one that is not among them yet; not ok: there are as many as there may be.
func (fs *Files) Keep(m *schemas.MediaRef) (number uint32, ok bool) {
	key := m.GetKind().String() + "\x00" + m.GetUrl() + "\x00" + string(m.GetSha256()) + "\x00" + m.GetMimeType() + "\x00" + m.GetFilename()
	number, known := fs.numbers[key]
	switch {
	case known: //mutant:same-file-is-kept-once
		return number, true
	case len(fs.refs) == schemas.MaxFiles:
		return 0, false
	case fs.numbers == nil:
		fs.numbers = map[string]uint32{}
	}
	fs.refs = append(fs.refs, m)
	number = uint32(len(fs.refs))
	fs.numbers[key] = number
	return number, true
}

// All returns them, by their numbers.
func (fs *Files) All() []*schemas.MediaRef { return fs.refs }
