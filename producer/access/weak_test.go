package access

import (
	"strings"
	"testing"

	"altavoz/schemas"
)

func TestThreatS01WeakKeysAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[schemas.Secret]string{
		"crm:secreto": "API key 1 of 1 (crm): it has 7 bytes, and needs 16",
		"crm:" + long + ",tienda:123456789012345": "API key 2 of 2 (tienda): it has 15 bytes",
		"demo-key-change-me":                      "API key 1 of 1 (without a name): it is an example (change-me)",
		"crm:Demo-Key-CHANGE-ME":                  "it is an example",
	} {
		err := WeakShort(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which does not say %q; want an error", text.Reveal(), err, want)
		}
		if _, secret, ok := strings.Cut(text.Reveal(), ":"); ok && err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the secret is shown: %v", err)
		}
	}
	if err := WeakShort("crm:" + long + " tienda:5f4dcc3b5aa765d61d8327de"); err != nil {
		t.Error(err)
	}
}
