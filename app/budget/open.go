package budget

import (
	"context"
	"path/filepath"

	"altavoz/kafka"
	"altavoz/kafka/trim"
	"altavoz/processor"
	"altavoz/stream"
)

// Open returns the budget of an embedded Kafka with its log in a folder, and what ends it; cfg.Size and cfg.Logs are filled in.
func Open(c kafka.Config, dir string, cfg Config) (*Budget, func(context.Context) error, error) {
	groups := make(map[stream.Topic]string)
	for _, s := range processor.Topology() {
		for _, t := range s.Consumes {
			groups[t] = s.Name
		}
	}
	client, err := trim.NewClient(c, groups)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says all
	}
	cfg.Logs = client
	cfg.Size = func() (int64, error) { return FolderSize(filepath.Clean(dir)) }
	return New(cfg), func(context.Context) error { client.Close(); return nil }, nil
}
