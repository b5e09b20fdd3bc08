package group_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
)

// TestRecordsOfAnyBrokerAreReadAtOnce: fetches that wait at brokers with nothing new keep none from the others. With two at a time a send waited for up to
// a second where five brokers led.
func TestRecordsOfAnyBrokerAreReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const brokers, rounds, most = 5, 20, 100 * time.Millisecond
		cluster, c := kafkatest.Brokers(t, brokers)
		l := kafkatest.Layout(t, c)
		kafkatest.Spread(t, cluster, c, l, schemas.TopicSendsExpress)
		p := kafkatest.NewProbe()
		_, leave := kafkatest.Join(t, c, p)
		defer leave()
		pub := kafkatest.Publisher(t, c, l)
		time.Sleep(20 * time.Second) // it has the partitions, and its fetches wait
		for i := range rounds {
			time.Sleep(3*time.Second + time.Duration(i)*137*time.Millisecond)
			kafkatest.Publish(t, pub, kafkatest.ExpressSend(fmt.Sprint(i)))
			at := time.Now()
			<-p.Records
			if took := time.Since(at); took > most {
				t.Errorf("send %d is read after %v, want %v at most", i, took, most)
			}
		}
	})
}
