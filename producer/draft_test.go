package producer_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"altavoz/client"
	"altavoz/producer"
)

// What a draft writes is what HTTP takes, and the same request.
func TestPublishedDraftIsTheRequestOfHTTP(t *testing.T) {
	t.Parallel()
	d := func() *client.Draft {
		return &client.Draft{BodyText: "b", UseQueue: true, Phones: slices.Values([]string{"573000000000", "573000000001", "573000000002"}), HeaderType: "text", HeaderContent: "h"}
	}
	var body strings.Builder
	if err := d().WriteJSON(&body); err != nil || !json.Valid([]byte(body.String())) {
		t.Fatalf("got %v and %s, want JSON", err, body.String())
	}
	h := setup(t, producer.Config{})
	if code, got, _ := h.post(body.String()); code != http.StatusAccepted {
		t.Fatal(code, got)
	}
	other := &memoryLog{}
	if _, err := client.Publish(t.Context(), other, d()); err != nil {
		t.Fatal(err)
	}
	if a, b := h.log.broadcast(t), other.broadcast(t); !slices.Equal(a.GetRequestSha256(), b.GetRequestSha256()) {
		t.Error("not the same request")
	}
}
