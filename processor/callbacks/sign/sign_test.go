package sign_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/processor/callbacks/sign"
	"altavoz/schemas"
)

// The example of the scheme's own specification, and an older secret beside it: both sign, so that a receiver may have either.
func TestThreatS12BothSecretsSign(t *testing.T) {
	t.Parallel()
	const example, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	s, err := sign.Parse(schemas.Secret("tienda:" + other + "," + example + ", tienda:" + example))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"test": 2432232314}`)
	at := time.Unix(1614265330, 0)
	h := make(http.Header)
	if err := s.Sign(h, "bodega", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body); err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := h.Get(sign.HeaderSignature); got != want || h.Get(sign.HeaderTimestamp) != "1614265330" {
		t.Errorf("signed %q at %s, want %q at 1614265330", got, h.Get(sign.HeaderTimestamp), want)
	}
	if err := s.Sign(h, "tienda", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(h.Get(sign.HeaderSignature)); len(got) != 2 || got[1] != want || got[0] == want {
		t.Errorf("signed %q, want the other secret's and %q", got, want)
	}
}

func TestSecretsThatCanNotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	const one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for name, text := range map[string]string{
		"short": "whsec_MfKQ9r8GKYqrTwjU", "no prefix": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no base64": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL*Sw",
		"three of one owner": one + "," + one + "," + one,
	} {
		if _, err := sign.Parse(schemas.Secret(text)); err == nil || strings.Contains(err.Error(), "MfKQ") {
			t.Errorf("%s: %v, want an error without the secret", name, err)
		}
	}
	if s, err := sign.Parse(""); err != nil || s.Has("tienda") {
		t.Errorf("no text: %v, want no secrets", err)
	}
}
