package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	// Kafka looks for what retention and compaction may remove this often; its own default is an hour.
	cleanerMillis = "30000"
	// Small segments, since only whole ones are removed and it reads the data back when it starts. Those of 33 partitions that are written to take at most an
	// eighth of a budget.
	largestSegment, segmentsOfBudget = 16 << 20, 256
	// The offsets of a group that stands still outlast all records that altavoz keeps: 31 days.
	offsetsMinutes = "44640"

	// What lies in the folder.
	lockName = "lock"
	dataName = "kafka"

	ownerOnly fs.FileMode = 0o700
)

// ErrInUse is the error of a folder that another process has locked.
var ErrInUse = errors.New("another process uses it")

// Listen opens a listener, as [net.Listen] does.
type Listen func(network, addr string) (net.Listener, error)

// Kafka is a Kafka in this process: the same protocol, one broker, its log in a folder. What it acknowledged outlives the
// process, killed or not; like a single real broker with default settings it does not outlive the machine's power, because
// it leaves writing to the disk to the kernel (with a sync for every batch it takes half as many records a second).
type Kafka struct {
	cluster *kfake.Cluster
	lock    *flock.Flock
}

// StartKafka opens the folder and serves it. Two processes must not share one: the second gets ErrInUse.
// It is to keep budget bytes at most, which somebody else sees to; 0: no bound.
func StartKafka(dir, addr string, budget int64, listen Listen, log *slog.Logger) (*Kafka, error) {
	if err := makePrivate(dir, log); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("locking the data directory %s: %w", dir, err)
	}
	segment := int64(largestSegment)
	if budget > 0 {
		segment = min(segment, budget/segmentsOfBudget)
	}
	began := time.Now()
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(filepath.Join(dir, dataName)),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return listen(network, addr) }),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms": cleanerMillis, "log.segment.bytes": strconv.FormatInt(segment, 10), "offsets.retention.minutes": offsetsMinutes,
		}),
		kfake.WithLogger(kafkaLog{log}),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the embedded Kafka: %w", err), lock.Close())
	}
	k := &Kafka{cluster: cluster, lock: lock}
	log.Info("embedded kafka runs", "addr", k.Addr(), "data_dir", dir, "seconds", time.Since(began).Seconds())
	return k, nil
}

// lockFile locks a file for this process. The lock ends with Close or with the process, however it ends.
func lockFile(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR)) // NFS wants a file that can be written to
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, err
	case !locked:
		return nil, ErrInUse
	}
	return lock, nil
}

// makePrivate makes the folder one that only its owner can read: phones and messages lie there. A folder that others made is closed too,
// unless somebody keeps other things in it; then only what is ours is.
func makePrivate(dir string, log *slog.Logger) error {
	data := filepath.Join(dir, dataName)
	if err := os.MkdirAll(data, ownerOnly); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	folders := []string{data, dir}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != lockName && e.Name() != dataName }) {
		folders = folders[:1]
	}
	for _, d := range folders {
		info, err := os.Stat(d)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&^ownerOnly == 0 {
			continue
		}
		if err := os.Chmod(d, ownerOnly); err != nil {
			return err
		}
		log.Warn("others could read the data directory: closed", "dir", d, "mode", info.Mode().Perm().String())
	}
	return nil
}

// Addr returns where it listens.
func (k *Kafka) Addr() string { return k.cluster.ListenAddrs()[0] }

// Stop writes what a quick start wants to find, and gives the folder back.
func (k *Kafka) Stop() error {
	k.cluster.Close()
	return k.lock.Close()
}

// kafkaLog passes on what the embedded Kafka has to say.
type kafkaLog struct{ log *slog.Logger }

func (l kafkaLog) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
	case kfake.LogLevelWarn:
		to = slog.LevelWarn
	case kfake.LogLevelInfo, kfake.LogLevelDebug, kfake.LogLevelNone:
	}
	if l.log.Enabled(context.Background(), to) {
		l.log.Log(context.Background(), to, "embedded kafka", "says", fmt.Sprintf(format, args...))
	}
}
