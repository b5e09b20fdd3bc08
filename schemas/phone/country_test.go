package phone

import "testing"

func TestCountry(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{
		"573001234567": "CO", "5215512345678": "MX", "12025550123": "US", "14165550123": "CA", "18095550123": "DO", "447400123456": "GB", "77011234567": "KZ", "79161234567": "RU",
		"882161234567": "", "999": "", "": "", "CO.13491208655302741918": "CO", "5": "",
	} {
		if got := Country(p); got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
}
