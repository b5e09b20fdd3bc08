package client_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"altavoz/client"
)

// Whatever is written, and in whatever pieces: what goes out is a dry run.
func TestDryRunNeverSendsARealBroadcast(t *testing.T) {
	t.Parallel()
	const answer = `{"success":true,"dry_run":true,"recipients":{"total":1},"sending":{}}`
	for name, text := range map[string]string{
		"as it is": `{"phones":["573991234567"],"body_text":"b"}`, "behind blanks": " \n\t{\"phones\":[\"573991234567\"],\"body_text\":\"b\"}", "not an object": `["b"]`, "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					got = append(got, string(body))
				}
				if len(got) == 1 && strings.HasPrefix(name, "as") { // no room yet
					says(http.StatusServiceUnavailable, `{"error":"x"}`, "Retry-After", "0")(w, r)
					return
				}
				says(http.StatusOK, answer)(w, r)
			})
			d, err := c.DryRun(t.Context(), func(w io.Writer) error {
				_, err := io.Copy(w, iotest.OneByteReader(strings.NewReader(text)))
				return err
			}, true)
			for _, body := range got {
				if body != "" && !strings.HasPrefix(body, `{"dry_run":true,"phones":`) {
					t.Errorf("%s was sent", body)
				}
			}
			if name == "not an object" && (err == nil || len(got) > 0) || strings.Contains(text, "phones") && (err != nil || !strings.HasSuffix(got[0], `"body_text":"b"}`) || d.Recipients.Total != 1) {
				t.Errorf("%+v, %v after %q", d, err, got)
			}
		})
	}
}

// A server that takes it for a broadcast is none that makes dry runs.
func TestDryRunWantsTheAnswerOfOne(t *testing.T) {
	t.Parallel()
	c, _ := server(t, says(http.StatusOK, `{"success":true,"message":"x","task_id":"`+task+`"}`))
	if d, err := c.DryRun(t.Context(), body, true); !errors.Is(err, client.ErrNotAltavoz) {
		t.Errorf("%+v, %v; want %v", d, err, client.ErrNotAltavoz)
	}
}
