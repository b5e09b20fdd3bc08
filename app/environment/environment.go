package environment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"altavoz/schemas"
	"altavoz/schemas/rules"
)

const (
	// Prefix begins the name of every variable.
	Prefix = "ALTAVOZ_"
	// fileSuffix on the name of a secret says in which file it stands, as orchestrators hand secrets over.
	fileSuffix = "_FILE"
	// maxSecretFile is more than any secret, and less than a file that was named by mistake.
	maxSecretFile = 64 << 10
	// A name this far from one of ours is no typing error any more.
	maxTypos = 4
)

// Error is what is wrong with a variable, and what to do about it.
type Error struct {
	error
	hint string
}

// Unwrap returns what is wrong.
func (e Error) Unwrap() error { return e.error }

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

// Read reads the environment over what is in the parts: pointers to structs whose fields are settings, each tagged with its
// variable and with help. A variable of ours that is in none of them is an error.
func Read(parts ...any) error {
	for _, part := range parts {
		if err := envconfig.Process("", part); err != nil {
			return readable(err)
		}
	}
	all := settings(parts)
	if err := readSecretFiles(all); err != nil {
		return err
	}
	return refuseUnknown(all, os.Environ())
}

// Given reports whether a setting is in the environment, be it that of an empty one.
func Given(name string) bool { return os.Getenv(name) != "" }

// readable says which variable has which wrong value, in few words.
func readable(err error) error {
	var p *envconfig.ParseError
	if !errors.As(err, &p) {
		return fmt.Errorf("reading the environment: %w", err)
	}
	kinds := map[string]string{
		"bool": "true or false", "int": "a whole number", "float64": "a number", "time.Duration": "a duration, as 25s or 2m",
		"slog.Level": "one of debug, info, warn, error", "environment.Bytes": "a size, as 64MiB",
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

func settings(parts []any) []setting {
	var out []setting
	for _, part := range parts {
		v := reflect.ValueOf(part).Elem()
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag
			out = append(out, setting{tag.Get("envconfig"), tag.Get("help"), v.Field(i)})
		}
	}
	return out
}

// readSecretFiles fills in the secrets that are given as files.
func readSecretFiles(all []setting) error {
	for _, s := range all {
		if !s.secret() {
			continue
		}
		path, ok := os.LookupEnv(s.name + fileSuffix)
		if !ok || path == "" {
			continue
		}
		if s.value.String() != "" {
			return Error{fmt.Errorf("both %s and %s are set", s.name, s.name+fileSuffix), "unset one of them"}
		}
		secret, err := ReadSecret(path)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name+fileSuffix, err)
		}
		s.value.SetString(string(secret))
	}
	return nil
}

// SecretFiles returns the files that secrets of the parts are read from, by the variables that name them.
func SecretFiles(parts ...any) map[string]string {
	files := make(map[string]string)
	for _, s := range settings(parts) {
		if path := os.Getenv(s.name + fileSuffix); s.secret() && path != "" {
			files[s.name+fileSuffix] = path
		}
	}
	return files
}

// ReadSecret reads a secret that stands alone in a file.
func ReadSecret(path string) (schemas.Secret, error) {
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
func refuseUnknown(all []setting, environ []string) error {
	var known []string
	for _, s := range all {
		known = append(known, s.name)
		if s.secret() {
			known = append(known, s.name+fileSuffix)
		}
	}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) || slices.Contains(known, name) {
			continue
		}
		hint := "`altavoz config --help` lists all variables"
		near := slices.MinFunc(known, func(a, b string) int { return rules.Distance(name, a) - rules.Distance(name, b) })
		if rules.Distance(name, near) <= maxTypos {
			hint = "did you mean " + near + "?"
		}
		return Error{fmt.Errorf("there is no setting %s", name), hint}
	}
	return nil
}

// A Setting is one line of the configuration, for people. Secrets are masked.
type Setting struct {
	Name    string
	Value   string
	Help    string
	Default bool // as in an empty environment
}

// Settings returns what is in the parts; defaults are the same parts in an empty environment.
func Settings(parts, defaults []any) []Setting {
	usual := settings(defaults)
	var out []Setting
	for i, s := range settings(parts) {
		line := Setting{Name: s.name, Help: s.help, Value: printed(s), Default: reflect.DeepEqual(s.value.Interface(), usual[i].value.Interface())}
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
