package app

import (
	"altavoz/app/environment"
	"altavoz/app/keys"
	"altavoz/app/numbers"
	"altavoz/app/secure"
)

// exposed returns what others can read of our secrets: what is warned of and, as an error, what is refused.
func (c *Config) exposed() (warnings []string, err error) {
	files := environment.SecretFiles(c.rooms()...)
	files["ALTAVOZ_KAFKA_KEY_FILE"] = c.Kafka.KeyFile
	return secure.Exposed(secure.Settings{
		API:     c.WhatsApp.BaseURL,
		Brokers: c.Kafka.Brokers, KafkaTLS: c.Kafka.TLS, SASLMechanism: c.Kafka.SASLMechanism,
		Redis: c.Redis.Addrs, RedisTLS: c.Redis.TLS, RedisPassword: c.Redis.Password != "",
		Files: files, Senders: numbers.Files(c.WhatsApp.numbers()), Keys: keys.Files(c.HTTP.keys()),
	})
}
