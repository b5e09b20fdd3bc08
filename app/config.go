package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"altavoz/app/admission"
	"altavoz/app/environment"
	"altavoz/app/keys"
	"altavoz/app/numbers"
	"altavoz/app/secure"
	"altavoz/app/trimming"
	"altavoz/app/upstream"
	"altavoz/processor/sender"
	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/producer/connections"
	"altavoz/producer/dryrun/rates"
	"altavoz/producer/guard"
	"altavoz/producer/identity"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/whatsapp"
	"altavoz/whatsapp/marketing"
	"altavoz/whatsapp/media"
)

// Config is everything that can be set, one struct for each subject. Default fills it in; Load reads the environment over that.
type Config struct {
	Process  ProcessConfig
	HTTP     HTTPConfig
	Kafka    KafkaConfig
	Redis    RedisConfig
	WhatsApp WhatsAppConfig
	Media    MediaConfig
	Callback CallbackConfig
	Embedded EmbeddedConfig
	Client   ClientConfig

	APIGiven bool // whether somebody chose the Cloud API's address, be it Meta's
}

// ProcessConfig is what this process is among the others.
type ProcessConfig struct {
	Roles Roles `envconfig:"ALTAVOZ_ROLES" help:"what this process does: all, or some of producer, fanout, sender, aggregator, callbacks"`
	// A process that is started again under its instance id goes on with its partitions at once.
	InstanceID string `envconfig:"ALTAVOZ_INSTANCE_ID" help:"a name of its own that stays over restarts; empty: none"`
	// The same for every process. The newest first: ids of the others are looked up.
	IDSecret  schemas.Secret `envconfig:"ALTAVOZ_ID_SECRET" help:"what ids of requests and the owners of broadcasts are proved with, newest first, separated by commas; empty: made once, and kept in Kafka"`
	LogLevel  slog.Level     `envconfig:"ALTAVOZ_LOG_LEVEL" help:"debug, info, warn or error"`
	LogFormat string         `envconfig:"ALTAVOZ_LOG_FORMAT" help:"json or text; empty: text on a terminal"`
}

// HTTPConfig is the HTTP server's, for callers of the API.
type HTTPConfig struct {
	Addr          string            `envconfig:"ALTAVOZ_HTTP_ADDR" help:"where the API listens"`
	AdminAddr     string            `envconfig:"ALTAVOZ_ADMIN_ADDR" help:"where /metrics listens, for whoever reaches it; empty: with the API, for keys with the scope control or admin; on loopback without API keys for this machine"`
	Pprof         bool              `envconfig:"ALTAVOZ_PPROF" help:"whether profiles of Go are at /debug/pprof/ of ALTAVOZ_ADMIN_ADDR, for whoever reaches it"`
	APIKeys       schemas.Secret    `envconfig:"ALTAVOZ_API_KEYS" help:"who may call, as name:secret separated by commas; empty: everybody"`
	KeysFile      string            `envconfig:"ALTAVOZ_KEYS_FILE" help:"JSON with more keys and what each may do, read again when it changes: [{\"owner\", \"secrets\", \"scopes\", ...}]"`
	MaxBody       environment.Bytes `envconfig:"ALTAVOZ_MAX_BODY" help:"the largest request"`
	DirectTimeout time.Duration     `envconfig:"ALTAVOZ_DIRECT_TIMEOUT" help:"how long an answer waits for a broadcast that is not queued"`

	TrustedProxies []string `envconfig:"ALTAVOZ_TRUSTED_PROXIES" help:"addresses and networks of proxies before it, whose X-Forwarded-For says who tries wrong keys"`
	MaxConnections int      `envconfig:"ALTAVOZ_MAX_CONNECTIONS" help:"connections of HTTP clients at once; half of the descriptors that the process may have, if that is less"`
}

// KafkaConfig is where Kafka is.
type KafkaConfig struct {
	Brokers        []string `envconfig:"ALTAVOZ_KAFKA_BROKERS" help:"host:port, separated by commas; empty: embedded (up)"`
	TopicPrefix    string   `envconfig:"ALTAVOZ_KAFKA_TOPIC_PREFIX" help:"of the names of topics and groups"`
	UpstreamOwner  string   `envconfig:"ALTAVOZ_UPSTREAM_OWNER" help:"whose the broadcasts are that others write to the topic broadcasts"`
	UpstreamTopics []string `envconfig:"ALTAVOZ_UPSTREAM_TOPICS" help:"topics that upstream systems have of their own, and whose each is: TOPIC=OWNER separated by commas, topics without the prefix"`
	// Shorter notices a dead broker sooner, longer sits out a slow one.
	RequestTimeout time.Duration  `envconfig:"ALTAVOZ_KAFKA_REQUEST_TIMEOUT" help:"how long a broker may take to answer"`
	TrimSends      time.Duration  `envconfig:"ALTAVOZ_KAFKA_TRIM_SENDS" help:"after how long sends that are done are removed from a Kafka of one's own, as 24h; 0: by the retention of their topics only"`
	TLS            bool           `envconfig:"ALTAVOZ_KAFKA_TLS" help:"whether the brokers speak TLS"`
	CAFile         string         `envconfig:"ALTAVOZ_KAFKA_CA_FILE" help:"certificates of the brokers' authority; empty: the system's"`
	CertFile       string         `envconfig:"ALTAVOZ_KAFKA_CERT_FILE" help:"our own certificate, where the brokers ask for one"`
	KeyFile        string         `envconfig:"ALTAVOZ_KAFKA_KEY_FILE" help:"its key"`
	SASLMechanism  string         `envconfig:"ALTAVOZ_KAFKA_SASL_MECHANISM" help:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: none"`
	SASLUser       string         `envconfig:"ALTAVOZ_KAFKA_SASL_USER" help:"who we are to the brokers"`
	SASLPassword   schemas.Secret `envconfig:"ALTAVOZ_KAFKA_SASL_PASSWORD" help:"the password of that user"`
}

// RedisConfig is where Redis or Valkey is, if there is one.
type RedisConfig struct {
	Addrs    []string       `envconfig:"ALTAVOZ_REDIS_ADDRS" help:"host:port, several for a cluster; empty: media ids are remembered in memory"`
	Username string         `envconfig:"ALTAVOZ_REDIS_USERNAME" help:"who we are to Redis"`
	Password schemas.Secret `envconfig:"ALTAVOZ_REDIS_PASSWORD" help:"the password of that user"`
	DB       int            `envconfig:"ALTAVOZ_REDIS_DB" help:"number of the database"`
	TLS      bool           `envconfig:"ALTAVOZ_REDIS_TLS" help:"whether Redis speaks TLS"`
	CAFile   string         `envconfig:"ALTAVOZ_REDIS_CA_FILE" help:"certificates of its authority; empty: the system's"`
}

// WhatsAppConfig is the Cloud API and the numbers to send from.
type WhatsAppConfig struct {
	BaseURL       string         `envconfig:"ALTAVOZ_WHATSAPP_BASE_URL" help:"the Cloud API"`
	APIVersion    string         `envconfig:"ALTAVOZ_WHATSAPP_API_VERSION" help:"its version"`
	PhoneNumberID string         `envconfig:"ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID" help:"the number to send from"`
	AccessToken   schemas.Secret `envconfig:"ALTAVOZ_WHATSAPP_ACCESS_TOKEN" help:"its token"`
	People        int            `envconfig:"ALTAVOZ_WHATSAPP_MESSAGING_LIMIT" help:"to how many people Meta lets its business write within 24 hours outside their windows, and that of numbers which name none (250, 2000, 10000, 100000); 0: to as many as it likes"`
	AccountID     string         `envconfig:"ALTAVOZ_WHATSAPP_ACCOUNT_ID" help:"the WhatsApp Business Account (WABA) that it, and numbers which name none, belong to: templates are checked there; empty: they are not"`
	MarketingPath string         `envconfig:"ALTAVOZ_WHATSAPP_MARKETING_PATH" help:"where it, and numbers which name no marketing_path, send templates that their account has as MARKETING: messages, or marketing_messages"`
	ProductPolicy string         `envconfig:"ALTAVOZ_WHATSAPP_PRODUCT_POLICY" help:"of marketing_messages: CLOUD_API_FALLBACK or STRICT; empty: Meta's own"`
	ShareActivity string         `envconfig:"ALTAVOZ_WHATSAPP_MESSAGE_ACTIVITY_SHARING" help:"of marketing_messages: true or false; empty: Meta's own"`
	AppSecret     schemas.Secret `envconfig:"ALTAVOZ_WHATSAPP_APP_SECRET" help:"signs the receipts that Meta posts; two, separated by a comma or a line, while one replaces the other; empty: they are taken unsigned, and only where no API key is asked for"`
	VerifyToken   schemas.Secret `envconfig:"ALTAVOZ_WHATSAPP_VERIFY_TOKEN" help:"what Meta shows to register /api/webhooks/whatsapp"`
	Rate          float64        `envconfig:"ALTAVOZ_WHATSAPP_RATE" help:"messages a second that Meta allows it; 0: no limit"`
	MaxInFlight   int            `envconfig:"ALTAVOZ_WHATSAPP_MAX_IN_FLIGHT" help:"most calls of a sender number under way at once; of all together three eighths more"`
	HTTP2         bool           `envconfig:"ALTAVOZ_WHATSAPP_HTTP2" help:"whether calls share connections of HTTP/2, which costs more CPU a call"`
	SendersFile   string         `envconfig:"ALTAVOZ_SENDERS_FILE" help:"JSON with more numbers, read again when it changes: [{\"id\", \"name\", \"token\" or \"token_file\", \"rate\", \"account\"}]"`
	RatesFile     string         `envconfig:"ALTAVOZ_RATES_FILE" help:"CSV with what messages cost, for the estimate of dry runs: country,category,price,currency; empty: none"`
	DefaultRegion string         `envconfig:"ALTAVOZ_DEFAULT_REGION" help:"country of phones written without a country code"`
}

// MediaConfig is what becomes of files.
type MediaConfig struct {
	URLMode    media.URLMode `envconfig:"ALTAVOZ_MEDIA_URL_MODE" help:"auto: fetch a URL and upload the file; link: let WhatsApp fetch it"`
	FetchAllow []string      `envconfig:"ALTAVOZ_MEDIA_FETCH_ALLOW" help:"host:port and networks that may be fetched from although they are private"`
}

// CallbackConfig is how upstream systems are told over HTTP what happens to their tasks. Where that may go is MediaConfig.FetchAllow's too.
type CallbackConfig struct {
	Secrets schemas.Secret `envconfig:"ALTAVOZ_CALLBACK_SECRETS" help:"what callbacks are signed with: [owner:]whsec_<base64 of 24 to 64 bytes>, separated by commas; two of an owner while one is replaced; empty: no callbacks"`
}

// EmbeddedConfig is what `up` brings along where nothing is configured.
type EmbeddedConfig struct {
	DataDir       string            `envconfig:"ALTAVOZ_DATA_DIR" help:"where the embedded Kafka keeps its log"`
	DataBudget    environment.Bytes `envconfig:"ALTAVOZ_DATA_BUDGET" help:"the most that the embedded Kafka keeps there: above 80 % of it finished work is trimmed, and broadcasts are refused when all of it is taken; 0: no bound"`
	KafkaAddr     string            `envconfig:"ALTAVOZ_EMBEDDED_KAFKA_ADDR" help:"where the embedded Kafka listens"`
	SimulatorAddr string            `envconfig:"ALTAVOZ_SIMULATOR_ADDR" help:"where the Cloud API simulator listens"`
	Faults        string            `envconfig:"ALTAVOZ_SIMULATOR_FAULTS" help:"rules of the simulator, as altavoz simulate --faults has them, separated by ';'"`
	AnyEndings    bool              `envconfig:"ALTAVOZ_SIMULATOR_ANY_ENDINGS" help:"whether any phone may have an ending that fails on purpose, not only 57399..."`
}

// ClientConfig is for the commands that talk to a running altavoz.
type ClientConfig struct {
	URL    string         `envconfig:"ALTAVOZ_URL" help:"the API that send and watch talk to"`
	APIKey schemas.Secret `envconfig:"ALTAVOZ_API_KEY" help:"the key they show"`
}

// Where the embedded Kafka and simulator listen: Kafka's usual port, and one near the API's.
const (
	defaultHTTPAddr      = "127.0.0.1:8080"
	defaultKafkaAddr     = "127.0.0.1:9092"
	defaultSimulatorAddr = "127.0.0.1:8088"
	defaultUpstream      = "upstream"
	defaultRate          = 80 // messages a second of a new number at Meta
	defaultDataBudget    = 4 << 30
	leastDataBudget      = 16 << 20 // below it the segments that are written to fill it

	// The sender number of a process that talks to its own simulator, and what opens it.
	simulatedNumber = "100000000000001"
	simulatedToken  = "simulated"
)

// parts are the structs of the configuration, one a subject.
func (c *Config) parts() []any {
	return []any{&c.Process, &c.HTTP, &c.Kafka, &c.Redis, &c.WhatsApp, &c.Media, &c.Callback, &c.Embedded, &c.Client}
}

// Load returns the configuration that the environment describes. It is not validated yet: what is missing depends on what
// is to be run.
func Load() (*Config, error) {
	c := Default()
	if err := environment.Read(c.parts()...); err != nil {
		return nil, err
	}
	c.APIGiven = environment.Given("ALTAVOZ_WHATSAPP_BASE_URL")
	return &c, nil
}

// Settings returns the configuration as it is in force.
func (c *Config) Settings() []environment.Setting {
	def := Default()
	return environment.Settings(c.parts(), def.parts())
}

// Default is the configuration of an empty environment.
func Default() Config {
	return Config{
		Process: ProcessConfig{Roles: AllRoles(), LogLevel: slog.LevelInfo},
		HTTP:    HTTPConfig{Addr: defaultHTTPAddr, MaxBody: request.MaxBodyBytes, MaxConnections: connections.Most, DirectTimeout: producer.DefaultDirectTimeout},
		Kafka:   KafkaConfig{TopicPrefix: "altavoz.", UpstreamOwner: defaultUpstream, RequestTimeout: 10 * time.Second},
		WhatsApp: WhatsAppConfig{
			BaseURL: whatsapp.DefaultBaseURL, APIVersion: whatsapp.DefaultVersion, Rate: defaultRate,
			MaxInFlight: sender.DefaultMaxInFlight, DefaultRegion: "CO", MarketingPath: marketing.Messages,
		},
		Media:    MediaConfig{URLMode: media.URLAuto},
		Embedded: EmbeddedConfig{DataDir: "./altavoz-data", DataBudget: defaultDataBudget, KafkaAddr: defaultKafkaAddr, SimulatorAddr: defaultSimulatorAddr},
		Client:   ClientConfig{URL: "http://" + defaultHTTPAddr},
	}
}

// Validate reports the first thing that cannot be.
func (c *Config) Validate() error {
	return errors.Join(c.Process.Validate(), c.HTTP.Validate(c.Process.Roles), c.Kafka.Validate(), c.Redis.Validate(),
		c.WhatsApp.Validate(), c.Media.Validate(), c.Embedded.Validate())
}

// Validate reports what cannot be.
func (c ProcessConfig) Validate() error {
	if !slices.Contains([]string{"", "json", "text"}, c.LogFormat) {
		return fmt.Errorf("ALTAVOZ_LOG_FORMAT=%s is neither json nor text", c.LogFormat)
	}
	if _, err := identity.Parse(c.IDSecret); err != nil {
		return withHint(fmt.Errorf("ALTAVOZ_ID_SECRET: %w", err), "openssl rand -base64 32 makes one; the new one stands before the one that it replaces")
	}
	return nil
}

// keys says where the API keys are.
func (c HTTPConfig) keys() keys.Config { return keys.Config{Short: c.APIKeys, File: c.KeysFile} }

// Validate reports what cannot be. A server that others than this machine can reach must ask for keys.
func (c HTTPConfig) Validate(roles Roles) error {
	if err := checkAddr("ALTAVOZ_HTTP_ADDR", c.Addr); err != nil {
		return err
	}
	if c.AdminAddr != "" {
		if err := checkAddr("ALTAVOZ_ADMIN_ADDR", c.AdminAddr); err != nil {
			return err
		}
	}
	if c.Pprof && c.AdminAddr == "" {
		return withHint(errors.New("ALTAVOZ_PPROF is set and ALTAVOZ_ADMIN_ADDR is not: profiles are not served beside the API"), "set ALTAVOZ_ADMIN_ADDR=127.0.0.1:9100")
	}
	if _, err := keys.Read(c.keys()); err != nil {
		return err
	}
	if _, err := guard.ParseTrusted(c.TrustedProxies); err != nil {
		return withHint(fmt.Errorf("ALTAVOZ_TRUSTED_PROXIES: %w", err), "addresses and networks, as 10.0.0.7,192.168.0.0/16")
	}
	if roles.Has(RoleProducer) && c.keys().None() && !admission.Loopback(c.Addr) {
		return withHint(fmt.Errorf("%s can be reached from outside, and ALTAVOZ_API_KEYS is empty: anybody could send", c.Addr),
			"set ALTAVOZ_API_KEYS=name:secret (or ALTAVOZ_API_KEYS_FILE, or ALTAVOZ_KEYS_FILE), or listen on 127.0.0.1")
	}
	if c.MaxBody <= 0 || c.MaxBody > request.MaxBodyBytes {
		return fmt.Errorf("ALTAVOZ_MAX_BODY=%s is not between 1 and %s", c.MaxBody, environment.Bytes(request.MaxBodyBytes))
	}
	if c.MaxConnections < 1 {
		return fmt.Errorf("ALTAVOZ_MAX_CONNECTIONS=%d is below 1", c.MaxConnections)
	}
	if c.DirectTimeout <= 0 {
		return fmt.Errorf("ALTAVOZ_DIRECT_TIMEOUT=%s is not above zero", c.DirectTimeout)
	}
	return nil
}

// guessable reports a key that anybody could guess, where others than this machine reach the address: a process does not start with it.
func (c HTTPConfig) guessable() error {
	if err := access.WeakShort(c.APIKeys); err != nil && !admission.Loopback(c.Addr) {
		return withHint(fmt.Errorf("%s can be reached from outside, and a key can be guessed: %w", c.Addr, err),
			"make one with `openssl rand -hex 24`; two secrets of one name are valid while one replaces the other")
	}
	return nil
}

// Validate reports what cannot be.
func (c KafkaConfig) Validate() error {
	for _, b := range c.Brokers {
		if err := checkAddr("ALTAVOZ_KAFKA_BROKERS", b); err != nil {
			return err
		}
	}
	if c.TrimSends != 0 && c.TrimSends < trimming.Least {
		return withHint(fmt.Errorf("ALTAVOZ_KAFKA_TRIM_SENDS=%s is below %s", c.TrimSends, trimming.Least), "some hours, as 24h; 0: sends are kept for the retention of their topics")
	}
	if c.TrimSends != 0 && len(c.Brokers) == 0 {
		return withHint(errors.New("ALTAVOZ_KAFKA_TRIM_SENDS is set without ALTAVOZ_KAFKA_BROKERS"), "the embedded Kafka is trimmed within ALTAVOZ_DATA_BUDGET")
	}
	if !access.IsOwner(c.UpstreamOwner) {
		return withHint(fmt.Errorf("ALTAVOZ_UPSTREAM_OWNER=%q is no owner", c.UpstreamOwner), access.OwnerRule)
	}
	if _, err := upstream.Parse(c.UpstreamTopics); err != nil {
		return withHint(fmt.Errorf("ALTAVOZ_UPSTREAM_TOPICS: %w", err), upstream.Rule)
	}
	if _, err := secure.SASL(c.SASLMechanism, c.SASLUser, c.SASLPassword, nil); err != nil {
		return err
	}
	_, err := secure.TLS(c.TLS, "ALTAVOZ_KAFKA", c.CAFile, c.CertFile, c.KeyFile)
	return err
}

// Validate reports what cannot be.
func (c RedisConfig) Validate() error {
	for _, a := range c.Addrs {
		if err := checkAddr("ALTAVOZ_REDIS_ADDRS", a); err != nil {
			return err
		}
	}
	_, err := secure.TLS(c.TLS, "ALTAVOZ_REDIS", c.CAFile, "", "")
	return err
}

// numbers says where the sender numbers are.
func (c WhatsAppConfig) numbers() numbers.Config {
	return numbers.Config{ID: c.PhoneNumberID, Token: c.AccessToken, Rate: c.Rate, File: c.SendersFile, Region: c.DefaultRegion, Account: c.AccountID, People: c.People, Marketing: marketing.Setting{Path: c.MarketingPath, Policy: c.ProductPolicy, Sharing: c.ShareActivity}}
}

// Meta reports whether calls go to Meta, and not to a gateway or a simulator.
func (c WhatsAppConfig) Meta() bool {
	u, err := url.Parse(c.BaseURL)
	return err == nil && strings.HasSuffix(strings.ToLower("."+u.Hostname()), ".facebook.com")
}

// Validate reports what cannot be.
func (c WhatsAppConfig) Validate() error {
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return withHint(fmt.Errorf("ALTAVOZ_WHATSAPP_BASE_URL=%s is no URL", c.BaseURL), "it looks like "+whatsapp.DefaultBaseURL)
	}
	if c.VerifyToken != "" && c.AppSecret == "" { // Meta comes from outside, and with it whoever else does
		return withHint(errors.New("ALTAVOZ_WHATSAPP_VERIFY_TOKEN is set without ALTAVOZ_WHATSAPP_APP_SECRET: anybody could forge receipts"),
			"set the app secret; it stands in Meta's dashboard under App settings, Basic")
	}
	if c.Rate < 0 {
		return fmt.Errorf("ALTAVOZ_WHATSAPP_RATE=%v is below zero", c.Rate)
	}
	if c.MaxInFlight < 1 {
		return fmt.Errorf("ALTAVOZ_WHATSAPP_MAX_IN_FLIGHT=%d is below 1", c.MaxInFlight)
	}
	if len(c.DefaultRegion) != 2 || strings.ToUpper(c.DefaultRegion) != c.DefaultRegion {
		return withHint(fmt.Errorf("ALTAVOZ_DEFAULT_REGION=%s is no country", c.DefaultRegion), "two capital letters, as CO or MX")
	}
	_, noRates := rates.Read(c.RatesFile)
	_, noNumbers := numbers.Read(c.numbers())
	return errors.Join(noRates, noNumbers)
}

// Validate reports what cannot be.
func (c MediaConfig) Validate() error {
	if c.URLMode != media.URLAuto && c.URLMode != media.URLLink {
		return fmt.Errorf("ALTAVOZ_MEDIA_URL_MODE=%s is neither %s nor %s", c.URLMode, media.URLAuto, media.URLLink)
	}
	return nil
}

// Validate reports what cannot be. Nobody is asked who he is there, so nobody from outside may come.
func (c EmbeddedConfig) Validate() error {
	for name, addr := range map[string]string{"ALTAVOZ_EMBEDDED_KAFKA_ADDR": c.KafkaAddr, "ALTAVOZ_SIMULATOR_ADDR": c.SimulatorAddr} {
		if err := checkAddr(name, addr); err != nil {
			return err
		}
		if !admission.Loopback(addr) {
			return withHint(fmt.Errorf("%s=%s can be reached from outside", name, addr), "what is embedded listens on 127.0.0.1 only")
		}
	}
	if c.DataBudget != 0 && c.DataBudget < leastDataBudget {
		return withHint(fmt.Errorf("ALTAVOZ_DATA_BUDGET=%s is below %s", c.DataBudget, environment.Bytes(leastDataBudget)), "some GiB, as 4GiB; 0: no bound")
	}
	return nil
}

func checkAddr(name, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return withHint(fmt.Errorf("%s=%s is no host:port", name, addr), "it looks like 127.0.0.1:8080")
	}
	return nil
}
