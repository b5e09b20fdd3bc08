package app

import (
	"fmt"

	"altavoz/app/admission"
	"altavoz/app/environment"
	"altavoz/app/keys"
	"altavoz/app/numbers"
	"altavoz/app/secure"
	"altavoz/producer/access"
	"altavoz/schemas"
)

// ClearClient judges the URL, given by that name, that a command shows an API key to: what is to be warned of and, as an error, what is refused.
func ClearClient(name, base string, key schemas.Secret) (warning string, err error) {
	return secure.ClearClient(name, base, key != "") //nolint:wrapcheck // says all
}

// exposed returns what others can read of our secrets: what is warned of and, as an error, what is refused.
func (c *Config) exposed() (warnings []string, err error) {
	files := environment.SecretFiles(c.parts()...)
	files["ALTAVOZ_KAFKA_KEY_FILE"] = c.Kafka.KeyFile
	if n := access.Unnamed(c.HTTP.APIKeys); n > 0 && !admission.Loopback(c.HTTP.Addr) {
		warnings = append(warnings, fmt.Sprintf("%d keys of ALTAVOZ_API_KEYS have no name: their owner is made of the secret, so a new secret is another owner, who has no tasks; write name:secret", n))
	}
	more, err := secure.Exposed(secure.Settings{
		API:     c.WhatsApp.BaseURL,
		Brokers: c.Kafka.Brokers, KafkaTLS: c.Kafka.TLS, SASLMechanism: c.Kafka.SASLMechanism,
		Redis: c.Redis.Addrs, RedisTLS: c.Redis.TLS, RedisPassword: c.Redis.Password != "",
		Files: files, Senders: numbers.Files(c.WhatsApp.numbers()), Keys: keys.Files(c.HTTP.keys()),
	})
	return append(warnings, more...), err
}
