package producer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/producer/access"
	"altavoz/producer/codes"
	"altavoz/producer/dryrun"
	"altavoz/producer/export"
	"altavoz/producer/guard"
	"altavoz/producer/history"
	"altavoz/producer/identity"
	"altavoz/producer/optouts"
	"altavoz/producer/senders"
	"altavoz/producer/templates"
	"altavoz/producer/upload"
	"altavoz/producer/webhooks"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/schemas/standing"
	"altavoz/stream"
)

// Statuses is the view of the topic statuses.
type Statuses interface {
	// Get returns the status of a task that is in memory; it is shared, and only to be read.
	Get(t schemas.TaskID) (*schemas.Status, bool)
	// Find returns the status of any task, also of one that finished long ago, which it reads back; nil: there is none. Its
	// errors say that nobody knows.
	Find(ctx context.Context, t schemas.TaskID) (*schemas.Status, error)
	// Watch signals when the task's status may have changed, until stop is called.
	Watch(t schemas.TaskID) (changes <-chan struct{}, stop func())
	// CaughtUp is closed when the view first knew all that was there at its start.
	CaughtUp() <-chan struct{}
}

// Tasks is the tasks to list, and what they add up to.
type Tasks interface {
	// Each calls each for every task that goes on and for those that finished last, in no order, until it returns false.
	Each(each func(schemas.TaskID, *schemas.Status) bool)
	// Recipients returns how many the tasks of an owner have that were accepted on the day (UTC) of a moment, today or yesterday.
	Recipients(owner string, atMs int64) uint64
	// Finished reports whether a task is known to be finished, though it may not be in memory.
	Finished(t schemas.TaskID) bool
}

// Numbers is the view of what was said of sender numbers: by webhooks, and by the processes that send.
type Numbers interface {
	Number(id string) standing.State
	// CaughtUp is closed when the view first knew all that was there at its start.
	CaughtUp() <-chan struct{}
}

// Ports is what the ingress is connected to.
type Ports struct {
	Log      stream.Publisher
	Statuses Statuses
	Tasks    Tasks
	Numbers  Numbers
	Prices   senders.Prices
	Webhooks webhooks.Hooks // nil: no receipts are taken
	OptOuts  optouts.Book
	// Templates is those of the accounts of numbers; nil: no account is known here.
	Templates templates.Book
	// Recipients is where the lists and states of tasks are read.
	Recipients export.Source
	// Sends is where the sends of a person are read.
	Sends history.Source
	// DryRuns is what dry runs ask.
	DryRuns dryrun.Ports
}

// Config is what the ingress wants to be told. Zero values give the defaults.
type Config struct {
	// Sender returns the number that a request asks for, the default one if it asks for none, and whether there is one such;
	// it must not wait. Nil: whatever is asked for.
	Sender func(asked string) (id string, ok bool)
	// Callback fills in where what happens to a request's task is posted, and returns why that is not taken: a *request.FieldError. nil: as asked.
	Callback func(c *access.Caller, req *request.Request) error
	// Senders returns the numbers that are configured, the default one first; nil, and none: whoever sends knows them.
	Senders func() []senders.Number
	// Keys returns who may call, as it is now. Nil, and a nil table: no keys are asked for, and everybody may do everything.
	Keys func() *access.Table
	// WrongKeys slows down who tries keys; nil: one of its own, which trusts no proxy and is in no metric.
	WrongKeys *guard.Attempts
	// Identity makes ids and proves owners; the same for every process. Nil: one that no other process has.
	Identity      *identity.Ring
	Upstream      string        // whose the broadcasts are that others write to Kafka
	MaxBody       int64         // bytes of a request; request.MaxBodyBytes
	MaxPhones     uint32        // recipients of a request; schemas.MaxRecipients
	DirectTimeout time.Duration // how long an answer waits for a direct broadcast; DefaultDirectTimeout
	Uploads       int           // bodies over BigBody that are read at once; DefaultUploads
	Feeds         int           // event feeds that are open at once; DefaultFeeds
	// Rate tells how many messages a second a number may send, 0: without a limit; nil: nobody knows.
	Rate func(sender string) float64
	// Room returns why no broadcast is taken for now, and nil while it is; nil: it always is.
	Room func() *codes.RefusedError
	// Simulated says that messages go to a simulator, so that nobody takes why a task waits for what Meta says.
	Simulated  bool
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Limits of the ingress. A request that finds no room is told to come back (503), and never waits in memory.
const (
	DefaultDirectTimeout = 25 * time.Second // below the 30 s after which proxies give up
	// BigBody is the size from which a body needs one of the slots: some 70,000 phones, or an image of 750 KB.
	BigBody = 1 << 20
	// DefaultUploads times what a big body holds (a part, a batch of slices and the copies under way: 2 MiB) is 16 MiB.
	DefaultUploads = 8
	maxReading     = 1024 // bodies of any size read at once: 64 KiB of buffers each, 64 MiB
	maxWaiting     = 4096 // direct answers waited for at once; the next are told that they are queued

	// PublishTimeout is how long an answer waits for Kafka once its body was read, and its template judged: for all acknowledgements, and for the Status
	// that tells who had a chosen task id first. A record that was sent to Kafka may arrive long after its request was
	// answered: what became of it nobody can say, and the answer says so.
	PublishTimeout = upload.Timeout

	// refusalsLogged a second are lines of 200 bytes: 1.7 GB a day at most.
	refusalsLogged = 100

	answerTimeout = 30 * time.Second // of writing an answer
	retryAfter    = 2 * time.Second  // told with 503

	// maxLookups is how many requests may wait for tasks to be read back, each a record and for lookupTimeout at most.
	maxLookups    = 256
	lookupTimeout = 5 * time.Second

	// maxListing is how many lists are made at once: each looks at every task of the view.
	maxListing = 4
	// controlTimeout is how long an answer waits for the word that a control is in force.
	controlTimeout  = 2 * time.Second
	maxControlBytes = 4 << 10 // of the body of a control

	// maxExports is how many answers with a task's recipients are made at once. Each holds a byte a recipient, 16 MiB at most, and reads a
	// partition of marks, then the list: a fetch of 1 MiB at a time, and a broadcast with a file of 24 MiB where an upstream system wrote it.
	maxExports = 4
	// exportLife is how long one may take: 10,000,000 rows at 2,800 a second.
	exportLife = time.Hour
	// retryLife is how long it may take to choose whom to retry, of which there are maxExports at once: their list is read four times at most.
	retryLife = 10 * time.Minute

	// maxHistories is how many answers with a person's sends are made at once. Each reads its partitions of sends and those of the states,
	// a fetch of 1 MiB at a time.
	maxHistories = 4
	// historyLife is how long one may take: looking for sends ends by itself after 10 s.
	historyLife = 30 * time.Second

	// maxDryRuns is how many requests say at once what they would do. Each remembers who came before in its list, and looks at its file.
	maxDryRuns = 2

	// DefaultFeeds times a connection, its buffers and a goroutine (20 KiB) is 20 MiB.
	DefaultFeeds = 1024
)
