package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"altavoz/app/budget"
	"altavoz/app/callback"
	"altavoz/app/embedded"
	"altavoz/app/environment"
	"altavoz/app/keys"
	"altavoz/app/numbers"
	"altavoz/app/trimming"
	"altavoz/app/version"
	"altavoz/kafka"
	"altavoz/kafka/health"
	"altavoz/kafka/topics"
	"altavoz/processor/callbacks/sign"
	"altavoz/producer"
	"altavoz/producer/dryrun/rates"
	"altavoz/producer/guard"
	"altavoz/producer/identity"
	"altavoz/producer/senders"
	"altavoz/schemas"
	"altavoz/whatsapp/signature"
	"altavoz/whatsapp/simulator"
)

// Options is what a process is given besides its configuration. Zero values are those of the real world.
type Options struct {
	Network Network
	Logger  *slog.Logger
}

// App is one process of altavoz: some roles, and what they need.
type App struct {
	cfg     Config
	network Network
	// Whether the network is a simulated one, through which files are fetched too, and in which no proxy is.
	simulated bool
	callbacks *callback.Rules
	log       *slog.Logger
	registry  *prometheus.Registry
	numbers   *numbers.Book
	rates     *rates.Card // nil: nobody has said what messages cost
	keys      *keys.Book
	identity  *identity.Ring // nil where no role asks for it

	web     *web
	health  *health.Health
	kafka   kafka.Config
	layout  kafka.Layout
	clients clients
	// embedded parts, nil where the real ones are configured
	broker   *embedded.Kafka
	budget   *budget.Budget
	trimming *trimming.Sends
	api      *embedded.Simulator

	lifecycle
	running atomic.Bool
	failed  chan error // why it can't go on

	start, stop sync.Once
	startErr    error
	stopErr     error
}

// New returns a process that is not started. What is not configured is embedded.
func New(cfg Config, opts Options) (*App, error) {
	exposed, refused := cfg.exposed()
	if err := errors.Join(cfg.Validate(), cfg.HTTP.guessable(), refused); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	for _, what := range exposed {
		opts.Logger.Warn("others can read what they should not", "what", what)
	}
	a := &App{
		cfg: cfg, network: opts.Network.withDefaults(), simulated: opts.Network.Dial != nil, log: opts.Logger,
		registry: prometheus.NewRegistry(), failed: make(chan error, 1),
	}
	var err error
	if a.numbers, err = numbers.Open(cfg.WhatsApp.numbers(), opts.Logger, a.registry); err != nil {
		return nil, err
	}
	if a.rates, err = rates.Read(cfg.WhatsApp.RatesFile); err != nil {
		return nil, err //nolint:wrapcheck // says all
	}
	if a.keys, err = keys.Open(cfg.HTTP.keys(), opts.Logger, a.registry); err != nil {
		return nil, err
	}
	if a.callbacks, err = callback.New(cfg.Callback.Secrets, environment.Live(callback.Variable, cfg.Callback.Secrets, opts.Logger), cfg.Media.FetchAllow, opts.Logger); err != nil {
		return nil, withHint(err, "secrets are "+sign.Form+"; echo whsec_$(openssl rand -base64 32) makes one")
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	version.Register(a.registry)
	a.health = health.New(a.registry, a.log)
	trusted, err := guard.ParseTrusted(cfg.HTTP.TrustedProxies)
	if err != nil {
		return nil, err
	}
	a.web = &web{
		log: opts.Logger, ready: a.report, keys: a.keys.Table,
		wrong: guard.New(guard.Config{Trusted: trusted, Logger: opts.Logger, Registerer: a.registry}),
	}
	return a, nil
}

// NeedsReal reports what a process lacks that must not bring its own Kafka and Cloud API along.
func (c *Config) NeedsReal() error {
	if len(c.Kafka.Brokers) == 0 {
		return withHint(errors.New("ALTAVOZ_KAFKA_BROKERS is empty"),
			"set it to host:port of your Kafka; `altavoz up` runs everything in one process, with a Kafka of its own")
	}
	if !c.Process.Roles.Has(RoleFanout, RoleSender) {
		return nil
	}
	list, err := numbers.Read(c.WhatsApp.numbers())
	if err == nil && len(list) == 0 {
		err = withHint(errors.New("there is no number to send from"),
			"set ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID and ALTAVOZ_WHATSAPP_ACCESS_TOKEN (or ..._FILE), or ALTAVOZ_SENDERS_FILE")
	}
	return err
}

// Start returns when everything runs, or why it can't. It waits for a Kafka that is not up yet until ctx ends, and answers
// meanwhile that it is alive and not ready. Only its first call does anything.
func (a *App) Start(ctx context.Context) error {
	a.start.Do(func() {
		if a.startErr = a.begin(ctx); a.startErr != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopTimeout)
			defer cancel()
			a.startErr = errors.Join(a.startErr, a.Stop(stop))
		}
	})
	return a.startErr
}

func (a *App) begin(ctx context.Context) error {
	if err := a.web.listen(ctx, a.cfg.HTTP, a.network, a.registry, a.fail); err != nil {
		return err
	}
	if err := a.startEmbedded(ctx); err != nil {
		return err
	}
	a.watchFiles(ctx)
	var err error
	if a.kafka, err = a.cfg.kafkaConfig(a.network, a.log); err != nil {
		return err
	}
	a.kafka.Registerer, a.kafka.Health = a.registry, a.health
	if a.layout, err = topics.Ensure(ctx, a.kafka, a.broker != nil); err != nil {
		return topicsError(err)
	}
	if err := a.openClients(ctx); err != nil {
		return err
	}
	if err := a.startRoles(ctx); err != nil {
		return err
	}
	a.running.Store(true)
	a.log.Info("altavoz runs", "roles", a.cfg.Process.Roles.String(), "http", a.web.addr().String(), "admin", a.web.adminAddr(), "instance_id", a.cfg.Process.InstanceID)
	return nil
}

func topicsError(err error) error {
	if errors.Is(err, topics.ErrMismatch) {
		return withHint(err, "`altavoz topics check` lists what is wrong; a topic of another ALTAVOZ_KAFKA_TOPIC_PREFIX belongs to another installation")
	}
	return kafkaError(err)
}

// startEmbedded starts what nobody configured.
func (a *App) startEmbedded(ctx context.Context) error {
	cfg := a.cfg.Embedded
	if len(a.cfg.Kafka.Brokers) == 0 {
		broker, err := embedded.StartKafka(cfg.DataDir, cfg.KafkaAddr, int64(cfg.DataBudget), a.network.Listen, a.log)
		switch {
		case errors.Is(err, embedded.ErrInUse):
			return withHint(err, "stop that one, or give this one an ALTAVOZ_DATA_DIR of its own")
		case err != nil:
			return withHint(err, "if "+cfg.KafkaAddr+" is a Kafka that you want to use, set ALTAVOZ_KAFKA_BROKERS to it; "+
				"if it is just taken, set ALTAVOZ_EMBEDDED_KAFKA_ADDR to another address")
		}
		a.broker = broker
		a.cfg.Kafka.Brokers = []string{broker.Addr()}
		a.stopLast("embedded kafka", func(context.Context) error { return broker.Stop() })
	}
	if len(a.numbers.List()) == 0 && a.cfg.Process.Roles.Has(RoleFanout, RoleSender) {
		if a.cfg.APIGiven {
			return withHint(fmt.Errorf("ALTAVOZ_WHATSAPP_BASE_URL=%s is set, and there is no number to send from", a.cfg.WhatsApp.BaseURL),
				"set ALTAVOZ_WHATSAPP_PHONE_NUMBER_ID and ALTAVOZ_WHATSAPP_ACCESS_TOKEN, or ALTAVOZ_SENDERS_FILE; without a base URL a simulator is brought along")
		}
		id := simulatedNumber
		account := simulator.Config{Numbers: []simulator.Number{{ID: id, Token: simulatedToken}}, Webhooks: a.simulatedWebhooks(), AnyEndings: cfg.AnyEndings, Logger: a.log}
		api, err := embedded.StartSimulator(ctx, cfg.SimulatorAddr, account, cfg.Faults, a.network.Listen)
		if err != nil {
			return withHint(err, "set ALTAVOZ_SIMULATOR_ADDR to another address; altavoz simulate --help has the rules of ALTAVOZ_SIMULATOR_FAULTS")
		}
		a.log.Info("simulator runs: nothing leaves this machine", "url", api.URL())
		a.api = api
		a.cfg.WhatsApp.BaseURL = api.URL()
		a.numbers.Fix(numbers.Number{ID: id, Token: simulatedToken, Rate: a.cfg.WhatsApp.Rate, Account: simulator.AccountID, Marketing: a.cfg.WhatsApp.numbers().Marketing, People: a.cfg.WhatsApp.People})
		a.stopLast("simulator", func(context.Context) error { return api.Stop() })
	}
	return nil
}

// simulatedWebhooks has the embedded simulator send its receipts to this process, as Meta would. A secret that nobody chose is
// made up: these are not to be forged either.
func (a *App) simulatedWebhooks() simulator.Webhooks {
	if !a.cfg.Process.Roles.Has(RoleProducer) {
		return simulator.Webhooks{}
	}
	if a.cfg.WhatsApp.AppSecret == "" {
		a.cfg.WhatsApp.AppSecret = schemas.Secret(rand.Text())
	}
	return simulator.Webhooks{URL: a.URL() + producer.PathWebhook, Secret: signature.Secrets(a.cfg.WhatsApp.AppSecret)[0].Reveal(), Dial: a.network.Dial}
}

// watchFiles has sender numbers and API keys read again when their files change.
func (a *App) watchFiles(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if a.numbers.Watches() {
		a.watch(ctx, "watch over sender numbers", a.numbers.Watch)
	}
	if a.keys.Watches() {
		a.watch(ctx, "watch over API keys", a.keys.Watch)
	}
}

func (a *App) watch(ctx context.Context, name string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	a.stopLast(name, func(context.Context) error { cancel(); <-done; return nil })
}

// Reloads reports whether there is something that Reload would read again.
func (a *App) Reloads() bool { return a.numbers.Watches() || a.keys.Watches() }

// Reload reads the files of sender numbers and API keys again, at once.
func (a *App) Reload() {
	a.numbers.Reload()
	a.keys.Reload()
}

// fail keeps the first reason why the process can't go on.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// Failed gives the error that ends the process, if one comes. The caller then stops it.
func (a *App) Failed() <-chan error { return a.failed }

// AwaitReady waits until /readyz says ready.
func (a *App) AwaitReady(ctx context.Context) error {
	if a.clients.Statuses == nil {
		return a.ready()
	}
	select {
	case <-a.clients.Statuses.CaughtUp():
		return a.ready()
	case err := <-a.failed:
		a.fail(err)
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting until all tasks are known: %w", context.Cause(ctx))
	}
}

// URL returns where the API answers.
func (a *App) URL() string { return "http://" + dialable(a.web.addr().String()) }

// SimulatorURL returns where the embedded Cloud API answers, "" where there is none.
func (a *App) SimulatorURL() string {
	if a.api == nil {
		return ""
	}
	return a.api.URL()
}

// Brokers returns where Kafka is.
func (a *App) Brokers() []string { return a.cfg.Kafka.Brokers }

// dialable names an address that listens everywhere as one that can be dialled from here.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || (ip != nil && ip.IsUnspecified())) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (a *App) ingressConfig() producer.Config {
	cfg := producer.Config{
		Keys: a.keys.Table, Identity: a.identity, Upstream: a.cfg.Kafka.UpstreamOwner, WrongKeys: a.web.wrong, MaxBody: int64(a.cfg.HTTP.MaxBody), DirectTimeout: a.cfg.HTTP.DirectTimeout,
		Rate:   func(id string) float64 { n, _ := a.numbers.Number(id); return n.Rate },
		Logger: a.log, Registerer: a.registry, Simulated: a.api != nil, Callback: a.callbacks.Check, Room: a.budget.Room,
	}
	cfg.Senders = func() (all []senders.Number) {
		for _, n := range a.numbers.List() {
			all = append(all, senders.Number{ID: n.ID, Name: n.Name, Rate: n.Rate})
		}
		return all
	}
	if len(a.numbers.List()) > 0 { // else whoever sends knows them
		cfg.Sender = a.numbers.Pick
	}
	return cfg
}
