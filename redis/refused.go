package redis

import (
	"errors"
	"io"
	"strings"

	"github.com/redis/rueidis"

	"altavoz/schemas/refused"
)

// explain says why Redis refused, "" where it did not.
func explain(err error) (refused.Reason, string) {
	if e, ok := errors.AsType[*rueidis.RedisError](err); ok {
		switch text := e.Error(); {
		case strings.HasPrefix(text, "WRONGPASS"), strings.Contains(text, "invalid username-password"), strings.Contains(text, "invalid password"):
			return refused.Credentials, "Redis refused the user or the password: see ALTAVOZ_REDIS_USERNAME and ALTAVOZ_REDIS_PASSWORD"
		case strings.HasPrefix(text, "NOAUTH"):
			return refused.Credentials, "Redis wants a password: see ALTAVOZ_REDIS_PASSWORD"
		case strings.Contains(text, "without any password configured"):
			return refused.Credentials, "Redis has no password for this user: see ALTAVOZ_REDIS_USERNAME and ALTAVOZ_REDIS_PASSWORD"
		case strings.HasPrefix(text, "NOPERM"):
			return refused.Rights, "this user of Redis may not do that: `altavoz topics acls` prints what it needs"
		case strings.HasPrefix(text, "DENIED"):
			return refused.Rights, "Redis is in protected mode: it wants a password, or to be on this machine"
		}
		return refused.None, ""
	}
	reason, words := refused.OverTLS(err, "Redis", "ALTAVOZ_REDIS")
	if reason == refused.None && errors.Is(err, errGreeting) && errors.Is(err, io.EOF) {
		return refused.TLS, "Redis closed the connection instead of speaking TLS: see ALTAVOZ_REDIS_TLS"
	}
	return reason, words
}

// errGreeting is the error of a TLS handshake.
var errGreeting = errors.New("greeting")
