package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/whatsapp/simulator"
)

const (
	// The embedded Kafka looks for what retention and compaction may remove this often; its own default is an hour.
	cleanerMillis = "30000"
	// Small segments, since only whole ones are removed and it reads the data back when it starts.
	segmentBytes = "16777216" // 16 MiB

	lockName = "lock"
)

// embeddedKafka is a Kafka in this process: the same protocol, one broker, its log in a folder. What it acknowledged
// outlives the process, killed or not; like a single real broker with default settings it does not outlive the
// machine's power, because it leaves writing to the disk to the kernel.
type embeddedKafka struct {
	cluster *kfake.Cluster
	lock    *os.File
}

// startKafka opens the folder and serves it. Two processes must not share one, so it is locked.
func startKafka(cfg EmbeddedConfig, network Network, log *slog.Logger) (*embeddedKafka, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(cfg.DataDir, lockName))
	if err != nil {
		return nil, withHint(fmt.Errorf("locking the data directory %s: %w", cfg.DataDir, err),
			"another altavoz uses it: stop that one, or give this one its own ALTAVOZ_DATA_DIR")
	}
	began := time.Now()
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(filepath.Join(cfg.DataDir, "kafka")),
		kfake.ListenFn(func(network_, _ string) (net.Listener, error) { return network.Listen(network_, cfg.KafkaAddr) }),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": cleanerMillis, "log.segment.bytes": segmentBytes}),
		kfake.WithLogger(kafkaLog{log}),
	)
	if err != nil {
		return nil, errors.Join(withHint(fmt.Errorf("starting the embedded Kafka: %w", err),
			"if "+cfg.KafkaAddr+" is taken by a Kafka that you want to use, set ALTAVOZ_KAFKA_BROKERS to it; "+
				"if not, set ALTAVOZ_EMBEDDED_KAFKA_ADDR to another address"), lock.Close())
	}
	k := &embeddedKafka{cluster: cluster, lock: lock}
	log.Info("embedded kafka runs", "addr", k.addr(), "data_dir", cfg.DataDir, "took", time.Since(began))
	return k, nil
}

func (k *embeddedKafka) addr() string { return k.cluster.ListenAddrs()[0] }

// stop writes what a quick start wants to find, and gives the folder back.
func (k *embeddedKafka) stop() error {
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

// embeddedAPI is a Cloud API that sends nothing.
type embeddedAPI struct {
	listener net.Listener
	cancel   context.CancelFunc
	served   chan error
}

// startSimulator serves a simulator. Its faults are checked here: they may be an operator's words.
func startSimulator(addr string, cfg simulator.Config, faults string, network Network) (*embeddedAPI, error) {
	sim := simulator.New(cfg)
	if err := sim.SetFaults(faults); err != nil {
		return nil, fmt.Errorf("reading the faults: %w", err)
	}
	l, err := network.Listen("tcp", addr)
	if err != nil {
		return nil, withHint(fmt.Errorf("starting the simulator: %w", err), "stop what uses it, or choose another address (ALTAVOZ_SIMULATOR_ADDR)")
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &embeddedAPI{listener: l, cancel: cancel, served: make(chan error, 1)}
	go func() { a.served <- sim.Serve(ctx, l) }()
	return a, nil
}

func (a *embeddedAPI) url() string { return "http://" + a.listener.Addr().String() }

func (a *embeddedAPI) stop() error {
	a.cancel()
	return <-a.served
}
