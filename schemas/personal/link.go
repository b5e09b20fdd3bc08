package personal

import (
	"net/url"
	"strings"

	"altavoz/schemas/rules"
)

// fillLink is fill for links. A value is escaped, so that it stays in its part: a segment of a path, a value of a query. A link that is one
// placeholder and nothing else is the value as it is, clean.
func fillLink(link string, value func(name string) (string, bool)) (filled, missing string) {
	if before, name, after, ok := next(link); ok && before == "" && after == "" {
		v, has := value(name)
		if !has {
			return "", name
		}
		return rules.CleanLink(v), ""
	}
	return fill(link, func(name string) (string, bool) {
		v, ok := value(name)
		return escape(v), ok //mutant:value-stays-in-its-part-of-a-link
	})
}

// escape writes all but RFC 3986's unreserved characters as %XX.
func escape(value string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			out.WriteByte(c)
		default:
			out.Write([]byte{'%', hex[c>>4], hex[c&0xf]})
		}
	}
	return out.String()
}

// climbs reports whether a link has other segments . and .. than what it was made of: browsers take those for steps in the path, however
// they are escaped.
func climbs(template, filled string) bool {
	sample, _ := fill(template, func(string) (string, bool) { return "x", true })
	return dots(sample) != dots(filled)
}

func dots(link string) (n int) {
	if !strings.Contains(link, "/.") && !strings.Contains(link, "/%2") { // nearly all
		return 0
	}
	u, err := url.Parse(link)
	if err != nil {
		return 0
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if plain, err := url.PathUnescape(segment); err == nil && (plain == "." || plain == "..") {
			n++
		}
	}
	return n
}
