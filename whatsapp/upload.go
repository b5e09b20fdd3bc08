package whatsapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gabriel-vasile/mimetype"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/whatsapp/nethttp"
)

const (
	// An upload may take what a call may, and the time of its bytes at this speed: 210 s for the largest file (100 MB).
	minUploadSpeed = 512 << 10 // bytes a second
	maxMediaID     = 128       // bytes; real ones have about 16
)

// ErrUpload is the error of an upload that may work another time; a file that can't be used at all is a *schemas.ContentError.
var ErrUpload = errors.New("media not uploaded")

var errCallOver = errors.New("the call is over")

// UploadError is an ErrUpload with what the Cloud API answered.
type UploadError struct {
	Reply schemas.Reply
}

func (e *UploadError) Error() string {
	if e.Reply.Code > 0 {
		return fmt.Sprintf("%v: (#%d) %s", ErrUpload, e.Reply.Code, e.Reply.Detail)
	}
	return fmt.Sprintf("%v: %s", ErrUpload, e.Reply.Detail)
}

// Is makes errors.Is(err, ErrUpload) hold.
func (e *UploadError) Is(target error) bool { return target == ErrUpload }

// Upload puts a file on a sender number and returns its media id, which is good for 30 days and for that number only. size is that
// of body, or -1 where it is not known. Uploading twice is harmless, so after an error other than *schemas.ContentError
// it may be tried again.
func (c *Client) Upload(ctx context.Context, sender, mimeType, filename string, size int64, body io.Reader) (string, error) {
	n, ok := c.number(sender)
	if !ok {
		return "", &UploadError{schemas.Reply{Verdict: schemas.VerdictAccount, Detail: es.Say(es.NoTokenHere).Spanish()}}
	}
	if filename == "" { // a part without a file name is no file to Meta
		filename = "media"
		if m := mimetype.Lookup(mimeType); m != nil {
			filename += m.Extension()
		}
	}
	form, contentType, total, err := mediaForm(mimeType, filename, size, body)
	if err != nil {
		return "", fmt.Errorf("writing the upload's form: %w", err)
	}
	h := n.header.Clone()
	h.Set("Content-Type", contentType)
	start := time.Now()
	timeout := c.cfg.CallTimeout + time.Duration(max(size, 0)/minUploadSpeed)*time.Second
	b := &uploadBody{r: form}
	a := c.callShared(ctx, timeout, nethttp.Request{Method: http.MethodPost, URL: n.media, Header: h, Body: b, Size: total})
	b.over.Store(true)
	id, r := judgeUpload(a, start)
	r.Detail = clean(r.Detail, n.token)
	took := time.Since(start)
	c.metrics.answered(callMedia, r, took)
	switch r.Verdict { //nolint:exhaustive // every other verdict may pass by itself or by an operator's hand
	case schemas.VerdictSent:
		c.metrics.uploads[uploadDone].Inc()
		c.metrics.uploadBytes.Add(float64(max(size, 0)))
		c.log.Info("media uploaded", "sender", sender, "mime_type", mimeType, "bytes", size, "media_id", id, "seconds", took.Seconds())
		return id, nil
	case schemas.VerdictContent, schemas.VerdictFailed:
		c.metrics.uploads[uploadRefused].Inc()
		c.log.Warn("media refused", "sender", sender, "mime_type", mimeType, "bytes", size, "code", r.Code, "detail", r.Detail)
		return "", &schemas.ContentError{Why: es.Say(es.FileRefused, r.Code, r.Detail)}
	default:
		c.metrics.uploads[uploadFailed].Inc()
		c.log.Warn("media upload failed", "sender", sender, "bytes", size, "verdict", verdictNames[r.Verdict], "code", r.Code, "detail", r.Detail)
		return "", &UploadError{r}
	}
}

// judgeUpload is judge for an answer that carries a media id instead of a message.
func judgeUpload(a answer, now time.Time) (string, schemas.Reply) {
	if a.err == nil && a.status >= 200 && a.status <= 299 {
		if w, e, ok := parseAnswer(a.body); ok && e == nil && w.ID != "" && len(w.ID) <= maxMediaID {
			return w.ID, schemas.Reply{Verdict: schemas.VerdictSent}
		}
	}
	r := judge(a, now)
	if r.Code == codeMedia { // in the answer to a send it is about a link; here, about the file itself
		r.Verdict = schemas.VerdictContent
	}
	return "", r
}

// mediaForm frames body as the multipart form of an upload, without holding it. The file's part carries its own type, which is the
// one that Meta checks: multipart.Writer.CreateFormFile would label it application/octet-stream, and that is refused.
func mediaForm(mimeType, filename string, size int64, body io.Reader) (form io.Reader, contentType string, total int64, err error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	err = errors.Join(
		w.WriteField("messaging_product", "whatsapp"),
		w.WriteField("type", mimeType),
	)
	if err != nil {
		return nil, "", 0, fmt.Errorf("writing fields: %w", err)
	}
	_, err = w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, quoted(filename))},
		"Content-Type":        {mimeType},
	})
	if err != nil {
		return nil, "", 0, fmt.Errorf("starting the file: %w", err)
	}
	head := bytes.Clone(frame.Bytes())
	frame.Reset()
	if err := w.Close(); err != nil {
		return nil, "", 0, fmt.Errorf("ending the form: %w", err)
	}
	total = -1
	if size >= 0 {
		total = int64(len(head)) + size + int64(frame.Len())
	}
	return io.MultiReader(bytes.NewReader(head), body, &frame), w.FormDataContentType(), total, nil
}

// uploadBody stops reading from the caller's file once the call is over: an answer may come before the whole file was read.
type uploadBody struct {
	r    io.Reader
	over atomic.Bool
}

func (b *uploadBody) Read(p []byte) (int, error) {
	if b.over.Load() {
		return 0, errCallOver
	}
	return b.r.Read(p)
}

func (b *uploadBody) Close() error { return nil }

// quoted makes a name fit for a header's quotes.
func quoted(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(cut(strings.ToValidUTF8(name, ""), 200))
}
