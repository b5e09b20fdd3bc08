package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/app/environment"
	"altavoz/app/numbers"
	"altavoz/schemas"
)

// load reads a configuration from an environment of its own; the tests that use it cannot run at the same time.
func load(t *testing.T, env map[string]string) (*Config, error) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, environment.Prefix) {
			t.Setenv(name, value) // so that it comes back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	return Load()
}

func TestEmptyEnvironmentIsTheDefault(t *testing.T) {
	cfg, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), *cfg); diff != "" {
		t.Errorf("-default +loaded:\n%s", diff)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentIsRead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("EAAG-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(t, map[string]string{
		"ALTAVOZ_HTTP_ADDR":                  "0.0.0.0:80",
		"ALTAVOZ_API_KEYS":                   "crm:k1,k2",
		"ALTAVOZ_MAX_BODY":                   "64MiB",
		"ALTAVOZ_DIRECT_TIMEOUT":             "10s",
		"ALTAVOZ_ROLES":                      "sender, fanout,sender",
		"ALTAVOZ_LOG_LEVEL":                  "debug",
		"ALTAVOZ_KAFKA_BROKERS":              "a:9092,b:9092",
		"ALTAVOZ_KAFKA_TLS":                  "true",
		"ALTAVOZ_REDIS_ADDRS":                "r:6379",
		"ALTAVOZ_REDIS_DB":                   "3",
		"ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID":   "123",
		"ALTAVOZ_WHATSAPP_ACCESS_TOKEN_FILE": secret,
		"ALTAVOZ_WHATSAPP_APP_SECRET_FILE":   secret,
		"ALTAVOZ_WHATSAPP_VERIFY_TOKEN":      "v",
		"ALTAVOZ_WHATSAPP_RATE":              "0.5",
		"ALTAVOZ_MEDIA_URL_MODE":             "link",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HTTP.Addr, want.HTTP.APIKeys, want.HTTP.MaxBody, want.HTTP.DirectTimeout = "0.0.0.0:80", "crm:k1,k2", 64<<20, 10*time.Second
	want.Process.Roles, want.Process.LogLevel = Roles{RoleFanout, RoleSender}, -4
	want.Kafka.Brokers, want.Kafka.TLS = []string{"a:9092", "b:9092"}, true
	want.Redis.Addrs, want.Redis.DB = []string{"r:6379"}, 3
	want.WhatsApp.PhoneNumberID, want.WhatsApp.AccessToken, want.WhatsApp.Rate = "123", "EAAG-token", 0.5
	want.WhatsApp.AppSecret, want.WhatsApp.VerifyToken = "EAAG-token", "v"
	want.Media.URLMode = "link"
	if diff := cmp.Diff(want, *cfg); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
		hint string
	}{
		{"a typing error", map[string]string{"ALTAVOZ_KAFKA_BROKER": "a:1"}, "there is no setting ALTAVOZ_KAFKA_BROKER", "did you mean ALTAVOZ_KAFKA_BROKERS?"},
		{"a name of its own", map[string]string{"ALTAVOZ_SOMETHING_ELSE_ALTOGETHER": "1"}, "there is no setting ALTAVOZ_SOMETHING_ELSE_ALTOGETHER", "`altavoz config --help` lists all variables"},
		{"a file of what is no secret", map[string]string{"ALTAVOZ_HTTP_ADDR_FILE": "x"}, "there is no setting ALTAVOZ_HTTP_ADDR_FILE", ""},
		{"a size", map[string]string{"ALTAVOZ_MAX_BODY": "much"}, "ALTAVOZ_MAX_BODY=much is not a size, as 64MiB", ""},
		{"a duration", map[string]string{"ALTAVOZ_DIRECT_TIMEOUT": "25"}, "ALTAVOZ_DIRECT_TIMEOUT=25 is not a duration, as 25s or 2m", ""},
		{"a number", map[string]string{"ALTAVOZ_WHATSAPP_RATE": "fast"}, "ALTAVOZ_WHATSAPP_RATE=fast is not a number", ""},
		{"a role", map[string]string{"ALTAVOZ_ROLES": "sendr"}, `there is no role "sendr"`, "all, or some of producer,fanout,sender,aggregator,callbacks"},
		{"a level", map[string]string{"ALTAVOZ_LOG_LEVEL": "loud"}, "ALTAVOZ_LOG_LEVEL=loud is not one of debug, info, warn, error", ""},
		{"a secret twice", map[string]string{"ALTAVOZ_API_KEYS": "k", "ALTAVOZ_API_KEYS_FILE": "/dev/null"}, "both ALTAVOZ_API_KEYS and ALTAVOZ_API_KEYS_FILE are set", "unset one of them"},
		{"an empty secret", map[string]string{"ALTAVOZ_API_KEYS_FILE": "/dev/null"}, "ALTAVOZ_API_KEYS_FILE: /dev/null is empty", ""},
		{"a missing secret", map[string]string{"ALTAVOZ_API_KEYS_FILE": "/nowhere/at/all"}, "ALTAVOZ_API_KEYS_FILE: reading a secret: open /nowhere/at/all", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.env)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if c.hint != "" && Hint(err) != c.hint {
				t.Errorf("hint %q, want %q", Hint(err), c.hint)
			}
		})
	}
}

func TestValidationNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	senders := func(t *testing.T, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "senders.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		set  func(t *testing.T, c *Config)
		want string // "": it is valid
	}{
		{"open to the world", func(_ *testing.T, c *Config) { c.HTTP.Addr = "0.0.0.0:8080" }, "anybody could send"},
		{"open to the world by name", func(_ *testing.T, c *Config) { c.HTTP.Addr = "example.com:8080" }, "anybody could send"},
		{"open to the world on every address", func(_ *testing.T, c *Config) { c.HTTP.Addr = ":8080" }, "anybody could send"},
		{"open to the world, with keys", func(_ *testing.T, c *Config) { c.HTTP.Addr, c.HTTP.APIKeys = ":8080", "k" }, ""},
		{"open to the world, no API", func(_ *testing.T, c *Config) { c.HTTP.Addr, c.Process.Roles = ":8080", Roles{RoleSender} }, ""},
		{"on the other loopback", func(_ *testing.T, c *Config) { c.HTTP.Addr = "[::1]:8080" }, ""},
		{"on localhost", func(_ *testing.T, c *Config) { c.HTTP.Addr = "localhost:8080" }, ""},
		{"no port", func(_ *testing.T, c *Config) { c.HTTP.Addr = "127.0.0.1" }, "is no host:port"},
		{"no such port", func(_ *testing.T, c *Config) { c.HTTP.AdminAddr = "127.0.0.1:http" }, "ALTAVOZ_ADMIN_ADDR"},
		{"profiles beside the API", func(_ *testing.T, c *Config) { c.HTTP.Pprof = true }, "ALTAVOZ_PPROF"},
		{"profiles", func(_ *testing.T, c *Config) { c.HTTP.Pprof, c.HTTP.AdminAddr = true, "127.0.0.1:0" }, ""},
		{"a nameless key", func(_ *testing.T, c *Config) { c.HTTP.APIKeys = ":secret" }, "ALTAVOZ_API_KEYS"},
		{"no bytes for a body", func(_ *testing.T, c *Config) { c.HTTP.MaxBody = 0 }, "ALTAVOZ_MAX_BODY"},
		{"too many bytes for a body", func(_ *testing.T, c *Config) { c.HTTP.MaxBody = 1 << 40 }, "ALTAVOZ_MAX_BODY"},
		{"no patience", func(_ *testing.T, c *Config) { c.HTTP.DirectTimeout = 0 }, "ALTAVOZ_DIRECT_TIMEOUT"},
		{"a format", func(_ *testing.T, c *Config) { c.Process.LogFormat = "xml" }, "ALTAVOZ_LOG_FORMAT"},
		{"a broker", func(_ *testing.T, c *Config) { c.Kafka.Brokers = []string{"a"} }, "ALTAVOZ_KAFKA_BROKERS"},
		{"sends that are trimmed too early", func(_ *testing.T, c *Config) { c.Kafka.Brokers, c.Kafka.TrimSends = []string{"k:9092"}, time.Minute }, "ALTAVOZ_KAFKA_TRIM_SENDS=1m0s is below 1h0m0s"},
		{"sends of the embedded Kafka", func(_ *testing.T, c *Config) { c.Kafka.TrimSends = time.Hour }, "without ALTAVOZ_KAFKA_BROKERS"},
		{"a certificate without TLS", func(_ *testing.T, c *Config) { c.Kafka.CAFile = "x" }, "has certificates and no TLS"},
		{"a certificate that is not there", func(_ *testing.T, c *Config) { c.Redis.TLS, c.Redis.CAFile = true, "/nowhere" }, "ALTAVOZ_REDIS_CA_FILE"},
		{"half a pair", func(_ *testing.T, c *Config) { c.Kafka.TLS, c.Kafka.CertFile = true, "x" }, "need each other"},
		{"SASL without a user", func(_ *testing.T, c *Config) { c.Kafka.SASLMechanism = "PLAIN" }, "ALTAVOZ_KAFKA_SASL_USER"},
		{"a user without SASL", func(_ *testing.T, c *Config) { c.Kafka.SASLUser = "u" }, "ALTAVOZ_KAFKA_SASL_MECHANISM"},
		{"a mechanism", func(_ *testing.T, c *Config) {
			c.Kafka.SASLMechanism, c.Kafka.SASLUser, c.Kafka.SASLPassword = "GSSAPI", "u", "p"
		}, "is not known"},
		{"SASL", func(_ *testing.T, c *Config) {
			c.Kafka.SASLMechanism, c.Kafka.SASLUser, c.Kafka.SASLPassword = "SCRAM-SHA-512", "u", "p"
		}, ""},
		{"a URL", func(_ *testing.T, c *Config) { c.WhatsApp.BaseURL = "graph.facebook.com" }, "ALTAVOZ_WHATSAPP_BASE_URL"},
		{"a rate", func(_ *testing.T, c *Config) { c.WhatsApp.Rate = -1 }, "ALTAVOZ_WHATSAPP_RATE"},
		{"a region", func(_ *testing.T, c *Config) { c.WhatsApp.DefaultRegion = "Colombia" }, "ALTAVOZ_DEFAULT_REGION"},
		{"calls", func(_ *testing.T, c *Config) { c.WhatsApp.MaxInFlight = 0 }, "ALTAVOZ_WHATSAPP_MAX_IN_FLIGHT"},
		{"a token of no number", func(_ *testing.T, c *Config) { c.WhatsApp.AccessToken = "t" }, "without ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID"},
		{"a number without a token", func(_ *testing.T, c *Config) { c.WhatsApp.PhoneNumberID = "106540352242922" }, "without ALTAVOZ_WHATSAPP_ACCESS_TOKEN"},
		{"a number and its token", func(_ *testing.T, c *Config) {
			c.WhatsApp.PhoneNumberID, c.WhatsApp.AccessToken = "106540352242922", "t"
		}, ""},
		{"a phone for an id", func(_ *testing.T, c *Config) {
			c.WhatsApp.PhoneNumberID, c.WhatsApp.AccessToken = "573001234567", "t"
		}, "ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID is the phone number ********4567, not its id"},
		{"a phone without its country", func(_ *testing.T, c *Config) {
			c.WhatsApp.PhoneNumberID, c.WhatsApp.AccessToken = "3001234567", "t"
		}, "not its id"},
		{"a phone of another country", func(_ *testing.T, c *Config) {
			c.WhatsApp.PhoneNumberID, c.WhatsApp.AccessToken = "16315551234", "t"
		}, "not its id"},
		{"a phone as people write it", func(_ *testing.T, c *Config) {
			c.WhatsApp.PhoneNumberID, c.WhatsApp.AccessToken = "+57 300 123-4567", "t"
		}, "not its id"},
		{"a phone in the file", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"106540352242922","token":"t"},{"id":"573001234567","token":"u"}]`)
		}, "the id of entry 2"},
		{"an id as in the hint", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"1234567890","token":"t"}]`)
		}, ""},
		{"webhooks", func(_ *testing.T, c *Config) { c.WhatsApp.AppSecret, c.WhatsApp.VerifyToken = "s", "v" }, ""},
		{"webhooks that are not verified", func(_ *testing.T, c *Config) { c.WhatsApp.AppSecret = "s" }, ""},
		{"webhooks that are not signed", func(_ *testing.T, c *Config) { c.WhatsApp.VerifyToken = "v" }, "anybody could forge receipts"},
		{"a mode", func(_ *testing.T, c *Config) { c.Media.URLMode = "maybe" }, "ALTAVOZ_MEDIA_URL_MODE"},
		{"an embedded Kafka for all", func(_ *testing.T, c *Config) { c.Embedded.KafkaAddr = "0.0.0.0:9092" }, "ALTAVOZ_EMBEDDED_KAFKA_ADDR"},
		{"senders", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"1","token":"t"},{"id":"2","token":"u","rate":0}]`)
		}, ""},
		{"no file of rates", func(_ *testing.T, c *Config) { c.WhatsApp.RatesFile = "/nowhere" }, "ALTAVOZ_RATES_FILE"},
		{"no senders file", func(_ *testing.T, c *Config) { c.WhatsApp.SendersFile = "/nowhere" }, "ALTAVOZ_SENDERS_FILE"},
		{"a sender twice", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"1","token":"t"},{"id":"1","token":"u"}]`)
		}, "is there twice"},
		{"a sender without a token", func(t *testing.T, c *Config) { t.Helper(); c.WhatsApp.SendersFile = senders(t, `[{"id":"1"}]`) }, "needs one of token and token_file"},
		{"a sender without a number", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"token":"t"}]`)
		}, "has no id"},
		{"a sender with a typing error", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"1","tokn":"t"}]`)
		}, "unknown field"},
		{"senders and something more", func(t *testing.T, c *Config) {
			t.Helper()
			c.WhatsApp.SendersFile = senders(t, `[{"id":"1","token":"t"}] [{"id":"2","token":"u"}]`)
		}, "something stands behind the list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := Default()
			c.set(t, &cfg)
			switch err := cfg.Validate(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestNumbersOfTheFileJoinTheConfiguredOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "file-token\n", "senders.json": `[{"id":"2","token_file":"token","rate":250},{"id":"3","token":"t"}]`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := WhatsAppConfig{PhoneNumberID: "1", AccessToken: "first", Rate: 80, SendersFile: filepath.Join(dir, "senders.json")}
	got, err := numbers.Read(c.numbers())
	if err != nil {
		t.Fatal(err)
	}
	want := []numbers.Number{{ID: "1", Token: "first", Rate: 80}, {ID: "2", Token: "file-token", Rate: 250}, {ID: "3", Token: "t", Rate: 80}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsNotMetasIsNotTakenForMeta(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://graph.facebook.com": true, "https://GRAPH.facebook.com:443/": true, "http://127.0.0.1:8088": false, "https://gateway.example/graph.facebook.com": false,
		"https://notfacebook.com": false, "https://graph.facebook.com.example": false, "https://graph.facebook.com@gateway.example": false,
	} {
		if got := (WhatsAppConfig{BaseURL: url}).Meta(); got != want {
			t.Errorf("%s: %v; want %v", url, got, want)
		}
	}
}

func TestWhatARealInstallationLacksIsNamed(t *testing.T) {
	t.Parallel()
	cfg := Default()
	if err := cfg.NeedsReal(); err == nil || !strings.Contains(Hint(err), "altavoz up") {
		t.Errorf("without brokers: %v, hint %q; want an error, %q in it", err, Hint(err), "altavoz up")
	}
	cfg.Kafka.Brokers = []string{"k:9092"}
	if err := cfg.NeedsReal(); err == nil || !strings.Contains(err.Error(), "no number to send from") {
		t.Errorf("without a number: %v, want an error", err)
	}
	cfg.Process.Roles = Roles{RoleProducer, RoleAggregator}
	if err := cfg.NeedsReal(); err != nil {
		t.Errorf("roles that send nothing: %v", err)
	}
}

// No secret may be seen in what the configuration prints, whoever prints it.
func TestThreatS15SettingsMaskSecrets(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.HTTP.APIKeys, cfg.WhatsApp.AccessToken, cfg.Kafka.SASLPassword = "hunter2", "hunter2", "hunter2"
	cfg.WhatsApp.AppSecret, cfg.WhatsApp.VerifyToken = "hunter2", "hunter2"
	masked := 0
	for _, s := range cfg.Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows its secret", s.Name)
		}
		if s.Value == schemas.Secret("").String() {
			masked++
		}
		if s.Help == "" {
			t.Errorf("%s has no help", s.Name)
		}
	}
	if masked != 5 {
		t.Errorf("%d of 5 secrets are masked; those that are not set must be seen to be empty, want 5", masked)
	}
}

// Whose upstream's tasks are is a name like every owner's: with another one nobody could be given them, and with none they would be nobody's.
func TestUpstreamOwnerIsAnOwner(t *testing.T) {
	for _, name := range []string{"", "dos palabras", "ñ", "a/b", strings.Repeat("a", 65)} {
		cfg := Default()
		cfg.Kafka.UpstreamOwner = name
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "ALTAVOZ_UPSTREAM_OWNER") {
			t.Errorf("%q: %v; want an error", name, err)
		}
	}
}
