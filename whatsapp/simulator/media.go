package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/faults"
)

const (
	mediaLife  = 30 * 24 * time.Hour
	maxField   = 1 << 10 // bytes of a form field that is no file
	sniffBytes = 512
)

// mediaFile is what is kept of an upload: not its bytes.
type mediaFile struct {
	number   string
	mimeType string
	sha256   string
	size     int64
	uploaded time.Time
}

// mediaLimits is the largest size of each type that is taken.
var mediaLimits = map[string]int64{
	"image/jpeg": 5_000_000, "image/png": 5_000_000, "image/webp": 500_000,
	"video/mp4": 16_000_000, "video/3gpp": 16_000_000,
	"audio/aac": 16_000_000, "audio/amr": 16_000_000, "audio/mpeg": 16_000_000, "audio/mp4": 16_000_000, "audio/ogg": 16_000_000,
	"text/plain": 100_000_000, "application/pdf": 100_000_000, "application/msword": 100_000_000,
	"application/vnd.ms-excel": 100_000_000, "application/vnd.ms-powerpoint": 100_000_000,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   100_000_000,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         100_000_000,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": 100_000_000,
}

// headerTypes are the types that each kind of header takes.
var headerTypes = map[string]string{"image": "image/", "video": "video/", "document": ""}

func (s *Simulator) upload(x *exchange) {
	if e := s.authorize(x); e != nil {
		_, _ = io.Copy(io.Discard, x.r.Body) // an answer before the body's end looks like a broken connection
		s.refuse(x, e)
		return
	}
	s.mu.Lock()
	n := uint64(s.ledger.Files())
	s.traces++
	c := s.call(x.number, s.traces)
	c.Upload = true
	s.mu.Unlock()
	f := s.rules.Load().Fate(c, time.Now())
	m, e, err := readUpload(x.r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off: there is nobody to answer
	}
	x.wait(f.Latency)
	switch {
	case f.Effect == faults.Refuse:
		e = ofCode(f.Code)
	case !f.Effect.Takes():
		s.instead(x, f)
		return
	}
	if e != nil {
		e.retryAfter = f.RetryAfter
		s.refuse(x, e)
		return
	}
	m.number, m.uploaded = x.number, time.Now()
	s.mu.Lock()
	id := s.mediaID(n)
	for s.media[id] != nil { // uploads that ran side by side
		n++
		id = s.mediaID(n)
	}
	s.media[id] = m
	s.ledger.Uploaded(m.size)
	s.mu.Unlock()
	switch f.Effect { //nolint:exhaustive // the others are not the Cloud API's answer
	case faults.None:
		s.answerJSON(x.w, map[string]string{"id": id})
	case faults.Truncate:
		_ = s.answer(x.w, http.StatusOK, []byte(`{"id":"`))
	default:
		s.instead(x, f)
	}
}

// readUpload reads a form as a stream: however large the file, memory stays small. err means that the client broke off.
func readUpload(r *http.Request) (m *mediaFile, e *apiError, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, required("messaging_product"), nil //nolint:nilerr // it is the answer
	}
	var product, declared string
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading a form: %w", err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			m, e, err = readFile(part)
		} else {
			err = readField(part, &product, &declared)
		}
		if err != nil {
			return nil, nil, err
		}
		if e != nil {
			_, err := io.Copy(io.Discard, r.Body) // as above
			return nil, e, err
		}
	}
	switch {
	case product != "whatsapp":
		return nil, required("messaging_product"), nil
	case m == nil:
		return nil, required("file"), nil
	case declared == "":
		return nil, required("type"), nil
	}
	return m, nil, nil
}

func readField(part *multipart.Part, product, declared *string) error {
	value, err := io.ReadAll(io.LimitReader(part, maxField))
	if err != nil {
		return fmt.Errorf("reading field %s: %w", part.FormName(), err)
	}
	switch part.FormName() {
	case "messaging_product":
		*product = string(value)
	case "type":
		*declared = string(value)
	default: // ignored, as Meta does
	}
	return nil
}

func readFile(part *multipart.Part) (*mediaFile, *apiError, error) {
	kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
	largest, ok := mediaLimits[kind]
	if !ok {
		return nil, invalid("Param file must be a file with one of the following types: audio/aac, audio/mp4, audio/mpeg, audio/amr, audio/ogg, "+
			"image/jpeg, image/png, image/webp, video/mp4, video/3gpp, application/pdf, text/plain and office documents. Received file of type '%s'.",
			part.Header.Get("Content-Type")), nil
	}
	h := sha256.New()
	var head bytes.Buffer
	n, err := io.Copy(h, io.TeeReader(io.LimitReader(part, sniffBytes), &head))
	if err != nil {
		return nil, nil, fmt.Errorf("reading a file: %w", err)
	}
	rest, err := io.Copy(h, part)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a file: %w", err)
	}
	switch {
	case n == 0:
		return nil, required("file"), nil
	case n+rest > largest:
		return nil, invalid("Param file must be smaller than %d bytes.", largest), nil
	case !looksLike(kind, head.Bytes()):
		return nil, ofCode(131053).withDetails("Media file could not be processed: its content is not " + kind), nil
	}
	return &mediaFile{mimeType: kind, size: n + rest, sha256: hex.EncodeToString(h.Sum(nil))}, nil, nil
}

// looksLike compares a file's first bytes with its label, where the label has a signature.
func looksLike(kind string, head []byte) bool {
	switch kind {
	case "image/jpeg", "image/png", "image/webp":
		return http.DetectContentType(head) == kind
	case "application/pdf":
		return bytes.HasPrefix(head, []byte("%PDF-"))
	case "video/mp4", "video/3gpp":
		return len(head) >= 12 && string(head[4:8]) == "ftyp"
	default:
		return true
	}
}

// checkMedia looks up the id that a message names: it must be this number's, of the header's kind, and not expired.
func (s *Simulator) checkMedia(number string, used content.Used, gone bool) *apiError {
	if used.ID == "" {
		return nil
	}
	s.mu.Lock()
	m := s.media[used.ID]
	s.mu.Unlock()
	switch {
	case m == nil, gone, m.number != number, time.Since(m.uploaded) > mediaLife:
		return noMedia(used.Path)
	case !strings.HasPrefix(m.mimeType, headerTypes[used.Kind]):
		return invalid("Param %s: media of type %s can't be used as %s.", used.Path, m.mimeType, used.Kind)
	}
	return nil
}

func (s *Simulator) describeMedia(x *exchange) {
	m, e := s.ownMedia(x)
	if e != nil {
		s.refuse(x, e)
		return
	}
	s.answerJSON(x.w, map[string]string{
		"messaging_product": "whatsapp", "id": x.number, "mime_type": m.mimeType, "sha256": m.sha256, "file_size": strconv.FormatInt(m.size, 10),
		"url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=" + x.number,
	})
}

func (s *Simulator) deleteMedia(x *exchange) {
	if _, e := s.ownMedia(x); e != nil {
		s.refuse(x, e)
		return
	}
	s.mu.Lock()
	delete(s.media, x.number)
	s.mu.Unlock()
	s.answerJSON(x.w, map[string]bool{"success": true})
}

// ownMedia returns the file of the path, if the token opens the number that it belongs to.
func (s *Simulator) ownMedia(x *exchange) (*mediaFile, *apiError) {
	s.mu.Lock()
	m := s.media[x.number]
	s.mu.Unlock()
	if m == nil {
		return nil, noObject(x.number)
	}
	asked := x.r.URL.Query().Get("phone_number_id")
	if asked != "" && asked != m.number {
		return nil, noObject(x.number)
	}
	return m, s.authorize(&exchange{w: x.w, r: x.r, number: m.number})
}
