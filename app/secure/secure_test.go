package secure

import (
	"bytes"
	"testing"

	"altavoz/schemas"
)

// TestPasswordOfKafkaIsAskedForWithEachConnection: one that was replaced is shown by the next connection, without a restart.
func TestPasswordOfKafkaIsAskedForWithEachConnection(t *testing.T) {
	t.Parallel()
	password := schemas.Secret("first")
	m, err := SASL("PLAIN", "u", password, func() schemas.Secret { return password })
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []schemas.Secret{"first", "second"} {
		password = p
		if _, shown, err := m.Authenticate(t.Context(), "broker"); err != nil || !bytes.HasSuffix(shown, []byte("\x00"+p.Reveal())) {
			t.Errorf("%v: not the password of now is shown", err)
		}
	}
}
