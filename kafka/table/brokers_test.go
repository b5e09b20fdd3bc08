package table_test

import (
	"testing"
	"testing/synctest"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
)

// TestStatusesOfAnyBrokerAreSeenAtOnce: fetches that wait at brokers with nothing new keep none from the others. With two at a time a status waited for up
// to five seconds where three brokers led.
func TestStatusesOfAnyBrokerAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const brokers, rounds, most = 5, 20, 100 * time.Millisecond
		cluster, c := kafkatest.Brokers(t, brokers)
		l := kafkatest.Layout(t, c)
		kafkatest.Spread(t, cluster, c, l, schemas.TopicStatuses)
		v := statuses(t, c, l)
		defer v.Stop()
		follow(t, v)
		p := kafkatest.Publisher(t, c, l)
		for i := range rounds {
			time.Sleep(7*time.Second + time.Duration(i)*137*time.Millisecond)
			id := schemas.NewTaskID()
			changes, stop := v.Watch(id)
			tell(t, l, p, ended(id, 1))
			at := time.Now()
			<-changes
			if took := time.Since(at); took > most {
				t.Errorf("status %d is seen after %v, want %v at most", i, took, most)
			}
			stop()
		}
	})
}
