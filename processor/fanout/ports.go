package fanout

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/fanout/prepare"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// Statuses is the view of what is decided. Listen is called once, before the view starts. Get and Each know the tasks that go
// on, and some that are finished. Finished knows of all whether they are, and Find reads those back that are not in memory:
// nil means that there is no such task, an error that is stream.ErrGone that nobody can say more of it than that it is finished.
type Statuses interface {
	Get(t schemas.TaskID) (*schemas.Status, bool)
	Finished(t schemas.TaskID) bool
	Find(ctx context.Context, t schemas.TaskID) (*schemas.Status, error)
	Each(each func(schemas.TaskID, *schemas.Status) bool)
	Listen(heard func(schemas.TaskID, *schemas.Status))
	Sync(ctx context.Context) error
}

// Controls is the view of what was asked of tasks while they go on. Listen is called once, before the view starts.
type Controls interface {
	Get(t schemas.TaskID) (schemas.Controls, bool)
	Listen(heard func(schemas.TaskID, schemas.Controls))
	// Number returns what was said of a sender number, and of its templates. It must not wait.
	Number(id string) standing.State
	Sync(ctx context.Context) error
}

// Ports is what the stage is plugged into.
type Ports struct {
	Committer     stream.Committer
	Pauser        stream.Pauser
	Express, Bulk stream.Log // Express does not linger
	Records       prepare.Records
	Statuses      Statuses
	Controls      Controls
	Media         prepare.Media
	Templates     prepare.Templates // nil: nobody judges them
	// Home returns the partition of the topic that a key belongs to.
	Home func(t stream.Topic, key []byte) int32
	// Reject makes the record that keeps rec, and why it can't be processed, in the topic rejects.
	Reject func(rec stream.Record, stage, code, reason string) stream.Record
}

// Number is a sender number that this process can send from.
type Number struct {
	ID   string
	Rate float64 // sends a second; 0: no limit, then the measured rate sizes the window
}

// Config is how the stage behaves.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Number returns what is known of a sender number, the default one for those that name none, and whether it is one of
	// ours. It is asked again as sends of it are decided, and must not wait for more than a file.
	Number func(id string) (Number, bool)
	// Owner returns whose a broadcast is, which is not for the broadcast to say, by the time of its record. nil: nobody's.
	Owner func(b *schemas.Broadcast, at time.Time) string
	// Earlier returns the other ids that the request of a broadcast may have, as far as they are proved. nil: it has none.
	Earlier func(b *schemas.Broadcast) []schemas.TaskID
	// Proof reports whether an ingress made the id of a broadcast, and whether an ingress signed the broadcast. nil: it signed each, and made no id.
	Proof func(b *schemas.Broadcast) (made, signed bool)
	// Move adds the proof that this stage wrote where a broadcast was first, and Moved holds it against one. nil: nothing is proved.
	Move  func(b *schemas.Broadcast)
	Moved func(b *schemas.Broadcast) bool
	// Region is where a phone without a country code belongs (ISO 3166). Default CO.
	Region string
	// Phones returns the phone of a user id, so that one person under both names gets one message. Nil: none is known.
	Phones func(number string, id schemas.Phone) schemas.Phone
	// Predicts reports whether a code that refuses one recipient would refuse all of its broadcast: its content or the
	// account's configuration is at fault. nil: none does.
	Predicts func(code int) bool
	// Receipts says that receipts are to be expected, so that the first recipients' are worth waiting for.
	Receipts bool
	// MaxRecipients bounds a broadcast. Default and most 16 Mi, which is what the aggregator holds.
	MaxRecipients uint32
}

// Validate reports what the stage can't work with.
func (c Config) Validate() error {
	if c.Number == nil {
		return errors.New("nobody knows the sender numbers")
	}
	if c.MaxRecipients > schemas.MaxRecipients {
		return errors.New("the most recipients of a broadcast is 16,777,216")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	c.Region = cmp.Or(c.Region, "CO")
	if c.MaxRecipients == 0 {
		c.MaxRecipients = schemas.MaxRecipients
	}
	if c.Owner == nil {
		c.Owner = func(*schemas.Broadcast, time.Time) string { return "" }
	}
	if c.Earlier == nil {
		c.Earlier = func(*schemas.Broadcast) []schemas.TaskID { return nil }
	}
	if c.Proof == nil {
		c.Proof = func(*schemas.Broadcast) (made, signed bool) { return false, true }
	}
	if c.Move == nil || c.Moved == nil {
		c.Move, c.Moved = func(*schemas.Broadcast) {}, func(*schemas.Broadcast) bool { return false }
	}
	if c.Number == nil {
		c.Number = func(string) (Number, bool) { return Number{}, false }
	}
	return c
}

const (
	// leaseFresh is how long after the request of a successful commit produces may begin under it. See the package
	// comment: it bounds a zombie.
	leaseFresh = 10 * time.Second

	// maxTasks is how many unfinished broadcasts a partition holds; at about 1 KiB each without their recipients, 100 MiB.
	// Beyond it, and only there, reading stops: it is memory that is short, not the ledger.
	maxTasks = 100_000
	// openedRetry is how long a claim waits for its Status before its TaskOpened is written again: whatever was lost, a TaskOpened has the
	// Status written anew.
	openedRetry = 30 * time.Second

	// lazyCommit is how long progress that nothing waits for stays uncommitted.
	lazyCommit = time.Second
	// parkAfter is how long a task must have to wait to be parked although the ledger has room.
	parkAfter = time.Minute
)
