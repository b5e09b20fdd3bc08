package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"altavoz/app/budget"
	"altavoz/app/embedded"
	"altavoz/app/environment"
	"altavoz/app/ids"
	"altavoz/app/secure"
	"altavoz/app/trimming"
	"altavoz/app/views"
	"altavoz/blob"
	"altavoz/kafka/records"
	"altavoz/processor/sender"
	"altavoz/producer"
	"altavoz/producer/webhooks"
	"altavoz/redis"
	"altavoz/whatsapp"
	"altavoz/whatsapp/media"
	"altavoz/whatsapp/templates"
)

const (
	// expressLinger and bulkLinger are how long a publisher waits to fill a batch: not at all where somebody waits for the
	// answer.
	expressLinger = 0
	bulkLinger    = 5 * time.Millisecond
	// redisPatience is how long a start waits for Redis to answer, so that a file known to it is not uploaded again.
	redisPatience = 2 * time.Second
)

// clients is what a process reaches Kafka, Redis and the Cloud API through, and its HTTP API. What none of its roles needs is nil.
type clients struct {
	express, bulk *records.Publisher
	reader        *records.Reader // of the stages
	exports       *records.Reader // of the producer, with connections of its own: a list of 10,000,000 that is read keeps no stage waiting
	messenger     *whatsapp.Client
	media         *media.Resolver
	ingress       *producer.Ingress
	templates     *templates.Book // nil: nobody asks for them
	redis         *redis.Cache

	views.Views
}

// openClients opens what the roles need: first what the others are made with.
func (a *App) openClients(ctx context.Context) error {
	roles := a.cfg.Process.Roles
	for _, p := range []struct {
		name   string
		linger time.Duration
		into   **records.Publisher
	}{{"bulk publisher", bulkLinger, &a.clients.bulk}, {"express publisher", expressLinger, &a.clients.express}} {
		pub, err := records.NewPublisher(a.kafka, a.layout, p.linger)
		if err != nil {
			return fmt.Errorf("opening the %s: %w", p.name, err)
		}
		*p.into = pub
		a.stopLast(p.name, pub.Close)
		if err := pub.Ready(ctx); err != nil {
			return fmt.Errorf("opening the %s: %w", p.name, err)
		}
	}
	for _, r := range []struct {
		name  string
		roles Roles
		into  **records.Reader
	}{{"reader", Roles{RoleFanout, RoleSender, RoleAggregator, RoleCallbacks}, &a.clients.reader}, {"reader of recipients", Roles{RoleProducer}, &a.clients.exports}} {
		if !roles.Has(r.roles...) {
			continue
		}
		reader, err := records.NewReader(a.kafka)
		if err != nil {
			return fmt.Errorf("opening the %s: %w", r.name, err)
		}
		*r.into = reader
		a.stopLast(r.name, func(context.Context) error { reader.Close(); return nil })
	}
	if roles.Has(RoleFanout, RoleSender) {
		if err := a.openWhatsApp(ctx); err != nil {
			return err
		}
	}
	if roles.Has(RoleProducer, RoleFanout) {
		if err := a.openTemplates(); err != nil {
			return err
		}
	}
	if roles.Has(RoleProducer, RoleFanout) {
		var err error
		if a.identity, err = ids.FromKafka(ctx, a.kafka, a.cfg.Process.IDSecret, a.clients.express.Publish, a.log); err != nil {
			return err
		}
	}
	var err error
	//nolint:contextcheck // a view lives until Stop
	a.clients.Views, err = views.Open(a.kafka, a.layout, a.numbers, views.Needs{
		Statuses: roles.Has(RoleProducer, RoleFanout), Controls: roles.Has(RoleProducer, RoleFanout, RoleSender), OptOuts: roles.Has(RoleProducer, RoleSender), Names: roles.Has(RoleFanout), Inbound: roles.Has(RoleSender), People: roles.Has(RoleSender), Sent: roles.Has(RoleProducer),
	})
	if err != nil {
		return err //nolint:wrapcheck // it says which view
	}
	a.stopLast("views", func(context.Context) error { a.clients.Stop(); return nil })
	if bytes := a.cfg.Embedded.DataBudget; a.broker != nil && bytes > 0 && a.clients.Statuses != nil { // who does not know the tasks trims nothing
		cfg := budget.Config{Bytes: int64(bytes), Tasks: a.clients.Statuses, Logger: a.log, Registerer: a.registry}
		var stop func(context.Context) error
		if a.budget, stop, err = budget.Open(a.kafka, a.cfg.Embedded.DataDir, cfg); err != nil {
			return err //nolint:wrapcheck // says all
		}
		a.stopLast("client that trims", stop)
	}
	if after := a.cfg.Kafka.TrimSends; after > 0 && roles.Has(RoleSender) {
		var stop func(context.Context) error
		if a.trimming, stop, err = trimming.Open(a.kafka, trimming.Config{After: after, Logger: a.log, Registerer: a.registry}); err != nil {
			return err //nolint:wrapcheck // says all
		}
		a.stopLast("client that trims sends", stop)
	}
	return nil
}

// webhooks returns what receipts are read with, nil where none are taken: without a secret anybody could forge them, so that
// is left to those who may do everything anyway. Where no API key is asked for, only this machine gets in (HTTPConfig.Validate).
func (a *App) webhooks() webhooks.Hooks {
	if a.cfg.WhatsApp.AppSecret == "" && !a.cfg.HTTP.keys().None() {
		a.log.Warn("receipts are not taken: ALTAVOZ_WHATSAPP_APP_SECRET is empty", "path", producer.PathWebhook)
		return nil
	}
	return whatsapp.NewWebhooks(whatsapp.WebhookConfig{
		OptOuts: a.clients.OptOuts.Heard, Inbound: a.clients.OptOuts.Wrote, Tapped: a.clients.Sent.Tapped, AppSecret: a.cfg.WhatsApp.AppSecret, Now: environment.Live("ALTAVOZ_WHATSAPP_APP_SECRET", a.cfg.WhatsApp.AppSecret, a.log), VerifyToken: a.cfg.WhatsApp.VerifyToken, Logger: a.log, Registerer: a.registry,
		Numbers: a.numbers.IDs, Account: a.numbers.Account,
	})
}

func (a *App) openWhatsApp(ctx context.Context) error {
	cfg := whatsapp.Config{
		BaseURL: a.cfg.WhatsApp.BaseURL, Version: a.cfg.WhatsApp.APIVersion, MaxConns: sender.MostCalls(a.cfg.WhatsApp.MaxInFlight), HTTP2: a.cfg.WhatsApp.HTTP2,
		Token: a.numbers.Token, Marketing: a.numbers.Marketing, Dial: a.network.Dial, Logger: a.log, Registerer: a.registry,
	}
	if !a.simulated {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	client, err := whatsapp.New(cfg)
	if err != nil {
		return fmt.Errorf("opening the Cloud API: %w", err)
	}
	a.clients.messenger = client
	a.stopLast("cloud API client", func(context.Context) error { client.Close(); return nil })
	cache, err := a.openCache(ctx)
	if err != nil {
		return err
	}
	files := media.Config{
		Uploader: client, Parts: blob.Reader{Records: a.clients.reader}, Cache: cache, Token: a.numbers.Token,
		URLMode: a.cfg.Media.URLMode, FetchAllow: a.cfg.Media.FetchAllow,
		Logger: a.log, Registerer: a.registry,
	}
	if a.simulated {
		files.FetchDial = a.network.Dial
	}
	if a.clients.media, err = media.New(files); err != nil {
		return fmt.Errorf("opening media: %w", err)
	}
	a.stopLast("media", func(context.Context) error { a.clients.media.Close(); return nil })
	return nil
}

// openTemplates opens the templates of the numbers that are known here.
func (a *App) openTemplates() (err error) {
	cfg := templates.Config{
		BaseURL: a.cfg.WhatsApp.BaseURL, Version: a.cfg.WhatsApp.APIVersion, Token: a.numbers.Token, Account: a.numbers.Account, Dial: a.network.Dial,
		ChangedAt: func(id, name string) time.Time { return a.clients.Controls.Number(id).Templates.ChangedAt(name) },
		Logger:    a.log, Registerer: a.registry,
	}
	if !a.simulated {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	if a.clients.templates, err = templates.New(cfg); err != nil {
		return fmt.Errorf("opening templates: %w", err)
	}
	a.stopLast("client of templates", func(context.Context) error { a.clients.templates.Close(); return nil })
	return nil
}

// openCache returns where media ids are remembered.
func (a *App) openCache(ctx context.Context) (media.Cache, error) {
	if len(a.cfg.Redis.Addrs) == 0 {
		return embedded.NewCache(), nil
	}
	encrypted, err := secure.TLS(a.cfg.Redis.TLS, "ALTAVOZ_REDIS", a.cfg.Redis.CAFile, "", "")
	if err != nil {
		return nil, err
	}
	cache, err := redis.New(redis.Config{
		Addrs: a.cfg.Redis.Addrs, Username: a.cfg.Redis.Username, Password: environment.Live("ALTAVOZ_REDIS_PASSWORD", a.cfg.Redis.Password, a.log),
		DB: a.cfg.Redis.DB, TLS: encrypted,
		Dial: a.network.Dial, Logger: a.log, Registerer: a.registry,
	})
	if err != nil {
		return nil, fmt.Errorf("opening Redis: %w", err)
	}
	a.clients.redis = cache
	a.stopLast("redis", func(context.Context) error { cache.Close(); return nil })
	a.watch(context.WithoutCancel(ctx), "watch over redis", cache.Watch)
	ctx, cancel := context.WithTimeoutCause(ctx, redisPatience, errors.New("redis is slow to answer"))
	defer cancel()
	if err := cache.Connect(ctx); err != nil {
		a.log.Warn("redis is not there yet: files may be uploaded again", "error", err)
	}
	return cache, nil
}
