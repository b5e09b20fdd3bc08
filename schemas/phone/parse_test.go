package phone

import (
	"errors"
	"slices"
	"testing"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

func TestARecipientIsReadInAnyUsualWriting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, region, want string }{
		{"bare digits", "573001234567", "CO", "573001234567"},
		{"groups", "+57 300 123 4567", "CO", "573001234567"},
		{"country code in parentheses", "(57) 300-123-4567", "CO", "573001234567"},
		{"plus in parentheses", "(+57) 300 123 4567", "CO", "573001234567"},
		{"national", "3001234567", "CO", "573001234567"},
		{"national in groups", "300 123 45 67", "CO", "573001234567"},
		{"two zeros for the plus, not carrier 005 and Russia", "00573001234567", "CO", "573001234567"},
		{"two zeros and another country", "00 34 612 345 678", "CO", "34612345678"},
		{"two zeros from abroad", "0034612345678", "ES", "34612345678"},
		{"prefix that the metadata does not know yet", "573301234567", "CO", "573301234567"},
		{"the same in groups", "57 330 123 4567", "CO", "573301234567"},
		{"the same with plus", "+573301234567", "CO", "573301234567"},
		{"national in Brazil, though it reads as +1 198", "11987654321", "BR", "5511987654321"},

		{"landline", "6014567890", "CO", "576014567890"},
		{"landline in Spain", "912345678", "ES", "34912345678"},
		{"landline or mobile", "2025550123", "US", "12025550123"},
		{"United States without plus", "14155550123", "CO", "14155550123"},
		{"Spain without plus", "34612345678", "CO", "34612345678"},
		{"Mexico without plus", "525512345678", "CO", "525512345678"},
		{"China with plus", "+86 138 0013 8000", "CO", "8613800138000"},
		{"only possible, with plus", "+57 399 123 4567", "ES", "573991234567"},

		{"trunk zero in parentheses", "+57 (0) 300 123 4565", "CO", "573001234565"},
		{"trunk zero in Britain", "+44 (0) 7911 123456", "CO", "447911123456"},
		{"trunk zero behind two zeros", "0049 (0) 171 1234567", "CO", "491711234567"},
		{"trunk zero without plus", "49 (0)171 1234567", "CO", "491711234567"},
		{"trunk zero without parentheses", "+5703001234567", "CO", "573001234567"},
		{"zero that is part of the number", "+39 (0) 6 12345678", "CO", "390612345678"},
		{"national trunk zero", "03001234567", "CO", "573001234567"},
		{"national trunk zero and carrier", "033001234567", "CO", "573001234567"},
		{"national trunk zero in Germany", "0171/1234567", "DE", "491711234567"},
		{"national trunk zero in Argentina", "011 15 5555-1234", "AR", "5491155551234"},

		{"dots", "573.001.234.567", "CO", "573001234567"},
		{"dots in other groups", "300.123.4567", "CO", "573001234567"},
		{"one dot", "300.1234567", "CO", "573001234567"},
		{"pairs that end in zeros", "06.12.34.56.00", "FR", "33612345600"},
		{"commas of thousands", "573,001,234,567", "CO", "573001234567"},
		{"thousands and decimals", "573.001.234.567,00", "CO", "573001234567"},
		{"a dot before the last group", "+1 (212) 555.1212", "CO", "12125551212"},
		{"the same of a landline", "+57 601 234.5678", "CO", "576012345678"},
		{"the same within the region", "(011) 4123.4567", "AR", "541141234567"},
		{"float", "573001234567.0", "CO", "573001234567"},
		{"float, national", "3001234567.0", "CO", "573001234567"},
		{"float with two zeros", "573001234567.00", "CO", "573001234567"},
		{"float with plus", "+573001234567.0", "CO", "573001234567"},
		{"float in groups: not joined to the digits", "415 555 0123.0", "US", "14155550123"},
		{"decimal comma", "573001234567,0", "CO", "573001234567"},
		{"scientific notation that lost nothing", "5.73001234567E+11", "CO", "573001234567"},
		{"the same with a comma", "5,73001234567e11", "CO", "573001234567"},
		{"the same of a national number", "3.001234567E9", "CO", "573001234567"},

		{"apostrophe", "'573001234567", "CO", "573001234567"},
		{"apostrophe of a word processor", "\u2019573001234567", "CO", "573001234567"},
		{"formula", `="573001234567"`, "CO", "573001234567"},
		{"formula with plus", "=+573001234567", "CO", "573001234567"},
		{"quotes", "\u201c3001234567\u201d", "CO", "573001234567"},

		{"whatsapp:", "whatsapp:+573001234567", "CO", "573001234567"},
		{"tel:", "tel:+57-300-123-4567", "CO", "573001234567"},
		{"TEL: and a blank", "TEL: 3001234567", "CO", "573001234567"},
		{"Meta's leads", "p:+573001234567", "CO", "573001234567"},
		{"address", "573001234567@s.whatsapp.net", "CO", "573001234567"},
		{"address with a device", "573001234567:12@s.whatsapp.net", "CO", "573001234567"},
		{"address with agent and device", "573001234567.0:12@s.whatsapp.net", "CO", "573001234567"},
		{"older address", "573001234567@c.us", "CO", "573001234567"},
		{"address of a number that is only possible", "4712345678@c.us", "CO", "4712345678"},
		{"chat link", "https://wa.me/573001234567?text=Hola", "CO", "573001234567"},
		{"chat link in capitals", "HTTPS://WA.ME/573001234567", "CO", "573001234567"},
		{"message with a text", "sms:+573001234567?body=hola", "CO", "573001234567"},
		{"a word before it", "Celular: 300 123 4567", "CO", "573001234567"},
		{"a word with an accent before it", "Móvil: 300 123 4567", "CO", "573001234567"},
		{"a comma behind it", "3001234567,", "CO", "573001234567"},
		{"a semicolon before it", "; 3001234567 ;", "CO", "573001234567"},
		{"exponent of three digits", "5.73001234567E+011", "CO", "573001234567"},
		{"Hangul filler and Braille blank", "57\u31643001\u2800234567\u115f", "CO", "573001234567"},
		{"Mexican mobile as dialled until 2019", "044 55 1234 5678", "MX", "525512345678"},
		{"the same from another area", "045 55 1234 5678", "MX", "525512345678"},
		{"Mexican long distance until 2019", "01 55 1234 5678", "MX", "525512345678"},
		{"the same behind the country code", "+52 01 55 1234 5678", "CO", "525512345678"},
		{"the same of a mobile", "+52 044 55 1234 5678", "CO", "525512345678"},
		{"bare mobile with a trunk zero behind the country code", "5930991234567", "CO", "593991234567"},
		{"chat link with a parameter", "https://api.whatsapp.com/send?phone=%2B573001234567&text=x", "CO", "573001234567"},
		{"chat link of the app", "whatsapp://send?phone=573001234567", "CO", "573001234567"},

		{"left-to-right mark", "\u200e573001234567", "CO", "573001234567"},
		{"isolate around it", "\u2066+57 300 123 4567\u2069", "CO", "573001234567"},
		{"zero-width blank in it", "57300\u200b1234567", "CO", "573001234567"},
		{"byte order mark", "\ufeff573001234567", "CO", "573001234567"},
		{"variation selector", "573001234567\ufe0f", "CO", "573001234567"},
		{"keycaps", "5\ufe0f\u20e37\ufe0f\u20e33001234567", "CO", "573001234567"},
		{"Arabic digits", "+\u0665\u0667\u0663\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667", "CO", "573001234567"},
		{"Persian digits", "\u06f5\u06f7\u06f3\u06f0\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7", "CO", "573001234567"},
		{"Devanagari digits", "\u096b\u096d\u0969\u0966\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d", "CO", "573001234567"},
		{"wide digits, plus and parentheses", "\uff0b\uff15\uff17\uff08\uff13\uff10\uff10\uff09\uff11\uff12\uff13\uff14\uff15\uff16\uff17", "CO", "573001234567"},
		{"dashes of three kinds", "57\u2011300\u2013123\u22124567", "CO", "573001234567"},
		{"em dash and Japanese dash", "57\u2014300\u30fc1234567", "CO", "573001234567"},
		{"blanks that do not break", "57\u00a0300\u202f123\u30004567", "CO", "573001234567"},

		{"Mexico's old 1", "5215512345678", "CO", "525512345678"},
		{"Mexico's old 1 with plus", "+52 1 55 1234 5678", "CO", "525512345678"},
		{"Argentine landline, sent as given", "541155551234", "CO", "541155551234"},
		{"Argentine mobile", "5491155551234", "CO", "5491155551234"},
		{"Argentine mobile with 15", "+54 11 15 5555-1234", "CO", "5491155551234"},
		{"Argentine mobile with 15 and a long area code", "+54 2944 15 412345", "CO", "5492944412345"},
		{"Brazilian mobile without the ninth digit", "551187654321", "CO", "551187654321"},
		{"the same, national", "1187654321", "BR", "551187654321"},
		{"Brazilian landline", "551133334444", "CO", "551133334444"},

		{"user id", "CO.1765ab", "CO", "CO.1765ab"},
		{"user id, country in small letters", "co.1abcDEF", "CO", "CO.1abcDEF"},
		{"user id of a parent", "us.ent.1abcDEF", "CO", "US.ENT.1abcDEF"},
		{"user id of digits", "us.13491208655302741918", "CO", "US.13491208655302741918"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(c.text, c.region)
			if got != c.want || err != nil {
				t.Errorf("Parse(%q, %s) = %q, %v; want %q", c.text, c.region, got, err, c.want)
			}
		})
	}
}

func TestWhatOnlyLooksLikeAPhoneIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, region string
		want               *Error
	}{
		{"empty", "", "CO", errEmpty},
		{"blank", " \u200b ", "CO", errEmpty},
		{"short", "12345", "CO", errShort},
		{"word", "hola", "CO", errLetters},
		{"letters in it", "57300abc4567", "CO", errLetters},
		{"extension", "573001234567 ext 4", "CO", errExtension},
		{"extension of a link", "tel:+573001234567;ext=4", "CO", errExtension},
		{"too long", "5730012345678901", "CO", errLong},
		{"plus alone", "+", "CO", errSigns},
		{"not UTF-8", "\xff573001234567", "CO", errEncoding},
		{"a zero that would be lost with every reading", "+310000000", "CO", errNowhere},
		{"plus and a trunk zero", "+03001234567", "CO", errPlus},

		{"fraction", "573001234567.5", "CO", errFraction},
		{"fraction with a comma", "573001234567,25", "CO", errFraction},
		{"fraction, in groups", "573.001.234.567,5", "CO", errFraction},
		{"fraction behind groups", "300 123 4567.5", "CO", errFraction},
		{"price", "1234,56", "CO", errFraction},
		{"rounded", "5.73E+11", "CO", errRounded},
		{"rounded with more digits", "5.73001E+11", "CO", errRounded},
		{"rounded with a comma", "5,73E+11", "CO", errRounded},
		{"rounded, one digit", "6E+11", "CO", errRounded},

		{"no country code", "4155550123", "CO", noCountry("CO")},
		{"only possible, without plus", "4712345678", "CO", noCountry("CO")},
		{"only possible, national", "3991234567", "CO", noCountry("CO")},
		{"only possible, behind two zeros", "0057 199 123 4567", "CO", noCountry("CO")},
		{"cédula", "1020307013", "CO", noCountry("CO")},
		{"toll-free", "018000123456", "CO", errService},
		{"longer than E.164 with its country code", "551100000000000", "DE", noCountry("DE")},

		{"identity number with dots", "1.020.307.013", "CO", errIdentity},
		{"older identity number with dots", "79.123.456", "CO", errIdentity},
		{"identity number that would be a phone there", "52.345.678", "GT", errIdentity},
		{"NIT", "900123456-7", "CO", errIdentity},
		{"NIT with dots", "900.123.456-7", "CO", errIdentity},
		{"RUT", "12.345.678-5", "CL", errIdentity},
		{"RUT with K", "12345678-K", "CL", errIdentity},
		{"CUIT", "27-12345678-9", "AR", errIdentity},
		{"bare CUIT", "27123456780", "AR", errIdentity},
		{"CPF", "123.456.789-09", "BR", errIdentity},
		{"bare CPF", "12345678909", "BR", errIdentity},
		{"CNPJ", "12.345.678/0001-95", "BR", errIdentity},
		{"SSN", "123-45-6789", "US", errIdentity},
		{"Dominican cédula", "001-1234567-8", "DO", errIdentity},
		{"Venezuelan cédula", "V-12.345.678", "VE", errIdentity},
		{"Spanish DNI", "12345678Z", "ES", errIdentity},
		{"NIT by name", "NIT 900123456", "CO", errIdentity},

		{"date", "28/11/2026", "CO", errDate},
		{"date of the United States", "11/28/2026", "CO", errDate},
		{"date with dashes", "28-11-2026", "CO", errDate},
		{"date of ISO", "2026-11-28", "CR", errDate},
		{"date and time", "2026-11-28 10:30:00", "CO", errDate},
		{"time stamp", "2026-11-28T10:30:00Z", "CO", errDate},
		{"date with dots", "28.11.26", "CO", errDate},
		{"date with a month's name", "28-nov-2026", "CO", errDate},
		{"month and year", "11/2026", "CO", errDate},
		{"year and month", "2026-11", "CO", errDate},
		{"address of a network that reads as a phone", "61.238.123.211", "CO", errAddress},
		{"number of a device, a fixed line elsewhere without its zero", "352099001761481", "CO", noCountry("CO")},
		{"number of a product, a fixed line elsewhere without its zero", "4902778915257", "CO", noCountry("CO")},
		{"date in words", "28 de noviembre de 2026", "CO", errDate},

		{"group", "120363041234567890@g.us", "CO", errGroup},
		{"LID", "123456789012345@lid", "CO", errInternal},
		{"channel", "120363041234567890@newsletter", "CO", errChannel},
		{"broadcast list", "status@broadcast", "CO", errChannel},
		{"e-mail", "ana@example.com", "CO", errEmail},
		{"link", "https://example.com/573001234567", "CO", errLink},
		{"link to a group", "https://chat.whatsapp.com/Abc123", "CO", errLink},
		{"short link", "https://wa.me/message/ABC123", "CO", errLink},

		{"two numbers", "3001234567 / 3007654321", "CO", errSeveral},
		{"two numbers with a comma", "3001234567,3007654321", "CO", errSeveral},
		{"two numbers with a semicolon", "3001234567;3007654321", "CO", errSeveral},
		{"two numbers with a dash", "3001234567-3007654321", "CO", errSeveral},
		{"two numbers with a blank", "3001234567 3007654321", "CO", errSeveral},
		{"two numbers with plus", "+573001234567+573007654321", "CO", errSeveral},
		{"another last digit", "6014567890/91", "CO", errSeveral},

		{"amount below zero", "-573001234567", "CO", errSigns},
		{"null", "null", "CO", errEntry},
		{"bool", "true", "CO", errEntry},
		{"object", `{"phone":"573001234567"}`, "CO", errEntry},
		{"array", `["573001234567"]`, "CO", errEntry},
		{"file name", "ab.cde", "CO", errLetters},
		{"abbreviation", "No.3001234567", "CO", errLetters},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(c.text, c.region)
			var why *Error
			if got != "" || !errors.As(err, &why) || !slices.Equal(why.Why.Args, c.want.Why.Args) || why.Why.Code != c.want.Why.Code || !errors.Is(err, ErrInvalid) {
				t.Errorf("Parse(%q, %s) = %q, %v; want %q", c.text, c.region, got, err, c.want.Why)
			}
		})
	}
}

func TestNationalWritingsOfALineAreOnePerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"Mexico", "5215512345678", "525512345678", true},
		{"Argentina", "5491155551234", "541155551234", true},
		{"Argentina with 15", "+54 11 15 5555-1234", "541155551234", true},
		{"Argentina with 15 and a long area code", "+54 341 15 512-3456", "+54 341 512-3456", true},
		{"Brazil", "551187654321", "5511987654321", true},
		{"Brazil, landlines have no twin", "551133334444", "+55 11 93333 4444", false},
		{"two areas", "5491155551234", "542215551234", false},
		{"Colombia", "573001234567", "3001234567", true},
		{"two people", "573001234567", "573001234568", false},
		{"user ids", "CO.549abc", "CO.54abc", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(c.a, "CO")
			b, other := Parse(c.b, "CO")
			if err != nil || other != nil || (Person(a) == Person(b)) != c.same {
				t.Errorf("%q, %v and %q, %v: persons %q and %q", a, err, b, other, Person(a), Person(b))
			}
		})
	}
}

// The fast path must say what the library says.
func TestFastPathAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := "573" + rapid.StringMatching(`[0-9]{9}`).Draw(t, "rest")
		got, err := Parse(text, "CO")
		if err != nil {
			t.Fatal(err)
		}
		n, err := phonenumbers.Parse("+"+text, "")
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			t.Fatalf("the library refuses %s: %v", text, err)
		}
		if want := phonenumbers.Format(n, phonenumbers.E164); "+"+got != want {
			t.Fatalf("fast path %s, library %s; want %v", got, want, "+"+got)
		}
	})
}

// Whatever is accepted is a fixed point: parsing it again changes nothing, and it is the same person.
func TestWhatIsAcceptedIsReadAgainAsItself(t *testing.T) {
	t.Parallel()
	regions := []string{"CO", "MX", "AR", "BR", "US", "ES", "DE", "IT"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`\+?(52|521|549?|5511|57|39|)[0-9 ()-]{6,18}`).Draw(t, "text")
		p, err := Parse(text, rapid.SampledFrom(regions).Draw(t, "region"))
		if err != nil {
			return
		}
		again, err := Parse("+"+p, rapid.SampledFrom(regions).Draw(t, "other"))
		if err != nil || again != p {
			t.Fatalf("%q gives %s, which gives %s, %v; want %v", text, p, again, err, p)
		}
		if Person(Person(p)) != Person(p) {
			t.Fatalf("the person of %s is %s, whose is %s", p, Person(p), Person(Person(p)))
		}
	})
}

// Unicode's tables keep every script's digits in whole tens, in order: digit counts on it.
func TestDigitsOfEveryScriptHaveTheirValue(t *testing.T) {
	t.Parallel()
	for _, in := range unicode.Nd.R16 {
		if in.Stride != 1 || (in.Hi-in.Lo+1)%10 != 0 {
			t.Errorf("%x to %x by %d; want 1", in.Lo, in.Hi, in.Stride)
		}
	}
	for _, in := range unicode.Nd.R32 {
		if in.Stride != 1 || (in.Hi-in.Lo+1)%10 != 0 {
			t.Errorf("%x to %x by %d; want 1", in.Lo, in.Hi, in.Stride)
		}
	}
	for r, want := range map[rune]rune{'0': 0, '9': 9, '\u0665': 5, '\uff17': 7, '\U0001d7d0': 2, '\U0001d7ff': 9, '\U0001fbf3': 3} {
		if got := digit(r); got != want {
			t.Errorf("%c is %d, not %d", r, got, want)
		}
	}
}

func TestAJSONNumberWithAWholeValueIsItsDigits(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		"573001234567": "573001234567", "573001234567.0": "573001234567", "573001234567.000": "573001234567",
		"5.73001234567e11": "573001234567", "5.73001234567E+11": "573001234567", "57300123456.7e1": "573001234567", "0.573001234567e12": "573001234567",
		"5.73001234e11": "573001234000", "573001234567e0": "573001234567",
		"573001234567.5": "573001234567.5", "5.73001234567e10": "5.73001234567e10", "5.73e11": "5.73e11", "5.730012e+11": "5.730012e+11", "1e400": "1e400",
		"5.73e-11": "5.73e-11", "-573001234567": "-573001234567", "573001234567.0000001": "573001234567.0000001", "0": "0",
	} {
		t.Run(literal, func(t *testing.T) {
			t.Parallel()
			if got := Number(literal); got != want {
				t.Errorf("Number(%s) = %s, want %s", literal, got, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"573001234567", "+57 300", "CO.ENT.x", "\xff", "++57", "tel:+57;ext=1", "=\"\"", "https://wa.me/", "1.1.1", "5E99", "@", "(0)", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s, "CO")
		if (err == nil) != (p != "") || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Fatalf("%q: %q, %v; want a phone or ErrInvalid", s, p, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"fast", "573001234567"}, {"plus", "+573001234567"}, {"groups", "+57 300 123-4567"}, {"national", "3001234567"}, {"abroad", "34612345678"}, {"refused", "900123456-7"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				_, _ = Parse(c.text, "CO")
			}
		})
	}
}
