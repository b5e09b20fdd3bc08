package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"altavoz/schemas"
)

const (
	// patience is how long a client may take to read chunkBytes.
	patience   = 30 * time.Second
	chunkBytes = 64 << 10
)

// errRevoked is the error of a caller who may not read any more.
var errRevoked = errors.New("the caller's key may not read any more")

// Read finds the recipients of a task, whose Status has a plan, as of one version; latest returns its Status as it is then. The page is nil
// where the whole list was asked for, which Write writes. ErrExpired: the list is gone; any other error may pass.
func (s Source) Read(ctx context.Context, id schemas.TaskID, status *schemas.Status, q *Query, latest func() (*schemas.Status, error)) (*Task, *Page, error) {
	t, err := s.Open(ctx, id, status)
	if err != nil {
		return nil, nil, err
	}
	if err := t.Settle(ctx, true, latest); err != nil || q.Format != JSON {
		return t, nil, err
	}
	p, err := t.Page(ctx, q)
	return t, p, err
}

// Head writes which version of the task an answer is of.
func (t *Task) Head(h http.Header) {
	h.Set("Altavoz-Version", strconv.FormatUint(t.Version, 10))
	h.Set("Altavoz-Exact", strconv.FormatBool(t.Exact))
}

// Write writes the whole list in chunks, as long as the client takes them and its key may. After an error the answer must not end well.
func (t *Task) Write(ctx context.Context, w http.ResponseWriter, q *Query, may func() bool) error {
	if q.Format == CSV {
		w.Header().Set("Content-Disposition", `attachment; filename="`+t.ID.String()+`.csv"`)
	}
	w.Header().Set("Content-Type", q.Format.ContentType())
	conn := http.NewResponseController(w)
	chunks := bufio.NewWriterSize(writerFunc(func(b []byte) (int, error) {
		if !may() {
			return 0, errRevoked
		}
		_ = conn.SetWriteDeadline(time.Now().Add(patience)) // not there in tests without a connection
		return w.Write(b)
	}), chunkBytes)
	rows := NewWriter(q.Format, chunks)
	if err := t.Rows(ctx, q, rows.Row); err != nil {
		return fmt.Errorf("reading recipients: %w", err)
	}
	if err := errors.Join(rows.Close(), chunks.Flush()); err != nil {
		return fmt.Errorf("writing recipients: %w", err)
	}
	_ = conn.Flush()
	_ = conn.SetWriteDeadline(time.Time{}) // the connection may serve others
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
