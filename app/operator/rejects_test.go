package operator

import (
	"strings"
	"testing"
)

func TestThreatS16PhonesAreMaskedInTheListOfRejects(t *testing.T) {
	t.Parallel()
	r := Rejected{
		ID: "3/17", Topic: "broadcasts", Reason: "573001234567 is none of 300 123 4567, +57 (300) 123-4567", Key: "573001234567",
		Value: `{"phones":["573001234567","+57 300-123.4567"],"body":"Hola 2 veces, 15 de mayo"}`, Base64: "NTczMDAxMjM0NTY3",
	}
	m := r.Masked()
	all := m.String() + m.Key + m.Value + m.Base64
	for _, digits := range []string{"30012", "300 1", "(300)", "300-1", "NTcz"} {
		if strings.Contains(all, digits) {
			t.Errorf("%q is shown: %s; want no %q in it", digits, all, digits)
		}
	}
	if m.ID != r.ID || !strings.Contains(m.Value, "Hola 2 veces, 15 de mayo") || strings.Count(all, "4567") != 6 || r.Base64 == "" {
		t.Errorf("too much is gone: %s", all)
	}
}
