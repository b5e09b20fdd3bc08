package group_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/stream"
)

// The lag is what the group has not committed, whatever was read; it is that of the partitions owned here, and of nobody
// once they are given back.
func TestLagIsWhatIsNotCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var vn kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(kafkatest.BrokerPort), kfake.ListenFn(vn.Listen))
		if err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		c := kafka.Config{Brokers: cluster.ListenAddrs(), Prefix: "t.", Dial: vn.DialContext}
		l := kafkatest.Layout(t, c)
		p := kafkatest.Publisher(t, c, l)
		ends := kafkatest.PublishSends(t, p, 100)
		c.Registerer = reg
		lag := func() (sum float64) {
			all, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range all {
				for _, m := range f.GetMetric() {
					if f.GetName() == "altavoz_stage_lag_records" {
						sum += m.GetGauge().GetValue()
					}
				}
			}
			return sum
		}
		probe := kafkatest.NewProbe()
		g, leave := kafkatest.Join(t, c, probe)
		for range 100 {
			kafkatest.Take(t, probe.Records, "record")
		}
		time.Sleep(20 * time.Second)
		if n := lag(); n != 100 {
			t.Errorf("nothing is committed, and the lag is %v, want 100", n)
		}
		var ps []stream.Position
		left := 0.0
		for tp, end := range ends {
			ps = append(ps, stream.Position{Partition: tp, Offset: end - 2})
			left += 2
		}
		if refused, err := g.Commit(t.Context(), g.Generation(), ps); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		time.Sleep(20 * time.Second)
		if n := lag(); n != left {
			t.Errorf("all but %v are committed, and the lag is %v; want %v", left, n, left)
		}
		leave()
		if n := lag(); n != 0 {
			t.Errorf("nothing is owned here any more, and the lag is %v, want 0", n)
		}
		_ = p.Close(context.WithoutCancel(t.Context()))
		cluster.Close()
		time.Sleep(time.Minute)
	})
}
