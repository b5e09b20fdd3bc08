package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"altavoz/app/ids"
	"altavoz/app/upstream"
	"altavoz/blob"
	"altavoz/kafka/group"
	"altavoz/kafka/rejects"
	"altavoz/processor"
	"altavoz/processor/aggregator"
	"altavoz/processor/callbacks"
	"altavoz/processor/fanout"
	"altavoz/processor/relay"
	"altavoz/processor/sender"
	"altavoz/producer"
	"altavoz/producer/cloudevents"
	"altavoz/producer/dryrun"
	"altavoz/producer/export"
	"altavoz/producer/history"
	"altavoz/whatsapp"
)

// Role is one thing that a process does.
type Role string

// The roles, in the order in which a broadcast meets them.
const (
	RoleProducer   Role = "producer"
	RoleFanout     Role = "fanout"
	RoleSender     Role = "sender"
	RoleAggregator Role = "aggregator"
	RoleCallbacks  Role = "callbacks"
)

// Roles is what one process does.
type Roles []Role

// AllRoles returns every role.
func AllRoles() Roles {
	return Roles{RoleProducer, RoleFanout, RoleSender, RoleAggregator, RoleCallbacks}
}

// Has reports whether any of the roles is among them.
func (r Roles) Has(some ...Role) bool {
	return slices.ContainsFunc(some, func(one Role) bool { return slices.Contains(r, one) })
}

// String returns them as they are configured.
func (r Roles) String() string {
	names := make([]string, len(r))
	for i, one := range r {
		names[i] = string(one)
	}
	return strings.Join(names, ",")
}

// UnmarshalText reads "all", or roles separated by commas.
func (r *Roles) UnmarshalText(text []byte) error {
	var out Roles
	for name := range strings.SplitSeq(string(text), ",") {
		switch role := Role(strings.TrimSpace(name)); {
		case role == "all":
			out = append(out, AllRoles()...)
		case slices.Contains(AllRoles(), role):
			out = append(out, role)
		default:
			return withHint(fmt.Errorf("there is no role %q", name), "all, or some of "+AllRoles().String())
		}
	}
	// In the order of the path, and each one once.
	*r = slices.DeleteFunc(AllRoles(), func(one Role) bool { return !slices.Contains(out, one) })
	return nil
}

// startRoles makes the stages with their clients and starts them. The last of the path starts first, so that nothing is written that
// nobody reads, and stops last.
func (a *App) startRoles(ctx context.Context) error {
	makers := map[string]func(*group.Group) (processor.Worker, error){
		relay.Name: a.newRelay, processor.Fanout: a.newFanout, processor.Sender: a.newSender, processor.Aggregator: a.newAggregator,
		processor.Callbacks: a.newCallbacks,
	}
	type work struct {
		name string
		run  func(context.Context) error
	}
	var works []work
	stages := processor.Topology()
	if sources, err := a.cfg.upstreams(); err != nil {
		return err
	} else if len(sources) > 0 {
		stages = append([]processor.Stage{processor.Relay(upstream.Names(sources))}, stages...)
	}
	for _, stage := range stages {
		if stage.Name == processor.Producer || stage.Name != relay.Name && !a.cfg.Process.Roles.Has(Role(stage.Name)) { // the producer has no group: it is started below
			continue
		}
		group, err := stage.Group(a.kafka)
		if err != nil {
			return err
		}
		worker, err := makers[stage.Name](group)
		if err != nil {
			return fmt.Errorf("making the %s: %w", stage.Name, err)
		}
		works = append(works, work{stage.Name, func(ctx context.Context) error { return processor.Run(ctx, group, worker) }})
	}
	// They read until they are stopped. Whoever listens has been made by now.
	if err := a.clients.Start(context.WithoutCancel(ctx), a.cfg.Process.Roles.Has(RoleSender), a.clients.express); err != nil {
		return err //nolint:wrapcheck // it says which view
	}
	for _, w := range slices.Backward(works) {
		a.runStage(ctx, w.name, w.run)
	}
	if a.budget != nil {
		a.watch(context.WithoutCancel(ctx), "data budget", a.budget.Run)
	}
	if a.trimming != nil {
		a.watch(context.WithoutCancel(ctx), "trimming of sends", a.trimming.Run)
	}
	if !a.cfg.Process.Roles.Has(RoleProducer) {
		a.web.serve(http.HandlerFunc(noAPI))
		return nil
	}
	a.clients.ingress = producer.New(a.ingressConfig(), producer.Ports{
		Log: a.clients.express, Statuses: a.clients.Statuses, Tasks: a.clients.Statuses, Numbers: a.clients.Controls, Prices: a.clients.Statuses, Webhooks: a.webhooks(), OptOuts: a.clients.OptOuts, Templates: a.clients.templates,
		Recipients: export.Source{Records: a.clients.exports, Home: a.layout.Home, Region: a.cfg.WhatsApp.DefaultRegion},
		DryRuns:    a.dryRuns(),
		Sends:      history.Source{Records: a.clients.exports, Home: a.layout.Home, Region: a.cfg.WhatsApp.DefaultRegion},
	})
	a.web.serve(a.clients.ingress.Handler())
	a.probeWrites(ctx)
	return nil
}

// dryRuns is what dry runs ask in this process: files are looked at where they are fetched for broadcasts, and not where the network may be
// closed to that.
func (a *App) dryRuns() dryrun.Ports {
	p := dryrun.Ports{Render: whatsapp.Renderer(a.numbers.Marketing), People: a.clients.OptOuts, Region: a.cfg.WhatsApp.DefaultRegion, Rates: a.rates}
	if a.clients.media != nil {
		p.Media = a.clients.media
	}
	return p
}

func (a *App) newRelay(g *group.Group) (processor.Worker, error) {
	sources, err := a.cfg.upstreams()
	if err != nil {
		return nil, err
	}
	cfg := relay.Config{
		Logger: a.log, Registerer: a.registry, Owners: upstream.Owners(sources), IDs: a.identity.RecordIDs, Made: a.identity.Made, Sign: a.identity.Sign,
		DefaultSender: func() string { id, _ := a.numbers.Pick(""); return id },
		Room:          a.budget.Relay,
	}
	return relay.New(cfg, relay.Ports{Committer: g, Pauser: g, Log: a.clients.express, Home: a.layout.Home, Reject: rejects.Keep}), cfg.Validate()
}

func (a *App) newFanout(g *group.Group) (processor.Worker, error) {
	known := func(asked string) (fanout.Number, bool) {
		id, _ := a.numbers.Pick(asked)
		n, ok := a.numbers.Find(id)
		return fanout.Number{ID: id, Rate: n.Rate}, ok
	}
	cfg := fanout.Config{
		Logger: a.log, Registerer: a.registry, Number: known, Region: a.cfg.WhatsApp.DefaultRegion, Phones: a.clients.OptOuts.PhoneOf,
		Owner: ids.Owners(a.identity, a.cfg.Kafka.UpstreamOwner, a.log, a.registry), Earlier: a.identity.Earlier, Proof: ids.Proof(a.identity),
		Move: a.identity.Move, Moved: a.identity.Moved, Predicts: whatsapp.Predicts, Receipts: a.cfg.WhatsApp.AppSecret != "",
	}
	return fanout.New(cfg, fanout.Ports{
		Committer: g, Pauser: g, Express: a.clients.express, Bulk: a.clients.bulk, Records: a.clients.reader,
		Statuses: a.clients.Statuses, Controls: a.clients.Controls, Media: a.clients.media, Templates: a.clients.templates, Home: a.layout.Home, Reject: rejects.Keep,
	}), cfg.Validate()
}

func (a *App) newSender(g *group.Group) (processor.Worker, error) {
	cfg := sender.Config{
		Logger: a.log, Registerer: a.registry, Partitions: a.layout, MaxInFlight: a.cfg.WhatsApp.MaxInFlight, Numbers: a.numbers.IDs(),
		Number: func(id string) (sender.NumberConfig, bool) {
			n, ok := a.numbers.Number(id)
			return sender.NumberConfig{Name: n.Name, Rate: n.Rate, Business: n.Business, People: n.People, Access: n.Tokens}, ok
		},
	}
	return sender.New(cfg, sender.Ports{
		Committer: g, Pauser: g, Express: a.clients.express, Bulk: a.clients.bulk, Records: held{a.clients.reader}, Contents: blob.Reader{Records: a.clients.reader},
		Media: a.clients.media, Numbers: a.clients.Controls, OptOuts: a.clients.OptOuts, Inbound: a.clients.OptOuts.Windows(a.clients.Inbound), People: a.clients.People, RefusedBy: a.clients.OptOuts.RefusedBy, Messenger: a.clients.messenger, Reject: rejects.Keep,
	}), cfg.Validate()
}

func (a *App) newAggregator(g *group.Group) (processor.Worker, error) {
	return aggregator.New(aggregator.Config{Logger: a.log, Registerer: a.registry}, aggregator.Ports{
		Committer: g, Pauser: g, Statuses: a.clients.express, Marks: a.clients.bulk, Table: a.clients.reader, Reject: rejects.Keep, Event: cloudevents.Record, Recipients: cloudevents.Recipients, Tapped: cloudevents.Tapped,
	}), nil
}

func (a *App) newCallbacks(g *group.Group) (processor.Worker, error) {
	poster := a.callbacks.Poster(a.simulated, a.network.Dial)
	a.stopLast("client of callbacks", func(context.Context) error { poster.Close(); return nil })
	cfg := callbacks.Config{Logger: a.log, Registerer: a.registry, Secrets: a.callbacks.Secrets}
	return callbacks.New(cfg, callbacks.Ports{Committer: g, Pauser: g, Log: a.clients.express, Table: a.clients.reader, Poster: poster}), cfg.Validate()
}
