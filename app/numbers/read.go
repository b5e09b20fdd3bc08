package numbers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"altavoz/app/environment"
	"altavoz/app/filewatch"
	"altavoz/schemas"
	"altavoz/whatsapp/marketing"
)

// maxFile is room for ten thousand numbers.
const maxFile = 4 << 20

// Number is one that we can send from.
type Number struct {
	ID    string // phone_number_id
	Name  string // for people; may be empty
	Token schemas.Secret
	Rate  float64 // messages a second that Meta allows it; 0: no limit
	// Business is whose it is: who opts out of one of a business's numbers has opted out of all. "" is that of all numbers which name none.
	Business string
	// Account is the id of its WhatsApp Business Account; "": it is not known, and nothing is known of its templates.
	Account string
	// Marketing is how it sends marketing templates.
	Marketing marketing.Setting
	// People is to how many people its business may write within 24 hours outside their windows (Meta's messaging limit); 0: no limit.
	People int
	// Tokens is how many it has had since the process began: it grows when the token is replaced.
	Tokens uint64
}

// fault is what is wrong with how it sends marketing templates.
func (n *Number) fault() error {
	if n.ID != "" && n.Account == "" && n.Marketing.Path == marketing.Marketing {
		return errors.New("the path marketing_messages needs the account of the number, which says which of its templates are of marketing")
	}
	return n.Marketing.Validate() //nolint:wrapcheck // its caller does
}

// Config says where they are.
type Config struct {
	ID    string // the number of the environment: the default one, if there is any
	Token schemas.Secret
	Rate  float64 // its rate, and that of numbers which name none
	// People is the messaging limit of its business, and of numbers which name none; 0: none.
	People int
	// Account is its WhatsApp Business Account's id, and that of numbers which name none; "": it is not known.
	Account string
	// Marketing is how it sends marketing templates, and numbers that do not say otherwise.
	Marketing marketing.Setting
	File      string // of more; "": none
	// Region is the country of phones that are written without a country code, to tell them from ids.
	Region string
}

// Error is what is wrong with the configuration, and what to do about it.
type Error struct {
	error
	hint string
}

// Unwrap returns what is wrong.
func (e Error) Unwrap() error { return e.error }

// Hint returns what to do about it, for a person.
func (e Error) Hint() string { return e.hint }

// Read returns the configured numbers. The first is that of broadcasts which name none.
func Read(c Config) ([]Number, error) {
	out, _, err := read(c)
	return out, err
}

// Files returns the files that the numbers and their tokens stand in.
func Files(c Config) (paths []string) {
	_, seen, _ := read(c) // Read says what is wrong with them
	return filewatch.Paths(seen)
}

// read also returns the files that it read, as they were before.
func read(c Config) (out []Number, seen []filewatch.Snapshot, err error) {
	if looksLikePhone(c.ID, c.Region) {
		return nil, nil, phoneError("ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID", c.ID)
	}
	if !accountForm.MatchString(c.Account) {
		return nil, nil, Error{
			errors.New("ALTAVOZ_WHATSAPP_ACCOUNT_ID is not up to 32 digits"), "the WhatsApp Business Account ID (WABA ID) stands in the app's dashboard under WhatsApp, API Setup",
		}
	}
	n := Number{ID: c.ID, Token: c.Token, Rate: c.Rate, Account: c.Account, People: c.People, Marketing: c.Marketing}
	if err := n.fault(); err != nil {
		return nil, nil, fmt.Errorf("ALTAVOZ_WHATSAPP_MARKETING_PATH, or what belongs to it: %w", err)
	}
	switch {
	case c.People < 0:
		return nil, nil, errors.New("ALTAVOZ_WHATSAPP_MESSAGING_LIMIT is below zero")
	case c.ID != "" && c.Token != "":
		out = append(out, n)
	case c.ID != "":
		return nil, nil, Error{
			errors.New("ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID is set without ALTAVOZ_WHATSAPP_ACCESS_TOKEN"),
			"set its token, or ALTAVOZ_WHATSAPP_ACCESS_TOKEN_FILE; with neither number nor token, `altavoz up` sends to its simulator",
		}
	case c.Token != "":
		return nil, nil, Error{
			errors.New("ALTAVOZ_WHATSAPP_ACCESS_TOKEN is set without ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID"),
			"a token belongs to a number: set its phone_number_id",
		}
	}
	if c.File == "" {
		return out, nil, nil
	}
	more, seen, err := readFile(c)
	if phone := (Error{}); errors.As(err, &phone) {
		return nil, seen, phone
	}
	if err != nil {
		return nil, seen, Error{
			fmt.Errorf("ALTAVOZ_SENDERS_FILE: %w", err),
			`it should read [{"id":"1234567890","name":"Ventas","token_file":"/run/secrets/token","rate":80}]`,
		}
	}
	known, limits := make(map[string]bool, len(more)+1), make(map[string]Number)
	for _, n := range append(out, more...) {
		if known[n.ID] {
			return nil, seen, fmt.Errorf("ALTAVOZ_SENDERS_FILE: the number %s is there twice", n.ID)
		}
		known[n.ID] = true
		if other, of := limits[n.Business]; of && other.People != n.People {
			return nil, seen, Error{
				fmt.Errorf("the numbers %s and %s are one business's and have the messaging limits %d and %d", other.ID, n.ID, other.People, n.People),
				"all numbers of a business share one limit: give them the same, or a business each",
			}
		}
		limits[n.Business] = n
	}
	return append(out, more...), seen, nil
}

// maxPhone is the most digits of a phone that is taken for one: Meta's ids have 14 and more.
const maxPhone = 13

// looksLikePhone reports whether a phone_number_id is the number itself. Meta's ids are digits, and longer.
func looksLikePhone(id, region string) bool {
	if strings.Trim(id, "0123456789") != "" {
		_, err := schemas.ParsePhone(id, region)
		return err == nil
	}
	if len(id) > maxPhone {
		return false
	}
	_, national := schemas.ParsePhone(id, region)
	_, international := schemas.ParsePhone("+"+id, region)
	return national == nil || international == nil
}

func phoneError(where, id string) error {
	return Error{
		fmt.Errorf("%s is the phone number %s, not its id", where, schemas.Phone(id)),
		"the phone number ID has some 15 digits; Meta shows it in the app's dashboard under WhatsApp, API Setup, below the number",
	}
}

// entry is a number as it stands in the file.
type entry struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Token     string   `json:"token"`
	TokenFile string   `json:"token_file"`
	Rate      *float64 `json:"rate"`
	People    *int     `json:"messaging_limit"`
	Business  string   `json:"business"`
	Account   string   `json:"account"`
	Path      string   `json:"marketing_path"`
	Policy    string   `json:"product_policy"`
	Sharing   *bool    `json:"message_activity_sharing"`
}

// marketing is how it sends marketing templates: as it says, and where it names no path as all do.
func (e *entry) marketing(all marketing.Setting) marketing.Setting {
	s := all
	if e.Path != "" && e.Path != all.Path {
		s = marketing.Setting{Path: e.Path}
	}
	s.Policy = cmp.Or(e.Policy, s.Policy)
	if e.Sharing != nil {
		s.Sharing = strconv.FormatBool(*e.Sharing)
	}
	return s
}

// businessForm is what a business may be called.
var businessForm = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

// accountForm is an id of Meta's.
var accountForm = regexp.MustCompile(`^[0-9]{0,32}$`)

func readFile(c Config) (out []Number, seen []filewatch.Snapshot, err error) {
	path := c.File
	seen = []filewatch.Snapshot{filewatch.Look(path)}
	entries, err := readEntries(path)
	if err != nil {
		return nil, seen, err
	}
	for i, e := range entries {
		n := Number{ID: e.ID, Name: e.Name, Token: schemas.Secret(e.Token), Rate: c.Rate, Business: e.Business, Account: cmp.Or(e.Account, c.Account), People: c.People, Marketing: e.marketing(c.Marketing)}
		if e.Rate != nil {
			n.Rate = *e.Rate
		}
		if e.People != nil {
			n.People = *e.People
		}
		if e.TokenFile != "" {
			if !filepath.IsAbs(e.TokenFile) {
				e.TokenFile = filepath.Join(filepath.Dir(path), e.TokenFile)
			}
			seen = append(seen, filewatch.Look(e.TokenFile))
			if n.Token, err = environment.ReadSecret(e.TokenFile); err != nil {
				return nil, seen, err
			}
		}
		switch {
		case looksLikePhone(n.ID, c.Region):
			return nil, seen, phoneError(fmt.Sprintf("ALTAVOZ_SENDERS_FILE: the id of entry %d of %s", i+1, path), n.ID)
		case n.ID == "":
			return nil, seen, fmt.Errorf("entry %d of %s has no id", i+1, path)
		case n.Token == "" || (e.Token != "" && e.TokenFile != ""):
			return nil, seen, fmt.Errorf("entry %d of %s needs one of token and token_file", i+1, path)
		case n.Rate < 0:
			return nil, seen, fmt.Errorf("entry %d of %s has a rate below zero", i+1, path)
		case n.People < 0:
			return nil, seen, fmt.Errorf("entry %d of %s has a messaging limit below zero", i+1, path)
		case !accountForm.MatchString(n.Account):
			return nil, seen, fmt.Errorf("entry %d of %s has an account that is not up to 32 digits", i+1, path)
		case !businessForm.MatchString(n.Business):
			return nil, seen, fmt.Errorf("entry %d of %s has a business that is not up to 64 letters, digits, dots, hyphens and underscores", i+1, path)
		}
		if err := n.fault(); err != nil {
			return nil, seen, fmt.Errorf("entry %d of %s: %w", i+1, path, err)
		}
		out = append(out, n)
	}
	return out, seen, nil
}

func readEntries(path string) (entries []entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the senders: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %s", path, environment.Bytes(maxFile))
	}
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&entries); err != nil {
		return nil, fmt.Errorf("reading the senders of %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the senders of %s: something stands behind the list", path)
	}
	return entries, nil
}
