package users_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"altavoz/whatsapp/simulator/users"
)

// TestIDIsOfOnePhone: whoever asks whose it is finds that.
func TestIDIsOfOnePhone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		phone := strconv.FormatUint(rapid.Uint64Range(10_000_000, 999_999_999_999_999).Draw(t, "phone"), 10)
		for _, name := range []string{phone, users.ID(phone), users.Parent(phone)} {
			if got := users.Person(name); got != phone {
				t.Fatalf("%s is of %s, want %s", name, got, phone)
			}
		}
		if !users.Valid(users.ID(phone)) || !users.Valid(users.Parent(phone)) || users.ID(phone) == users.Parent(phone) {
			t.Fatal(users.ID(phone), users.Parent(phone))
		}
	})
	for _, name := range []string{"CO.Ab12", "US.1234567890123456", "1234567", "", "CO.12345678901234567890"} {
		if users.Person(name) != name || users.ID(name) != name {
			t.Errorf("%q is somebody's", name)
		}
	}
	for _, name := range []string{"co.1", "CO.", "CO.ENT.", "CO.a-b", "COL.1", "573001234567"} {
		if users.Valid(name) {
			t.Errorf("%q is a user id", name)
		}
	}
}
