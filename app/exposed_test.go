package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestThreatS14StartRefusesOrWarnsOfSecretsInTheClear: from the environment to the process that is made, or is not.
func TestThreatS14StartRefusesOrWarnsOfSecretsInTheClear(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		return path
	}
	token := file("open-token", "EAAG-canary", 0o644)
	file("key-readable", "0123456789abcdef-canary", 0o644)
	file("key-writable", "0123456789abcdef-canary", 0o602)
	for name, c := range map[string]struct {
		env             map[string]string
		warned, refused string
	}{
		"nothing":                     {nil, "", ""},
		"an API without TLS":          {map[string]string{"ALTAVOZ_WHATSAPP_BASE_URL": "http://graph.example.com"}, "", "ALTAVOZ_WHATSAPP_BASE_URL"},
		"a simulator on another host": {map[string]string{"ALTAVOZ_WHATSAPP_BASE_URL": "http://simulator:8088"}, "ALTAVOZ_WHATSAPP_BASE_URL", ""},
		"keys without a name":         {map[string]string{"ALTAVOZ_API_KEYS": "0123456789abcdef-canary,crm:1123456789abcdef-canary,2123456789abcdef-canary", "ALTAVOZ_HTTP_ADDR": "0.0.0.0:0", "ALTAVOZ_ADMIN_ADDR": "127.0.0.1:0"}, "2 keys of ALTAVOZ_API_KEYS have no name", ""},
		"that on this machine":        {map[string]string{"ALTAVOZ_API_KEYS": "0123456789abcdef-canary"}, "", ""},
		"keys with names":             {map[string]string{"ALTAVOZ_API_KEYS": "crm:1123456789abcdef-canary", "ALTAVOZ_HTTP_ADDR": "0.0.0.0:0", "ALTAVOZ_ADMIN_ADDR": "127.0.0.1:0"}, "", ""},
		"Kafka without TLS":           {map[string]string{"ALTAVOZ_KAFKA_BROKERS": "kafka:9092"}, "ALTAVOZ_KAFKA_TLS", ""},
		"a password to Kafka":         {map[string]string{"ALTAVOZ_KAFKA_BROKERS": "k.example.com:9092", "ALTAVOZ_KAFKA_SASL_MECHANISM": "PLAIN", "ALTAVOZ_KAFKA_SASL_USER": "u", "ALTAVOZ_KAFKA_SASL_PASSWORD": "canary"}, "", "in the clear"},
		"a password to Redis":         {map[string]string{"ALTAVOZ_REDIS_ADDRS": "r.example.com:6379", "ALTAVOZ_REDIS_PASSWORD": "canary"}, "", "ALTAVOZ_REDIS_PASSWORD"},
		"a secret that all read":      {map[string]string{"ALTAVOZ_WHATSAPP_APP_SECRET_FILE": token}, "ALTAVOZ_WHATSAPP_APP_SECRET_FILE", ""},
		"a secret that all write":     {map[string]string{"ALTAVOZ_WHATSAPP_APP_SECRET_FILE": file("written", "canary-canary", 0o606)}, "", "may write"},
		"senders that all read":       {map[string]string{"ALTAVOZ_SENDERS_FILE": file("senders.json", `[{"id":"1234567890123456","token":"canary"}]`, 0o644)}, "ALTAVOZ_SENDERS_FILE", ""},
		"a token of a sender":         {map[string]string{"ALTAVOZ_SENDERS_FILE": file("closed.json", `[{"id":"1234567890123456","token_file":"open-token"}]`, 0o600)}, "open-token", ""},
		"keys that all write":         {map[string]string{"ALTAVOZ_KEYS_FILE": file("keys.json", `[{"owner":"crm","secrets":["0123456789abcdef-canary"],"scopes":["read"]}]`, 0o602)}, "", "may write"},
		"a secret of a key":           {map[string]string{"ALTAVOZ_KEYS_FILE": file("keys-readable.json", `[{"owner":"crm","secret_files":["key-readable"],"scopes":["read"]}]`, 0o600)}, "key-readable (", ""},
		"one that all write":          {map[string]string{"ALTAVOZ_KEYS_FILE": file("keys-writable.json", `[{"owner":"crm","secret_files":["key-writable"],"scopes":["read"]}]`, 0o600)}, "", "key-writable"},
		"secrets that are nobodys":    {map[string]string{"ALTAVOZ_WHATSAPP_APP_SECRET_FILE": file("closed", "canary-canary", 0o400)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, c.env)
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			_, err = New(*cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if (err != nil) != (c.refused != "") || err != nil && (!strings.Contains(err.Error(), c.refused) || Hint(err) == "") {
				t.Errorf("refused: %v, hint %q, want %q", err, Hint(err), c.refused)
			}
			said := log.String()
			if strings.Contains(said, "level=WARN") != (c.warned != "") || !strings.Contains(said, c.warned) {
				t.Errorf("warned: %q, want %q", said, c.warned)
			}
			if all := said + errorText(err); strings.Contains(all, "canary") {
				t.Errorf("a secret is repeated: %s, want no %q in it", all, "canary")
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
