package phone

import (
	"net/url"
	"slices"
	"strings"
)

// writing is a number taken out of what it was wrapped in.
type writing struct {
	text   string // as far as it was unwrapped
	digits string
	marked bool   // it says itself that its country code is there
	trunk  string // the digits without a "(0)"; empty: there is none
}

// schemes are what other tools and people put before a number; "p" is how Meta exports leads.
var schemes = []string{"whatsapp", "tel", "sms", "smsto", "mms", "mmsto", "callto", "wa", "phone", "p", "mobile", "cel", "celular", "movil", "móvil", "telefono", "teléfono"}

// read takes a folded text apart.
func read(text string) (writing, error) {
	text = uncell(text)
	if text == "" {
		return writing{}, errEmpty
	}
	if text == "null" || text == "true" || text == "false" || text[0] == '{' || text[0] == '[' {
		return writing{}, errEntry
	}
	if len(text) > 1 && text[0] == '-' && text[1] >= '0' && text[1] <= '9' {
		return writing{}, errSigns // of an amount
	}
	text, linked, err := unlink(unscheme(text))
	if err != nil {
		return writing{}, err
	}
	text, known, err := unaddress(text)
	if err != nil {
		return writing{}, err
	}
	w := writing{text: strings.TrimSpace(text), marked: linked || known}
	plus := strings.TrimLeft(w.text, "( ")
	if strings.HasPrefix(plus, "+") {
		w.marked = true
	}
	if text, err := amount(w.text); err != nil {
		return writing{}, err
	} else if text != "" {
		w.text = text
	}
	if !w.marked {
		if err := lookalike(w.text); err != nil {
			return writing{}, err
		}
	}
	return w, w.dial()
}

// uncell takes off what spreadsheets and programs put round a text: ="...", a leading apostrophe, quotes.
func uncell(text string) string {
	for {
		before := text
		text = strings.TrimSpace(strings.TrimPrefix(text, "="))
		if n := len(text); n > 1 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'') {
			text = text[1 : n-1]
		}
		text = strings.Trim(strings.TrimPrefix(text, "'"), " ,;") // of a list that was cut
		if text == before {
			return text
		}
	}
}

// unscheme takes off "tel:" and the like.
func unscheme(text string) string {
	name, rest, ok := strings.Cut(text, ":")
	if !ok || !slices.Contains(schemes, strings.ToLower(strings.TrimSpace(name))) || strings.HasPrefix(rest, "//send") {
		return text
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?") // ?body=Hola
	return strings.TrimSpace(number)
}

// unlink takes the number out of a link that opens a chat. These carry it with its country code, with or without plus.
func unlink(text string) (number string, linked bool, err error) {
	lower := strings.ToLower(text)
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(lower, "https://"), "http://"), "www.")
	chat := strings.HasPrefix(bare, "wa.me/") || strings.HasPrefix(bare, "api.whatsapp.com/") || strings.HasPrefix(bare, "web.whatsapp.com/") || strings.HasPrefix(bare, "whatsapp://send")
	if !chat {
		if strings.Contains(lower, "://") || strings.HasPrefix(bare, "chat.whatsapp.com/") {
			return "", false, errLink
		}
		return text, false, nil
	}
	u, err := url.Parse(text[len(lower)-len(bare):])
	if err != nil {
		return "", false, errLink
	}
	number = u.Query().Get("phone")
	if path := strings.TrimPrefix(bare, "wa.me/"); path != bare && number == "" {
		number = strings.Trim(u.Path[len("wa.me/"):], "/")
	}
	if number = strings.Trim(number, "+ "); countDigits(number) == 0 || strings.ContainsFunc(number, letter) {
		return "", false, errLink
	}
	return number, true, nil
}

// unaddress takes the number out of an address of WhatsApp's own, as 573001234567:12@s.whatsapp.net: a device behind the number. What
// stands in such an address has its country code.
func unaddress(text string) (number string, known bool, err error) {
	at := strings.LastIndexByte(text, '@')
	switch {
	case at < 0:
		return text, false, nil
	case at == 0:
		return "", false, errSigns
	}
	number = text[:at]
	switch strings.ToLower(strings.TrimSpace(text[at+1:])) {
	case "s.whatsapp.net", "c.us", "hosted":
		number, _, _ = strings.Cut(number, ":")
		if i := strings.IndexAny(number, "._"); i >= minDigits { // an agent, behind the number as well
			number = number[:i]
		}
		return number, true, nil
	case "g.us":
		return "", false, errGroup
	case "lid", "hosted.lid":
		return "", false, errInternal
	case "broadcast", "newsletter":
		return "", false, errChannel
	}
	return "", false, errEmail
}

// dial keeps the digits of what is written as a phone is: digits, blanks, and signs between groups.
func (w *writing) dial() error {
	var digits strings.Builder
	trunk := -1
	for i := 0; i < len(w.text); i++ {
		switch c := w.text[i]; {
		case c >= '0' && c <= '9':
			if c == '0' && trunk < 0 && aloneInParentheses(w.text, i) {
				trunk = digits.Len()
			}
			digits.WriteByte(c)
		case c == '+':
			if digits.Len() > 0 {
				return errSeveral
			}
		case c == '/':
			if !parted(w.text[:i], w.text[i+1:]) {
				return errSeveral
			}
		case !strings.ContainsRune(" -().", rune(c)):
			return sign(w.text, i)
		}
	}
	w.digits = digits.String()
	switch {
	case w.digits == "":
		return errSigns
	case w.marked && w.digits[0] == '0' && !strings.HasPrefix(w.digits, countryZeros):
		return errPlus
	case trunk > 0:
		w.trunk = w.digits[:trunk] + w.digits[trunk+1:]
		w.marked = true // nobody writes a trunk zero in parentheses but behind a country code
	}
	return nil
}

func aloneInParentheses(text string, i int) bool {
	before, after := strings.TrimRight(text[:i], " "), strings.TrimLeft(text[i+1:], " ")
	return strings.HasSuffix(before, "(") && strings.HasPrefix(after, ")")
}

// parted reports whether a slash parts the area from the subscriber, as in 0171/1234567, and not one number from another.
func parted(before, after string) bool {
	const most, least = 7, 5 // digits before: with the country code; behind: of a subscriber
	return countDigits(before) <= most && countDigits(after) >= least && !strings.Contains(after, "/")
}

func countDigits(text string) (n int) {
	for i := range len(text) {
		if text[i] >= '0' && text[i] <= '9' {
			n++
		}
	}
	return n
}

// sign says what is wrong with a text that has at i what no phone has.
func sign(text string, i int) *Error {
	lower := strings.ToLower(text[i:])
	switch {
	case strings.ContainsRune(",;|&\n\r", rune(text[i])) && countDigits(text[:i]) >= minNational && countDigits(text[i:]) >= minNational:
		return errSeveral
	case countDigits(text[:i]) >= minNational && (text[i] == '#' || strings.HasPrefix(lower, ";ext") || strings.HasPrefix(lower, "ext") || strings.HasPrefix(lower, "x")):
		return errExtension
	case strings.ContainsFunc(text, letter):
		return errLetters
	}
	return errSigns
}
