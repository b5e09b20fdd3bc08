package webhooks

import "unicode/utf16"

const hexDigits = "0123456789abcdef"

// appendText writes a JSON text the way Meta does: nothing but ASCII, with lower-case hex digits, and some characters escaped that
// need not be. A receiver that reads it and writes it again before checking the signature gets another one.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '/':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '<' || r == '%' || r == '@' || r < ' ' || (r > '~' && r < 0x10000):
			b = appendUnit(b, uint16(r))
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, uint16(high)), uint16(low))
		default:
			b = append(b, byte(r))
		}
	}
	return append(b, '"')
}

func appendUnit(b []byte, u uint16) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

// escaped writes JSON with nothing but ASCII.
func escaped(text []byte) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, uint16(high)), uint16(low))
		case r > '~':
			b = appendUnit(b, uint16(r))
		default:
			b = append(b, byte(r))
		}
	}
	return b
}
