package admission

import "testing"

func TestThreatS19HostsOfThisMachine(t *testing.T) {
	t.Parallel()
	const listening = "127.0.0.1:8080"
	for _, host := range []string{
		"localhost", "localhost:8080", "LocalHost:1", "127.0.0.1", "127.0.0.1:8080", "127.0.0.1:80", "[::1]", "[::1]:8080", "127.3.2.1:8080",
	} {
		if !Local(host, listening) {
			t.Errorf("%q is refused", host)
		}
	}
	for _, host := range []string{
		"", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io:8080", "evil.localhost", "localhost.",
		"localhost@evil.example", "192.168.1.7:8080", "0.0.0.0:8080", "[::]:8080", "[::ffff:10.0.0.1]:8080", "2130706433", "127.1", "0x7f.1", "[::1", "::1]", "a:b:c",
		"localhost:8080:8080", " localhost", "localhost evil.example", "[localhost",
	} {
		if Local(host, listening) {
			t.Errorf("%q is taken", host)
		}
	}
	if !Local("Box.Lan:8080", "box.lan:8080") || Local("", ":8080") || Local("other.lan", "box.lan:8080") {
		t.Error("the configured host is the one that counts")
	}
}
