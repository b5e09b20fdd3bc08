package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"altavoz/whatsapp/simulator/content"
	"altavoz/whatsapp/simulator/faults"
	"altavoz/whatsapp/simulator/ledger"
	"altavoz/whatsapp/simulator/pages"
	"altavoz/whatsapp/simulator/server"
	"altavoz/whatsapp/simulator/templates"
	"altavoz/whatsapp/simulator/webhooks"
)

const (
	// DefaultRecords is how many messages are remembered in full, at some 300 bytes each.
	DefaultRecords = 100_000

	maxBody    = 256 << 10 // bytes of a message; the longest valid one has about 15 KiB
	apiVersion = "v25.0"
)

// Number is a sender number that exists here.
type Number struct {
	ID    string // phone_number_id
	Token string // what opens it
}

// Config says what the simulated account looks like.
type Config struct {
	// Numbers that exist. Empty: every id of digits exists, and every token opens it.
	Numbers []Number
	// Faults from the start, as faults.Parse reads them.
	Faults string
	// Seed decides ids and which requests the faults hit.
	Seed uint64
	// Records is how many messages are remembered in full; 0: DefaultRecords, negative: none. Beyond it, some 30 bytes a message remain,
	// enough to count what came twice.
	Records int
	// PlainPhones takes the magic out of the endings of phones; AnyEndings gives it to those that are not reserved (faults.Reserved) too.
	PlainPhones bool
	AnyEndings  bool
	// DirectSend allows the field category from the start.
	DirectSend bool
	// Webhooks says where statuses go.
	Webhooks Webhooks
	// Addr is where Serve listens as it was configured: requests to its host are answered.
	Addr string
	// Listen opens Serve's listener again, after the rule refused; nil: net.Listen.
	Listen func(network, addr string) (net.Listener, error)
	// TLS has Serve speak HTTPS, with its certificates, and HTTP/2 to who wants it.
	TLS    *tls.Config
	Logger *slog.Logger
}

// AccountID is the id of the account that all numbers belong to.
const AccountID = webhooks.AccountID

// Webhooks says where statuses go, and how; without a URL there are none.
type Webhooks = webhooks.Config

// Simulator is a Cloud API. It is safe for concurrent use.
type Simulator struct {
	cfg    Config
	tokens map[string]string
	rules  atomic.Pointer[faults.Rules]
	// account is what Meta allows now.
	account atomic.Pointer[Account]
	known   content.Known
	hooks   *webhooks.Engine // nil: none
	log     *slog.Logger
	// templates are those of the account, whatever it is called.
	templates *templates.Store
	// changed tells Serve of new rules.
	changed chan struct{}

	mu      sync.Mutex // guards what follows; never held while writing to or reading from a client
	ledger  *ledger.Ledger
	numbers map[string]*numberState
	media   map[string]*mediaFile
	magic   map[string]int // calls to phones with a magic ending that counts
	people  *ledger.People
	prices  *ledger.Prices
	reach   *ledger.Reach
	traces  uint64
}

type numberState struct {
	calls  int // of any kind
	limits *faults.Limits
	rate   ledger.Window
}

// New returns a simulator. It panics on faults and webhooks that can't be: they are the caller's own words, or were checked with
// faults.Parse and Webhooks.Validate.
func New(cfg Config) *Simulator {
	if cfg.Records == 0 {
		cfg.Records = DefaultRecords
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Listen == nil {
		cfg.Listen = net.Listen
	}
	s := &Simulator{
		cfg: cfg, tokens: make(map[string]string, len(cfg.Numbers)), log: cfg.Logger,
		ledger: ledger.New(max(cfg.Records, 0)), numbers: map[string]*numberState{}, media: map[string]*mediaFile{}, magic: map[string]int{},
		people: ledger.NewPeople(), prices: ledger.NewPrices(), reach: ledger.NewReach(), templates: templates.New(), changed: make(chan struct{}, 1),
	}
	s.account.Store(&Account{DirectSend: cfg.DirectSend, MarketingTerms: true, MarketingOnMessages: true})
	for _, n := range cfg.Numbers {
		s.tokens[n.ID] = n.Token
	}
	err := s.SetFaults(cfg.Faults)
	if err == nil && cfg.Webhooks.URL != "" {
		if cfg.Webhooks.Logger == nil {
			cfg.Webhooks.Logger = cfg.Logger
		}
		s.hooks, err = webhooks.New(cfg.Webhooks, s.told)
	}
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err))
	}
	return s
}

// SetFaults replaces the faults by those that faults.Parse reads in text.
func (s *Simulator) SetFaults(text string) error {
	rules, err := faults.Parse(text, time.Now())
	if err != nil {
		return err
	}
	s.rules.Store(rules)
	select {
	case s.changed <- struct{}{}:
	default: // it is going to look anyway
	}
	return nil
}

// Faults returns the faults in force, as they were set.
func (s *Simulator) Faults() string { return s.rules.Load().Text(time.Now()) }

// Ledger returns the messages that a phone got, in order; of all phones where phone is empty. Messages beyond Config.Records are
// not among them.
func (s *Simulator) Ledger(phone string) []ledger.Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Of(phone)
}

// Calls says how often a message with this callback data was asked for, how many of these calls were not plainly refused, and
// how many were accepted.
func (s *Simulator) Calls(callback string) (calls, open, accepted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Calls(hash(callback))
}

// Withheld says how many calls with this callback data got no answer of the Cloud API because a fault took it: neither an
// acceptance nor a refusal.
func (s *Simulator) Withheld(callback string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Withheld(hash(callback))
}

// Summary returns the ledger in numbers.
func (s *Simulator) Summary() ledger.Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.ledger.Summary()
	sum.Prices = s.prices.All()
	sum.PeopleADay = s.reach.Most()
	for id, n := range s.numbers {
		sum.MaxRateByNumber[id] = n.rate.Highest()
	}
	if s.hooks != nil {
		sum.Webhooks = s.hooks.Counts()
	}
	return sum
}

// Handler serves the Cloud API under any version, or none, and /_simulator beside it. Webhooks are sent while SendWebhooks runs.
func (s *Simulator) Handler() http.Handler { return s.handler(context.Background()) }

// handler serves until stop ends, which wakes those who wait for a latency to pass.
func (s *Simulator) handler(stop context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(&exchange{w: w, r: r, stop: stop.Done()})
	})
}

// Serve answers on l, and sends webhooks, until ctx ends; then it drops what is open and what is pending, and returns when nothing
// runs any more. While the rule refused is in force it has no listener. Web pages get nothing.
func (s *Simulator) Serve(ctx context.Context, l net.Listener) error {
	sending, endSending := context.WithCancel(context.WithoutCancel(ctx))
	var sender sync.WaitGroup
	sender.Go(func() { s.SendWebhooks(sending) })
	defer sender.Wait()
	defer endSending()
	err := server.Serve(ctx, l, server.Config{
		Handler: pages.Refuse(l.Addr(), s.cfg.Addr, s.handler(ctx)), TLS: s.cfg.TLS, Listen: s.cfg.Listen, Changed: s.changed, Logger: s.log,
		Refused: func(now time.Time) time.Time { return s.rules.Load().Refused(now) },
	})
	if err != nil {
		return fmt.Errorf("serving the simulator: %w", err)
	}
	return nil
}

// exchange is one request on its way through.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	stop   <-chan struct{}
	number string
	// account says that number is the id of an account.
	account bool
	// marketing says that the message came to /marketing_messages.
	marketing bool
}

// wait lets a latency pass. A client that has gone does not cut it short: what it sent is being dealt with.
func (x *exchange) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-x.stop:
		panic(http.ErrAbortHandler) // closes the connection, by contract with net/http
	}
}

var version = regexp.MustCompile(`^v\d+\.\d+$`)

func (s *Simulator) serve(x *exchange) {
	w, r := x.w, x.r
	path := strings.Trim(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, "_simulator"); ok {
		s.control(w, r, strings.Trim(rest, "/"))
		return
	}
	first, rest, _ := strings.Cut(path, "/")
	if version.MatchString(first) {
		first, rest, _ = strings.Cut(rest, "/")
	}
	x.number = first
	switch {
	case r.Method == http.MethodPost && rest == "messages":
		s.messages(x)
	case r.Method == http.MethodPost && rest == "marketing_messages":
		x.marketing = true
		s.messages(x)
	case r.Method == http.MethodPost && rest == "media":
		s.upload(x)
	case r.Method == http.MethodGet && rest == "message_templates":
		x.account = true
		s.listTemplates(x)
	case r.Method == http.MethodGet && rest == "" && s.isNumber(first, r.URL.Query().Has("fields")):
		s.describeNumber(x)
	case r.Method == http.MethodGet && rest == "":
		s.describeMedia(x)
	case r.Method == http.MethodDelete && rest == "":
		s.deleteMedia(x)
	default:
		s.refuse(x, &apiError{status: http.StatusBadRequest, Code: 2500, Type: typeOAuth, Message: "Unknown path components: /" + rest})
	}
}

// authorize checks token and number, in this order.
func (s *Simulator) authorize(x *exchange) *apiError {
	token, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return &apiError{status: http.StatusUnauthorized, Code: 190, Type: typeOAuth, Message: "An access token is required to request this resource."}
	}
	if len(s.tokens) == 0 {
		if !isDigits(x.number) {
			return noObject(x.number)
		}
		return nil
	}
	known := false
	for _, t := range s.tokens {
		known = known || t == token
	}
	switch {
	case !known:
		return &apiError{status: http.StatusUnauthorized, Code: 190, Type: typeOAuth, Message: "Invalid OAuth access token - Cannot parse access token"}
	case x.account && x.number == webhooks.AccountID: // each token is the account's
		return nil
	}
	if want, ok := s.tokens[x.number]; !ok || want != token {
		return noObject(x.number)
	}
	return nil
}

// answer writes an answer of the API and reports whether it left.
func (s *Simulator) answer(w http.ResponseWriter, status int, body []byte) error {
	trace := s.trace()
	values := []string{"application/json; charset=UTF-8", apiVersion, trace, strconv.Itoa(len(body))}
	h := w.Header()
	h["Content-Type"] = values[0:1]
	h["Facebook-Api-Version"] = values[1:2]
	h["X-Fb-Request-Id"] = values[2:3]
	h["X-Fb-Trace-Id"] = values[2:3]
	h["Content-Length"] = values[3:4]
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("answering: %w", err)
	}
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
