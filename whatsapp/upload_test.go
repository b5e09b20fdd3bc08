package whatsapp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/simulator"
)

// png begins like a PNG, which is as far as anybody looks.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"

func TestUploadIsAFormOfTypeAndFile(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"known size": int64(len(png)), "unknown size": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := against(t, func(w http.ResponseWriter, r *http.Request) {
				if (r.ContentLength < 0) != (size < 0) {
					t.Errorf("content length %d", r.ContentLength)
				}
				if err := r.ParseMultipartForm(1 << 20); err != nil {
					t.Error(err)
				}
				f, fh, err := r.FormFile("file")
				if err != nil {
					t.Error(err)
					return
				}
				got, _ := io.ReadAll(f)
				if string(got) != png || fh.Header.Get("Content-Type") != "image/png" || fh.Filename != `a "b".png` {
					t.Errorf("%q, %v, %q; want %q", got, fh.Header, fh.Filename, `a "b".png`)
				}
				if r.FormValue("type") != "image/png" || r.FormValue("messaging_product") != "whatsapp" {
					t.Errorf("form %v", r.Form)
				}
				if r.URL.Path != "/v25.0/"+sender+"/media" {
					t.Errorf("path %s, want %v", r.URL.Path, "/v25.0/"+sender+"/media")
				}
				_, _ = io.WriteString(w, `{"id":"1037543291543636"}`)
			})
			id, err := h.Upload(t.Context(), sender, "image/png", "a \"b\".png\r\n", size, strings.NewReader(png))
			if err != nil || id != "1037543291543636" {
				t.Errorf("%q, %v; want %q", id, err, "1037543291543636")
			}
		})
	}
}

// TestUploadWithoutName: a part without a file name would be no file.
func TestUploadWithoutName(t *testing.T) {
	t.Parallel()
	h := setup(t, simulator.Config{})
	if _, err := h.Upload(t.Context(), sender, "image/png", "", int64(len(png)), strings.NewReader(png)); err != nil {
		t.Error(err)
	}
}

func TestUploadErrorsSayWhetherTheyMayPass(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults   string
		mimeType string
		body     io.Reader
		content  bool // refused for good
		words    string
	}{
		"type refused":     {"", "image/gif", strings.NewReader("GIF89a"), true, "Received file of type 'image/gif'"},
		"not what it says": {"", "image/png", strings.NewReader("hello"), true, "131053"},
		"token":            {"uploads token_expired", "image/png", strings.NewReader(png), false, "#190"},
		"server error":     {"uploads 131000=100%", "image/png", strings.NewReader(png), false, "#131000"},
		"page":             {"uploads html=100%", "image/png", strings.NewReader(png), false, "HTTP 500"},
		"dropped":          {"uploads drop_after=100%", "image/png", strings.NewReader(png), false, ""},
		"truncated":        {"uploads truncate=100%", "image/png", strings.NewReader(png), false, "HTTP 200"},
		"stalled":          {"uploads stall=100%", "image/png", strings.NewReader(png), false, "too long"},
		"reader fails":     {"", "image/png", io.MultiReader(strings.NewReader(png[:10]), failing{}), false, "disk on fire"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, simulator.Config{Faults: tt.faults})
				size := int64(len(png))
				if r, ok := tt.body.(*strings.Reader); ok {
					size = r.Size()
				}
				id, err := h.Upload(t.Context(), sender, tt.mimeType, "a.png", size, tt.body)
				if err == nil || id != "" {
					t.Fatalf("%q, %v; want %q, an error", id, err, "")
				}
				if errors.Is(err, schemas.ErrContent) != tt.content || errors.Is(err, whatsapp.ErrUpload) == tt.content || !strings.Contains(err.Error(), tt.words) {
					t.Errorf("got %v, want refused for good: %t, with %q", err, tt.content, tt.words)
				}
				h.Close()
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// TestUploadIsLong: a large file may take longer than a call.
func TestUploadIsLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, simulator.Config{Faults: "uploads latency=20s"})
		const size = 16 << 20 // at 512 KiB a second: half a minute
		body := io.MultiReader(strings.NewReader("%PDF-1.7\n"), io.LimitReader(zeros{}, size-9))
		if _, err := h.Upload(t.Context(), sender, "application/pdf", "a.pdf", size, body); err != nil {
			t.Error(err)
		}
		if _, err := h.Upload(t.Context(), sender, "application/pdf", "a.pdf", 20, strings.NewReader("%PDF-1.7\n01234567890")); err == nil {
			t.Error("a small one took as long")
		}
		h.Close()
		time.Sleep(time.Minute)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
