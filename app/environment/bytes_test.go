package environment

import "testing"

func TestSizesAreReadInTheirUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Bytes{"0": 0, "17": 17, "64MiB": 64 << 20, "5 MB": 5_000_000, "1GiB": 1 << 30, "3KB": 3000, "2KiB": 2048, "9B": 9} {
		t.Run(text, func(t *testing.T) {
			var got Bytes
			if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
				t.Errorf("%s is %d, %v; want %v", text, got, err, want)
			}
		})
	}
	for _, text := range []string{"", "-1", "MiB", "1.5MiB", "99999999999GiB", "1TB"} {
		var got Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := Bytes(256 << 20).String(); got != "256MiB" {
		t.Errorf("written as %s, want %q", got, "256MiB")
	}
}
