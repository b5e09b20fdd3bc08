package bench

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// requests are how many of each kind a broker has answered.
type requests map[string]int

// uncounted are kinds that say nothing of clients: the two by which each Fetch is counted once more, and what a node asks itself.
var uncounted = []string{"FetchConsumer", "FetchFollower", "BrokerHeartbeat", "BrokerRegistration", "ControllerRegistration"}

// sum is how many of clients there were.
func (r requests) sum() (n int) {
	for _, m := range r {
		n += m
	}
	return n
}

// since is what came after earlier.
func (r requests) since(earlier requests) requests {
	if r == nil {
		return nil
	}
	out := make(requests)
	for kind, n := range r {
		if n > earlier[kind] {
			out[kind] = n - earlier[kind]
		}
	}
	return out
}

// by names the kinds, the most frequent first, for so many sends.
func (r requests) by(sends int) string {
	kinds := slices.SortedFunc(maps.Keys(r), func(a, b string) int { return r[b] - r[a] })
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %.3f", kind, float64(r[kind])/float64(sends))
	}
	return strings.Join(kinds, ", ")
}

// requestMeter reads the metrics of a broker. It is a process that stays beside the broker, so that a reading takes milliseconds.
type requestMeter struct {
	b   *testing.B
	in  io.Writer
	out *bufio.Reader
}

func (d *deployment) meterRequests() *requestMeter {
	d.b.Helper()
	cmd := exec.CommandContext(d.ctx, "../../deploy/kafka-local/run", "requests", "--dir", d.kafkaDir)
	in, err := cmd.StdinPipe()
	if err != nil {
		d.b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		d.b.Fatal(err)
	}
	d.b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	m := &requestMeter{d.b, in, bufio.NewReader(out)}
	m.read() // it attaches now, not in what is measured
	return m
}

func (m *requestMeter) read() requests {
	if m == nil {
		return nil // an embedded Kafka does not count
	}
	m.b.Helper()
	_, err := io.WriteString(m.in, "\n")
	line := ""
	if err == nil {
		line, err = m.out.ReadString('\n')
	}
	r := make(requests)
	for field := range strings.FieldsSeq(line) {
		kind, text, _ := strings.Cut(field, "=")
		n, bad := strconv.Atoi(text)
		if bad != nil {
			m.b.Fatalf("the broker's requests: %q", line)
		}
		if !slices.Contains(uncounted, kind) {
			r[kind] = n
		}
	}
	if err != nil || len(r) == 0 {
		m.b.Fatalf("the broker's requests: %v: %q", err, line)
	}
	return r
}
