package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"altavoz/blob"
	"altavoz/internal/testio"
	"altavoz/schemas"
	"altavoz/whatsapp"
	"altavoz/whatsapp/media"
	"altavoz/whatsapp/simulator"
)

const (
	sender   = "106540352242922"
	image    = schemas.HeaderKind_HEADER_KIND_IMAGE
	video    = schemas.HeaderKind_HEADER_KIND_VIDEO
	document = schemas.HeaderKind_HEADER_KIND_DOCUMENT
	png      = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
)

// cache is a map; it counts what it is asked.
type cache struct {
	mu  sync.Mutex
	ids map[string]string
	ttl time.Duration
}

func (c *cache) Get(_ context.Context, key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[key]
	return id, ok
}

func (c *cache) Put(_ context.Context, key, id string, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[key], c.ttl = id, ttl
}

// blobs holds files in parts: the offset in a reference is the part's place.
type blobs struct{ parts [][]byte }

var errBlobs = errors.New("broker is away")

func (b *blobs) Part(_ context.Context, ref *schemas.BlobRef, n int) ([]byte, error) {
	at := ref.Offsets()[n]
	if at >= int64(len(b.parts)) {
		return nil, errBlobs
	}
	return b.parts[at], nil
}

// put stores a file, in parts of size.
func (b *blobs) put(file []byte, size int) *schemas.MediaRef {
	digest := sha256.Sum256(file)
	ref := &schemas.MediaRef{Sha256: digest[:], Size: uint64(len(file)), MimeType: "image/png"}
	var offsets []int64
	for len(file) > 0 {
		n := min(size, len(file))
		offsets = append(offsets, int64(len(b.parts)))
		b.parts = append(b.parts, file[:n])
		file = file[n:]
	}
	ref.Parts = blob.NewRef(0, offsets)
	return ref
}

type harness struct {
	*media.Resolver
	sim     *simulator.Simulator
	client  *whatsapp.Client
	cache   *cache
	blobs   *blobs
	metrics *prometheus.Registry
}

// setup connects a resolver to a simulator over pipes, so that it works in a bubble too.
func setup(t *testing.T, faults string, change ...func(*media.Config)) *harness {
	t.Helper()
	h := &harness{
		sim: simulator.New(simulator.Config{Faults: faults}), cache: &cache{ids: map[string]string{}}, blobs: &blobs{}, metrics: prometheus.NewRegistry(),
	}
	l := testio.NewPipes()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.sim.Serve(ctx, l) }()
	token := func(string) (schemas.Secret, bool) { return "t", true }
	client, err := whatsapp.New(whatsapp.Config{BaseURL: "http://graph", Dial: l.Dial, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	h.client = client
	cfg := media.Config{Uploader: client, Parts: h.blobs, Cache: h.cache, Token: token, Registerer: h.metrics, TempDir: t.TempDir()}
	for _, f := range change {
		f(&cfg)
	}
	if h.Resolver, err = media.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		client.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return h
}

// uploads returns how many files the simulator has taken.
func (h *harness) uploads() int { return h.sim.Summary().Uploads.Files }

func (h *harness) count(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := h.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s{%s}", name, label)
	return 0
}

// sends proves that the reference works in a message.
func (h *harness) sends(t *testing.T, from string, kind schemas.HeaderKind, ref *schemas.MediaRef) schemas.Verdict {
	t.Helper()
	m, err := h.client.Prepare(&schemas.Content{Header: kind, Media: ref, Body: "hola", ButtonText: "Ver", ButtonUrl: "https://example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return h.client.Send(t.Context(), from, m, "573001234567", "").Verdict
}

func TestStoredFileIsUploadedOnce(t *testing.T) {
	t.Parallel()
	h := setup(t, "")
	file := []byte(png + strings.Repeat("x", 1000))
	in := h.blobs.put(file, 300)
	got, err := h.Resolve(t.Context(), sender, image, in)
	if err != nil {
		t.Fatal(err)
	}
	want := &schemas.MediaRef{Parts: in.GetParts(), Sha256: in.GetSha256(), Size: in.GetSize(), MimeType: "image/png", MediaId: got.GetMediaId()}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(schemas.MediaRef{}, schemas.BlobRef{})); diff != "" {
		t.Error(diff)
	}
	if v := h.sends(t, sender, image, got); v != schemas.VerdictSent {
		t.Errorf("verdict %d, want %v", v, schemas.VerdictSent)
	}
	if h.cache.ttl != 25*24*time.Hour {
		t.Errorf("cached for %v, want %v", h.cache.ttl, 25*24*time.Hour)
	}
	// Again: from the cache. On another number: uploaded there.
	again, err := h.Resolve(t.Context(), sender, image, in)
	if err != nil || again.GetMediaId() != got.GetMediaId() || h.uploads() != 1 {
		t.Errorf("%v, %v, %d uploads; want 1", again, err, h.uploads())
	}
	other, err := h.Resolve(t.Context(), "222", image, in)
	if err != nil || other.GetMediaId() == got.GetMediaId() || h.uploads() != 2 || h.sends(t, "222", image, other) != schemas.VerdictSent {
		t.Errorf("%v, %v, %d uploads; want 2", other, err, h.uploads())
	}
	// What is resolved stays as it is.
	if same, err := h.Resolve(t.Context(), "222", image, got); err != nil || same != got {
		t.Errorf("%v, %v; want %v", same, err, got)
	}
	if hits, misses := h.count(t, "altavoz_media_cache_total", "hit"), h.count(t, "altavoz_media_cache_total", "miss"); hits != 1 || misses != 2 {
		t.Errorf("%v hits, %v misses; want 1, 2", hits, misses)
	}
}

// TestMissingFactsOfAFileAreFound: an upstream system may leave out what the ingress finds out.
func TestMissingFactsOfAFileAreFound(t *testing.T) {
	t.Parallel()
	h := setup(t, "")
	file := []byte(png + strings.Repeat("y", 1000))
	digest := sha256.Sum256(file)
	stored := h.blobs.put(file, 300)
	anyones := &schemas.MediaRef{Parts: proto.CloneOf(stored.GetParts())}
	if got, err := h.Resolve(t.Context(), sender, image, anyones); !errors.Is(err, schemas.ErrContent) || h.uploads() != 0 {
		t.Errorf("a file of which nothing says whose it is: %v, %v; want %v", got, err, schemas.ErrContent)
	}
	stored.Parts.Task = schemas.NewTaskID().Bytes() // as the fanout fills it in
	for name, in := range map[string]*schemas.MediaRef{
		"parts":  {Parts: stored.GetParts()},
		"inline": {Inline: file, Filename: "a.png"},
	} {
		got, err := h.Resolve(t.Context(), sender, image, in)
		if err != nil {
			t.Fatalf("%s: %v, want a resolved file", name, err)
		}
		if !bytes.Equal(got.GetSha256(), digest[:]) || got.GetMimeType() != "image/png" || got.GetSize() != uint64(len(file)) || got.GetInline() != nil {
			t.Errorf("%s: %v; want MimeType %q, Size %v", name, got, "image/png", uint64(len(file)))
		}
	}
	if h.uploads() != 1 {
		t.Errorf("%d uploads of one file, want 1", h.uploads())
	}
}

func TestFilesThatNeverWorkAreContentErrors(t *testing.T) {
	t.Parallel()
	h := setup(t, "")
	changed := h.blobs.put([]byte(png+"right"), 20)
	h.blobs.parts[len(h.blobs.parts)-1] = []byte("wrong size, wrong bytes")
	same := h.blobs.put([]byte(png+"right"), 20)
	h.blobs.parts[len(h.blobs.parts)-1] = bytes.Repeat([]byte("w"), len(h.blobs.parts[len(h.blobs.parts)-1]))
	short := h.blobs.put([]byte(png+"right"), 20)
	h.blobs.parts[len(h.blobs.parts)-1] = nil
	for name, tt := range map[string]struct {
		kind schemas.HeaderKind
		in   *schemas.MediaRef
		want string
	}{
		"nothing":          {image, &schemas.MediaRef{}, "no tiene un archivo"},
		"text header":      {schemas.HeaderKind_HEADER_KIND_TEXT, &schemas.MediaRef{Inline: []byte(png)}, "su tipo"},
		"not an image":     {image, &schemas.MediaRef{Inline: []byte("%PDF-1.7")}, "no es una imagen que WhatsApp acepte (JPEG o PNG)"},
		"not a video":      {video, &schemas.MediaRef{Inline: []byte(png)}, "no es un video"},
		"large":            {image, &schemas.MediaRef{Inline: append([]byte(png), make([]byte, 5_000_000)...)}, "hasta 5 MB"},
		"large, as stored": {image, &schemas.MediaRef{Parts: changed.GetParts(), Sha256: changed.GetSha256(), MimeType: "image/png", Size: 6_000_000}, "hasta 5 MB"},
		"longer":           {image, changed, "dañado"},
		"other bytes":      {image, same, "dañado"},
		"shorter":          {image, short, "dañado"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := h.Resolve(t.Context(), sender, tt.kind, tt.in)
			if !errors.Is(err, schemas.ErrContent) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "encabezado") {
				t.Errorf("%v, %v; want %v", got, err, schemas.ErrContent)
			}
		})
	}
	if h.uploads() != 0 {
		t.Errorf("%d uploads, want 0", h.uploads())
	}
}

// TestErrorsThatMayPassAreNoContentErrors: what is nobody's fault for good is no ContentError.
func TestErrorsThatMayPassAreNoContentErrors(t *testing.T) {
	t.Parallel()
	h := setup(t, "uploads token_expired")
	in := h.blobs.put([]byte(png), 20)
	if _, err := h.Resolve(t.Context(), sender, image, in); err == nil || errors.Is(err, schemas.ErrContent) {
		t.Errorf("expired token: %v, want an error", err)
	}
	gone := &schemas.MediaRef{Parts: blob.NewRef(0, []int64{0, 99}), Sha256: in.GetSha256(), Size: 40, MimeType: "image/png"}
	if _, err := h.Resolve(t.Context(), sender, image, gone); !errors.Is(err, errBlobs) || errors.Is(err, schemas.ErrContent) {
		t.Errorf("no broker: %v, want %v", err, errBlobs)
	}
	if err := h.sim.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Resolve(t.Context(), sender, image, in); err != nil {
		t.Errorf("later: %v", err)
	}
}

// slowly takes a second for each part.
type slowly struct{ media.Parts }

func (s slowly) Part(ctx context.Context, ref *schemas.BlobRef, n int) ([]byte, error) {
	time.Sleep(time.Second)
	return s.Parts.Part(ctx, ref, n)
}

// Who names the digest of another's file, and has not got it, spoils nothing for whoever has it and waits for the same upload.
func TestFileThatCannotBeReadFailsForItsOwnTaskOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, "", func(cfg *media.Config) { cfg.Parts = slowly{cfg.Parts} })
		good := h.blobs.put([]byte(png+"good"), 20)
		evil := h.blobs.put([]byte(png+"evil"), 20)
		evil.Sha256, evil.Size = good.GetSha256(), good.GetSize()
		spoilt := make(chan error)
		go func() {
			_, err := h.Resolve(t.Context(), sender, image, evil)
			spoilt <- err
		}()
		synctest.Wait() // the upload is under way
		got, err := h.Resolve(t.Context(), sender, image, good)
		if err != nil || got.GetMediaId() == "" {
			t.Errorf("%v, %v; want one", got, err)
		}
		if err := <-spoilt; !errors.Is(err, schemas.ErrContent) {
			t.Errorf("the other: %v, want %v", err, schemas.ErrContent)
		}
		if h.uploads() != 1 {
			t.Errorf("%d uploads, want 1", h.uploads())
		}
	})
}

// TestFileIsUploadedOnceForAllWhoWantIt: however many tasks want a file at once, it is uploaded once; who leaves takes nothing from the others.
func TestFileIsUploadedOnceForAllWhoWantIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, "uploads latency=3s")
		in := h.blobs.put([]byte(png), 20)
		type result struct {
			id  string
			err error
		}
		results := make(chan result)
		leave, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := h.Resolve(leave, sender, image, in)
			results <- result{"left", err}
		}()
		synctest.Wait()
		for range 20 {
			go func() {
				ref, err := h.Resolve(t.Context(), sender, image, in)
				results <- result{ref.GetMediaId(), err}
			}()
		}
		synctest.Wait()
		cancel()
		if r := <-results; r.id != "left" || !errors.Is(r.err, context.Canceled) {
			t.Errorf("got %+v, want id %q", r, "left")
		}
		ids := map[string]bool{}
		for range 20 {
			r := <-results
			if r.err != nil {
				t.Error(r.err)
			}
			ids[r.id] = true
		}
		if len(ids) != 1 || h.uploads() != 1 {
			t.Errorf("ids %v, %d uploads; want 1 of them, 1", ids, h.uploads())
		}
	})
}

// TestForgottenMediaIDIsRenewedOnce: an id that Meta has forgotten is renewed once, by whoever comes first.
func TestForgottenMediaIDIsRenewedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, "")
		in := h.blobs.put([]byte(png), 20)
		old, err := h.Resolve(t.Context(), sender, image, in)
		if err != nil {
			t.Fatal(err)
		}
		forget := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/v25.0/"+old.GetMediaId(), nil)
		forget.Header.Set("Authorization", "Bearer t")
		h.sim.Handler().ServeHTTP(httptest.NewRecorder(), forget)
		if v := h.sends(t, sender, image, old); v != schemas.VerdictMedia {
			t.Fatalf("verdict %d, want %v", v, schemas.VerdictMedia)
		}
		ids := make(chan string)
		for range 10 {
			go func() {
				ref, err := h.Refresh(t.Context(), sender, image, old)
				if err != nil {
					t.Error(err)
				}
				ids <- ref.GetMediaId()
			}()
		}
		id := <-ids
		for range 9 {
			if other := <-ids; other != id {
				t.Errorf("%s and %s; want %v", id, other, id)
			}
		}
		fresh, err := h.Refresh(t.Context(), sender, image, old) // a late comer
		if err != nil || fresh.GetMediaId() != id || id == old.GetMediaId() || h.uploads() != 2 || h.sends(t, sender, image, fresh) != schemas.VerdictSent {
			t.Errorf("%v, %v, %d uploads; want MediaId %v, 2", fresh, err, h.uploads(), id)
		}
		if fresh.GetParts() == nil || len(fresh.GetSha256()) != 32 {
			t.Errorf("can't be refreshed again: %v", fresh)
		}
		link := &schemas.MediaRef{Link: "https://example.com/a.png"}
		if same, err := h.Refresh(t.Context(), sender, image, link); err != nil || same != link {
			t.Errorf("%v, %v; want %v", same, err, link)
		}
		if _, err := h.Refresh(t.Context(), "333", image, &schemas.MediaRef{MediaId: "1"}); !errors.Is(err, schemas.ErrContent) {
			t.Errorf("no source: %v, want %v", err, schemas.ErrContent)
		}
	})
}

func TestWithoutACacheEachFileIsUploadedAgain(t *testing.T) {
	t.Parallel()
	h := setup(t, "", func(c *media.Config) { c.Cache = nil })
	in := h.blobs.put([]byte(png), 20)
	for range 2 {
		if _, err := h.Resolve(t.Context(), sender, image, in); err != nil {
			t.Error(err)
		}
	}
	if h.uploads() != 2 {
		t.Errorf("%d uploads, want 2", h.uploads())
	}
}

// TestCloseEndsUploadsAndWaitsForThem ends what is under way, and waits for it.
func TestCloseEndsUploadsAndWaitsForThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, "uploads stall=100%")
		in := h.blobs.put([]byte(png), 20)
		failed := make(chan error)
		go func() {
			_, err := h.Resolve(t.Context(), sender, image, in)
			failed <- err
		}()
		synctest.Wait()
		go h.Close()
		if err := <-failed; err == nil || errors.Is(err, schemas.ErrContent) {
			t.Errorf("got %v, want an error", err)
		}
		h.Close()
		if _, err := h.Resolve(t.Context(), sender, image, in); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

func TestWrongMediaConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	up, err := whatsapp.New(whatsapp.Config{Token: func(string) (schemas.Secret, bool) { return "t", true }})
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]media.Config{
		"nothing":      {},
		"mode":         {Uploader: up, Parts: &blobs{}, URLMode: "maybe"},
		"allow, host":  {Uploader: up, Parts: &blobs{}, FetchAllow: []string{"cdn.local"}},
		"allow, net":   {Uploader: up, Parts: &blobs{}, FetchAllow: []string{"10.0.0.0/99"}},
		"allow, empty": {Uploader: up, Parts: &blobs{}, FetchAllow: []string{""}},
	} {
		if _, err := media.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
