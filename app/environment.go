package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"altavoz/schemas"
)

const (
	envPrefix = "ALTAVOZ_"
	// fileSuffix on the name of a secret says in which file it stands, as orchestrators hand secrets over.
	fileSuffix = "_FILE"
	// maxSecretFile is more than any secret, and less than a file that was named by mistake.
	maxSecretFile = 64 << 10
	// A name this far from one of ours is no typing error any more.
	maxTypos = 4
)

// rooms are the parts of the configuration, each a struct of settings.
func (c *Config) rooms() []any {
	return []any{&c.Process, &c.HTTP, &c.Kafka, &c.Redis, &c.WhatsApp, &c.Media, &c.Embedded, &c.Client}
}

// Load returns the configuration that the environment describes. It is not validated yet: what is missing depends on what
// is to be run.
func Load() (*Config, error) {
	c := Default()
	for _, room := range c.rooms() {
		if err := envconfig.Process("", room); err != nil {
			return nil, readable(err)
		}
	}
	if err := c.readSecretFiles(); err != nil {
		return nil, err
	}
	return &c, c.refuseUnknown(os.Environ())
}

// readable says which variable has which wrong value, in few words.
func readable(err error) error {
	var p *envconfig.ParseError
	if !errors.As(err, &p) {
		return fmt.Errorf("reading the environment: %w", err)
	}
	kinds := map[string]string{
		"bool": "true or false", "int": "a whole number", "float64": "a number", "time.Duration": "a duration, as 25s or 2m",
		"slog.Level": "one of debug, info, warn, error", "app.Bytes": "a size, as 64MiB",
	}
	if want, ok := kinds[p.TypeName]; ok {
		return fmt.Errorf("%s=%s is not %s", p.KeyName, p.Value, want)
	}
	return fmt.Errorf("%s=%s: %w", p.KeyName, p.Value, p.Err)
}

// setting is one field of the configuration.
type setting struct {
	name  string
	help  string
	value reflect.Value
}

func (s setting) secret() bool { return s.value.Type() == reflect.TypeFor[schemas.Secret]() }

func (c *Config) settings() []setting {
	var out []setting
	for _, room := range c.rooms() {
		v := reflect.ValueOf(room).Elem()
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag
			out = append(out, setting{tag.Get("envconfig"), tag.Get("help"), v.Field(i)})
		}
	}
	return out
}

// readSecretFiles fills in the secrets that are given as files.
func (c *Config) readSecretFiles() error {
	for _, s := range c.settings() {
		if !s.secret() {
			continue
		}
		path, ok := os.LookupEnv(s.name + fileSuffix)
		if !ok || path == "" {
			continue
		}
		if s.value.String() != "" {
			return withHint(fmt.Errorf("both %s and %s are set", s.name, s.name+fileSuffix), "unset one of them")
		}
		secret, err := readSecret(path)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name+fileSuffix, err)
		}
		s.value.SetString(string(secret))
	}
	return nil
}

func readSecret(path string) (schemas.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" || len(b) > maxSecretFile {
		return "", fmt.Errorf("%s is empty, or too large to be a secret", path)
	}
	return schemas.Secret(secret), nil
}

// refuseUnknown finds variables that look like ours and are not: nearly always a typing error, whose setting would then
// silently be the default.
func (c *Config) refuseUnknown(environ []string) error {
	var known []string
	for _, s := range c.settings() {
		known = append(known, s.name)
		if s.secret() {
			known = append(known, s.name+fileSuffix)
		}
	}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) {
			continue
		}
		hint := "`altavoz config --help` lists all variables"
		near := slices.MinFunc(known, func(a, b string) int { return typos(name, a) - typos(name, b) })
		if typos(name, near) <= maxTypos {
			hint = "did you mean " + near + "?"
		}
		return withHint(fmt.Errorf("there is no setting %s", name), hint)
	}
	return nil
}

// typos counts the letters to change, add or leave out to come from a to b (Levenshtein).
func typos(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// A Setting is one line of the configuration, for people. Secrets are masked.
type Setting struct {
	Name    string
	Value   string
	Help    string
	Default bool // as in an empty environment
}

// Settings returns the configuration as it is in force.
func (c *Config) Settings() []Setting {
	def := Default()
	defaults := def.settings()
	var out []Setting
	for i, s := range c.settings() {
		line := Setting{Name: s.name, Help: s.help, Value: printed(s), Default: reflect.DeepEqual(s.value.Interface(), defaults[i].value.Interface())}
		if s.secret() && s.value.String() == "" {
			line.Value = ""
		}
		out = append(out, line)
	}
	return out
}

func printed(s setting) string {
	if list, ok := reflect.TypeAssert[[]string](s.value); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(s.value.Interface())
}

// Bytes is a size, written as 64MiB, 5MB or a bare number.
type Bytes int64

// The units of sizes, largest first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return fmt.Errorf("%q is no size", text)
	}
	*b = Bytes(n * unit)
	return nil
}

// String writes a size with the largest unit that leaves no rest.
func (b Bytes) String() string {
	for _, u := range sizeUnits[:3] {
		if b != 0 && int64(b)%u.bytes == 0 {
			return strconv.FormatInt(int64(b)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
