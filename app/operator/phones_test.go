package operator

import (
	"strings"
	"testing"

	"altavoz/schemas"
)

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

func TestUserIDIsFoundInAnyRecord(t *testing.T) {
	t.Parallel()
	of := func(id string) []byte {
		rec := schemas.EncodeSend(schemas.LaneBulk, &schemas.Send{Phone: "573001234567", Personal: &schemas.Personal{UserId: id}, Sender: "CO"})
		return rec.Value
	}
	long := "CO." + strings.Repeat("a", 128)
	for text, want := range map[string]bool{
		"tienda/CO.Ab1": true, `{"user_id":"CO.Ab1"}`: true, `["co.Ab1"]`: true, string(of("CO.Ab1")): true, "\x0a\x06CO.Ab1B\x01": true,
		"": false, "CO.Ab": false, "CO.Ab12": false, "CO.ab1": false, "ECO.Ab1": false, "CO.ENT.Ab1": false, string(of("CO.Ab12")): false, string(of("CO.ENT.Ab1")): false,
	} {
		if got := names([]byte(text), "CO.Ab1", "CO"); got != want {
			t.Errorf("%q: %v; want %v", text, got, want)
		}
	}
	if !names(of(long), schemas.Phone(long), "CO") || names(of(long), schemas.Phone(long[:130]), "CO") || !names(of("CO.ENT.7"), "CO.ENT.7", "CO") {
		t.Error("the longest user id is not found, or a part of it is")
	}
}
