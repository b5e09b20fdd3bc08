package rules

import (
	"strings"
	"testing"
)

func TestThreatS08AButtonLeadsWhereAStrangersPhoneGets(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]LinkFault{
		"https://example.com": LinkGood, "http://example.com:8080/a?b=c#d": LinkGood, "HTTPS://Example.com/ñ": LinkGood, "https://8.8.8.8/": LinkGood, "https://[2606:4700::1]/": LinkGood,
		"https://sub.domain.co/": LinkGood, "https://mi-sitio.com.co/%20": LinkGood, "https://ñandú.cl/": LinkGood, "https://example.com./": LinkGood,
		"https://u:p@example.com/": LinkUser, "https://u@example.com/": LinkUser, "https://example.com@evil.com/": LinkUser,
		"http://localhost/": LinkPrivate, "http://LOCALHOST:3000": LinkPrivate, "http://localhost./": LinkPrivate, "http://a.localhost/": LinkPrivate, "http://intranet/": LinkPrivate,
		"http://nas.local/": LinkPrivate, "http://x.internal/": LinkPrivate, "http://router.lan/": LinkPrivate, "http://x.home.arpa/": LinkPrivate,
		"http://10.1.2.3/": LinkPrivate, "http://172.16.0.1/": LinkPrivate, "http://192.168.1.1:8080/": LinkPrivate, "http://127.0.0.1/": LinkPrivate, "http://169.254.169.254/": LinkPrivate,
		"http://100.64.0.1/": LinkPrivate, "http://0.0.0.0/": LinkPrivate, "http://224.0.0.1/": LinkPrivate, "http://[::1]/": LinkPrivate, "http://[fe80::1]/": LinkPrivate, "http://[fd00::1]/": LinkPrivate,
		"http://[::ffff:10.0.0.1]/": LinkPrivate, "http://2130706433/": LinkPrivate, "http://127.1/": LinkPrivate, "http://0x7f.0.0.1/": LinkPrivate, "http://0x7f000001/": LinkPrivate,
		"http://10.0.0.1.nip.io/": LinkPrivate, "https://localtest.me": LinkPrivate, "https://tienda.test/": LinkPrivate, "http://api.default.svc/": LinkPrivate, "http://1.0.0.127.in-addr.arpa/": LinkPrivate,
		"https://xn--e1afmkfd.xn--p1ai/": LinkGood, "https://a_b.example.com:65535/": LinkGood, "https://пример.рф/": LinkGood, "https://127。0。0。1/": LinkBroken,
		"https://example.com:0/": LinkBroken, "https://example.com:99999/": LinkBroken, "https://.com/": LinkBroken, "https://example..com/": LinkBroken, "https://-a.com/": LinkBroken, "https://*.example.com/": LinkBroken,
		"https://<host>.com/": LinkBroken, "https://exam\u200bple.com/": LinkBroken, "https://example.c/": LinkBroken, "https://example.c0m/": LinkBroken, "https://example,com/": LinkBroken,
		"javascript:alert(1)": LinkBroken, "ftp://example.com/": LinkBroken, "example.com": LinkBroken, "https:///a": LinkBroken, "https://exa mple.com/": LinkBroken, "": LinkBroken,
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			if got := Link(link, true); got != want {
				t.Errorf("fault %d, want %d", got, want)
			}
		})
	}
	if Link("http://10.1.2.3/", false) != LinkGood {
		t.Error("a link that nobody else has to reach is refused")
	}
}

// What is sent of a host beyond ASCII is what is dialled; what comes out of it may be an address of one's own network.
func TestAHostOfAnyScriptIsSentInPunycode(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]struct {
		clean string
		fault LinkFault
	}{
		"https://😀.ws/hola?a=ñ":                              {"https://xn--e28h.ws/hola?a=ñ", LinkGood},
		"https://i❤️.ws":                                     {"https://xn--i-7iq.ws", LinkGood},
		"https://Ñandú.cl:8443/#x":                           {"https://xn--and-6ma2c.cl:8443/#x", LinkGood},
		"https://пример.рф/":                                 {"https://xn--e1afmkfd.xn--p1ai/", LinkGood},
		"https://m%C3%BCnchen.de/%20":                        {"https://xn--mnchen-3ya.de/%20", LinkGood},
		"https://例え。jp/":                                     {"https://xn--r8jz45g.jp/", LinkGood},
		"https://example.com/ñ":                              {"https://example.com/ñ", LinkGood},
		"https://127。0。0。1/":                                 {"https://127.0.0.1/", LinkPrivate},
		"https://１０.1.2.3/":                                  {"https://10.1.2.3/", LinkPrivate},
		"https://ｌｏｃａｌｈｏｓｔ/":                                 {"https://localhost/", LinkPrivate},
		"https://u:p@ñandú.cl/":                              {"https://u:p@xn--and-6ma2c.cl/", LinkUser},
		"https://👩\u200d👩\u200d👧.ws/":                        {"https://👩\u200d👩\u200d👧.ws/", LinkBroken},
		"https://exam\u202eple.com/":                         {"https://exam\u202eple.com/", LinkBroken},
		"https://" + long(64) + ".com/":                      {"https://" + long(64) + ".com/", LinkBroken},
		"https://" + strings.Repeat(long(60)+".", 5) + "com": {"https://" + strings.Repeat(long(60)+".", 5) + "com", LinkBroken},
		"https://" + long(64) + "ñ.com/":                     {"https://xn--" + long(64) + "-ybg.com/", LinkBroken},
		"\u200bhttps://mi sitio.com/a b":                     {"https://mi%20sitio.com/a%20b", LinkBroken},
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			got := CleanLink(link)
			if got != want.clean || Link(got, true) != want.fault {
				t.Errorf("%s, fault %d; want %s, fault %d", got, Link(got, true), want.clean, want.fault)
			}
		})
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestBlankIsWhatNobodySees(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "\u00a0\t\n": true, "\u200b\u200d\ufeff": true, "\u3164": true, "\u2800": true, "\ufe0f": true, "\u202e\u2066": true, "\x00\x07": true, "\u2028": true,
		"a": false, ".": false, "😀": false, "\u200bé": false, "٣": false,
	} {
		if got := Blank(text); got != want {
			t.Errorf("Blank(%q) = %v; want %v", text, got, want)
		}
	}
}

func TestANameInPartsIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for parts, want := range map[string]string{
		`attachment; filename="Factura 12.pdf"`: "Factura 12.pdf", `attachment; filename=Factura 12.pdf`: "Factura 12.pdf", `inline; filename=a.pdf; size=3`: "a.pdf",
		`attachment; filename="a.pdf"; filename*=UTF-8''a%C3%B1o.pdf`: "año.pdf", `attachment; filename*=utf-8'es'x.pdf; filename="y.pdf"`: "x.pdf", `attachment; FILENAME="a;b.pdf"`: "a;b.pdf",
		`attachment; filename="a \"b\".pdf"`: `a "b".pdf`, `attachment`: "", ``: "", `attachment; filename=`: "", `attachment; filename="100%.pdf"`: "100%.pdf",
	} {
		if got := NameIn(parts); got != want {
			t.Errorf("NameIn(%s) = %q, want %q", parts, got, want)
		}
	}
}

func TestALongFileNameKeepsItsEnding(t *testing.T) {
	t.Parallel()
	long := ""
	for range 300 {
		long += "ñ"
	}
	got := FileName(long, ".pdf")
	if len(got) > maxFileName || got[len(got)-4:] != ".pdf" {
		t.Errorf("%d bytes, ends in %q; want at most %v, %q", len(got), got[len(got)-4:], maxFileName, ".pdf")
	}
	for name, want := range map[string]string{"a.csv": "a.csv", "a.jpeg": "a.jpeg.txt"} {
		if got := FileName(name, ".txt"); got != want {
			t.Errorf("FileName(%s) = %s, want %s", name, got, want)
		}
	}
}

func TestPlaceholdersOfManyToolsAreFound(t *testing.T) {
	t.Parallel()
	const none, maybe, sure = 0, 1, 2
	for text, want := range map[string]int{
		"Hola {{1}}": sure, "Hola {{ nombre | upper }}": sure, "Hola {{\n1\n}}": sure, "Hola %%name%%": sure, "Hola ${nombre}": sure, "Hola *|FNAME|*": sure, "Hola <%= nombre %>": sure, "Hola <?= $n ?>": sure,
		"Hola {!Contact.Name}": sure, "Hola @@nombre@@": sure, "Hola ##nombre##": sure, "Hola %(nombre)s": sure, "Hola [object Object]": sure, "{% if x %}": sure,
		"Hola {nombre}": maybe, "Hola {1}": maybe, "Hola {}": maybe, "Hola { nombre }": maybe, "Hola {nombre|cliente}": maybe, "Hola {$nombre}": maybe, "Hola [nombre]": maybe, "Hola [NOMBRE]": maybe, "Hola [first_name]": maybe,
		"Hola [Nombre del cliente]": maybe, "Hola [[x]]": maybe, "Hola <nombre>": maybe, "Hola <<lo que sea>>": maybe, "Hola «Nombre»": maybe, "Hola %s": maybe, "Hola %s, bienvenido": maybe, "Hola %1$s": maybe, "Hola %NAME%": maybe,
		"Hola $nombre": maybe, "Hola undefined": maybe, "saldo: null": maybe,
		"50% de descuento": none, "ahorra 20% y 30% hoy": none, "$50.000 y US$20": none, "[AVISO] Nuevas fechas": none, "«Hola»": none, "<3": none, "a < b > c": none, "#promo #navidad": none, "@tienda": none, "(1) uno": none, "anular": none,
		"sin 100%s": none, "50 %sube": none,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			found, certain := Placeholder(text)
			got := none
			if certain {
				got = sure
			} else if found != "" {
				got = maybe
			}
			if got != want {
				t.Errorf("found %q, sure %v", found, certain)
			}
		})
	}
	for link, want := range map[string]bool{
		"https://example.com/[id]": true, "https://example.com/<id>": true, "https://example.com/:id": true, "https://example.com/{1}": true, "https://example.com/?a=%5Bid%5D": true, "https://example.com/%%id%%": true,
		"https://example.com/a?b[]=1&c[0]=2": false, "https://example.com:8080/a": false, "https://example.com/100%25": false, "https://web.archive.org/web/https://example.com": false,
	} {
		if found, _ := LinkPlaceholder(link); (found != "") != want {
			t.Errorf("%s: found %q", link, found)
		}
	}
}
