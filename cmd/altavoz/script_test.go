package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/stream"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"altavoz": main,
		"curl":    curl,
		"put":     put,
	})
}

// startPatience is how long a process may take to start, on a machine that does much else.
const startPatience = 60 * time.Second

func TestEndToEndScriptsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setup,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "ready": ready, "await": await},
	})
}

// setup gives a script addresses and a data folder of its own, 1,500 phones in list.csv, and what the documents show.
func setup(env *testscript.Env) error {
	for name, host := range map[string]string{
		"ALTAVOZ_HTTP_ADDR": "127.0.0.1", "ALTAVOZ_EMBEDDED_KAFKA_ADDR": "127.0.0.1", "ALTAVOZ_SIMULATOR_ADDR": "127.0.0.1", "OTHER_ADDR": "127.0.0.1",
	} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			return err
		}
		env.Setenv(name, l.Addr().String())
		if err := l.Close(); err != nil {
			return err
		}
	}
	env.Setenv("ALTAVOZ_DATA_DIR", filepath.Join(env.WorkDir, "data"))
	env.Setenv("ALTAVOZ_URL", "http://"+env.Getenv("ALTAVOZ_HTTP_ADDR"))
	env.Setenv("ALTAVOZ_LOG_FORMAT", "json")
	list := new(strings.Builder)
	for i := range 1500 {
		fmt.Fprintf(list, "573002%04d77\n", i)
	}
	if err := os.WriteFile(filepath.Join(env.WorkDir, "list.csv"), []byte(list.String()), 0o600); err != nil {
		return err
	}
	return documented(env)
}

// documentBlocks are the code blocks of the documents that scripts run or expect: the file that each is written to, its document, its language, and
// a text by which it is found.
var documentBlocks = []struct{ name, document, language, has string }{
	{"requests.sh", "README.md", "sh", "# 1. Minimal"},
	{"try.sh", "README.md", "sh", "altavoz send"},
	{"greeting", "README.md", "text", "altavoz answers on"},
	{"steer.sh", "docs/api.md", "sh", "tasks/TASK_ID/pause"},
}

// documented writes the blocks for the addresses of the script, and for the binary under test.
func documented(env *testscript.Env) error {
	here := strings.NewReplacer(
		"http://127.0.0.1:8080", env.Getenv("ALTAVOZ_URL"), "127.0.0.1:8088", env.Getenv("ALTAVOZ_SIMULATOR_ADDR"), "go run ./cmd/altavoz", "altavoz",
		"--phones 573991234567,573997654321\n", "--phones 573991234567,573997654321 --url "+env.Getenv("ALTAVOZ_URL")+"\n", // the default address needs none
	)
	for _, s := range documentBlocks {
		text, err := os.ReadFile(filepath.Join("../..", s.document))
		if err != nil {
			return err
		}
		blocks := strings.Split(string(text), "```")
		i := slices.IndexFunc(blocks, func(b string) bool { return strings.HasPrefix(b, s.language+"\n") && strings.Contains(b, s.has) })
		if i%2 != 1 {
			return fmt.Errorf("%s does not show %s", s.document, s.has)
		}
		block := here.Replace(strings.TrimPrefix(blocks[i], s.language+"\n"))
		if s.language == "sh" {
			block = "set -e\n" + block
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, s.name), []byte(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// exits runs a command and wants an exit code: exits 3 altavoz send ...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var code *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &code):
		got = code.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// ready waits until a process answers that it is ready: ready [ADDR].
func ready(ts *testscript.TestScript, neg bool, args []string) {
	addr := ts.Getenv("ALTAVOZ_HTTP_ADDR")
	if len(args) > 0 {
		addr = args[0]
	}
	for end := time.Now().Add(startPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if code, _, err := ask(http.MethodGet, "http://"+addr+"/readyz", "", ""); (err == nil && code == http.StatusOK) != neg {
			return
		}
	}
	ts.Fatalf("%s: ready is still %v", addr, neg)
}

// await repeats a request until its answer contains a text: await URL TEXT.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await URL TEXT")
	}
	last := ""
	for end := time.Now().Add(startPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, body, err := ask(http.MethodGet, args[0], "", "")
		if last = body; err == nil && strings.Contains(body, args[1]) {
			return
		}
	}
	ts.Fatalf("%s never said %q; its last word was %s", args[0], args[1], last)
}

// curl does what the README asks of curl: curl [-s] [-X METHOD] URL [-d BODY] [-H HEADER]. Unlike curl it ends with the code, on
// a line of its own; and with -N, of a feed, after the first event.
func curl() {
	var url, body, header, method string
	feed := false
	args := os.Args[1:]
	for len(args) > 0 {
		switch {
		case args[0] == "-d" && len(args) > 1:
			body, args = args[1], args[1:]
		case args[0] == "-H" && len(args) > 1:
			header, args = args[1], args[1:]
		case args[0] == "-X" && len(args) > 1:
			method, args = args[1], args[1:]
		case args[0] == "-sN":
			feed = true
		case args[0] != "-s":
			url = args[0]
		}
		args = args[1:]
	}
	if method == "" && body != "" {
		method = http.MethodPost
	}
	if feed {
		firstEvent(url)
		return
	}
	if name, ok := strings.CutPrefix(body, "@"); ok {
		text, err := os.ReadFile(name)
		if err != nil {
			fail(err)
		}
		body = string(text)
	}
	code, answer, err := ask(method, url, body, header)
	if err != nil {
		fail(err)
	}
	fmt.Fprintf(os.Stdout, "%s\n%d\n", answer, code)
}

// firstEvent prints what a feed says until the end of its first event.
func firstEvent(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		fail(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fail(err)
	}
	defer resp.Body.Close()
	lines, told := bufio.NewScanner(resp.Body), false
	for lines.Scan() && (lines.Text() != "" || !told) {
		told = told || strings.HasPrefix(lines.Text(), "data: ")
		fmt.Fprintln(os.Stdout, lines.Text())
	}
}

func ask(method, url, body, header string) (int, string, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if name, value, ok := strings.Cut(header, ":"); ok {
		req.Header.Set(name, strings.TrimSpace(value))
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startPatience}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text)), err
}

// put writes a record as a foreign client does: put BROKER VALUE.
func put() {
	cfg := kafka.Config{Brokers: os.Args[1:2], Prefix: "altavoz."}
	layout, err := topics.Check(context.Background(), cfg)
	if err != nil {
		fail(err)
	}
	pub, err := records.NewPublisher(cfg, layout, 0)
	if err != nil {
		fail(err)
	}
	rec := stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Value: []byte(os.Args[2])}
	if _, err := pub.Publish(context.Background(), rec); err != nil {
		fail(err)
	}
	if err := pub.Close(context.Background()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
