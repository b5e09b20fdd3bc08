package table_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/stream"
)

// A view neither passes over what a newer version wrote nor says that it knows all: who asks waits, and it says so.
func TestViewsHoldWhereANewerVersionWrote(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		topic stream.Topic
		rec   func(schemas.TaskID, int32) stream.Record
		open  func(kafka.Config, kafka.Layout) (view, error)
	}{
		"statuses": {
			schemas.TopicStatuses,
			func(id schemas.TaskID, home int32) stream.Record {
				return schemas.EncodeStatus(home, &schemas.Status{Task: id.Bytes(), Version: 9})
			},
			func(c kafka.Config, l kafka.Layout) (view, error) { return table.NewStatuses(c, l) },
		},
		"controls": {
			schemas.TopicControls,
			func(id schemas.TaskID, _ int32) stream.Record {
				return kafkatest.Control(id, schemas.ControlKind_CONTROL_KIND_CANCEL, 0)
			},
			func(c kafka.Config, l kafka.Layout) (view, error) { return table.NewControls(c, l) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := kafkatest.Embedded(t)
			l := kafkatest.Layout(t, c)
			pub := kafkatest.Publisher(t, c, l)
			reg, j := prometheus.NewRegistry(), &kafkatest.Journal{}
			c.Registerer, c.Logger = reg, slog.New(slog.NewTextHandler(j, nil))
			v, err := with.open(c, l)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Start(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
			defer v.Stop()
			kafkatest.Take(t, v.CaughtUp(), "catching up")
			id := schemas.NewTaskID()
			rec := with.rec(id, l.Home(with.topic, []byte(id.String())))
			partition := kafkatest.Publish(t, pub, rec)
			if err := v.Sync(t.Context()); err != nil {
				t.Fatal(err, partition)
			}
			kafkatest.Publish(t, pub, kafkatest.ByNewerVersion(rec), rec)
			kafkatest.Until(t, "tried again", func() bool { return j.Count(kafkatest.NewerVersionLogged) >= 2 })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := v.Sync(ctx); err == nil {
				t.Error("it says that it knows all")
			}
			if held := kafkatest.MetricValues(t, reg, "altavoz_view_partitions_held", "topic"); held[string(with.topic)] != 1 {
				t.Errorf("held: %v", fmt.Sprint(held))
			}
		})
	}
}

type view interface {
	Start(context.Context) error
	CaughtUp() <-chan struct{}
	Sync(context.Context) error
	Stop()
}
