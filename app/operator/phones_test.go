package operator

import "testing"

func TestPhoneIsFoundInAnyWriting(t *testing.T) {
	t.Parallel()
	const phone = "573001234567"
	for text, want := range map[string]bool{
		phone: true, `{"phones":["573001234567"]}`: true, "\x0a\x0c573001234567\x0a\x0c573001234568": true, "\x0a\x0c573001234568\x0a\x0c573001234567": true,
		"\x22\x0c5730012345670\x01": true, "\x22\x105\x22\x0b+573001234570\x01": false, "\x22\x10+57 300 123 45670\x01": true, "\x22\x0d573001234567" + "0\x01": false, // before the field 6
		"+57 300 123-4567": true, "+57 (300) 123.4567": true, `["3001234567"]`: true, "300 123 4567": true,
		"": false, "57300123456": false, "5730012345678": false, "1573001234567": false, "573001234568": false, "1234567": false, "4567": false, "573001234567890123": false,
	} {
		if got := names([]byte(text), phone, "CO"); got != want {
			t.Errorf("%q: %v; want %v", text, got, want)
		}
	}
}
