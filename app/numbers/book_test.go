package numbers

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/app/filewatch"
	"altavoz/internal/testio"
	"altavoz/whatsapp/marketing"
)

// bench is a folder with a file of senders, and a book that watches it in fake time.
type bench struct {
	t    *testing.T
	dir  string
	book *Book
	log  testio.Buffer
	reg  *prometheus.Registry
}

func watched(t *testing.T, files map[string]string, test func(b *bench)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, dir: dir, reg: prometheus.NewRegistry()}
		for name, text := range files {
			b.write(name, text)
		}
		book, err := Open(Config{ID: "1", Token: "first", Rate: 80, File: filepath.Join(dir, "senders.json")}, slog.New(slog.NewTextHandler(&b.log, nil)), b.reg)
		if err != nil {
			t.Fatal(err)
		}
		b.book = book
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); book.Watch(ctx) }()
		test(b)
		cancel()
		<-done
		if log := b.log.String(); strings.Contains(log, "hush") {
			t.Errorf("a token is in the log: %s, want no %q in it", log, "hush")
		}
	})
}

// write replaces a file at once, as a careful operator does, and lets it be noticed.
func (b *bench) write(name, text string) {
	b.t.Helper()
	at := filepath.Join(b.dir, name)
	if err := os.WriteFile(at+".new", []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(at+".new", at); err != nil {
		b.t.Fatal(err)
	}
	b.rest()
}

func (b *bench) rest() {
	time.Sleep(filewatch.Every)
	synctest.Wait()
}

// says is what is known of numbers, in short.
func (b *bench) says(ids ...string) string {
	var out []string
	for _, id := range ids {
		n, known := b.book.Number(id)
		_, now := b.book.Pick(id)
		out = append(out, fmt.Sprintf("%s %s %v %v %d %v %v", n.ID, n.Name, n.Token.Reveal(), n.Rate, n.Tokens, known, now))
	}
	return strings.Join(out, "; ")
}

func (b *bench) counts(done, refused float64) {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, m := range families[0].GetMetric() {
		got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	if got[reloadDone] != done || got[reloadRefused] != refused || families[0].GetName() != "altavoz_senders_reloads_total" {
		b.t.Errorf("%s: %v, want %v done and %v refused", families[0].GetName(), got, done, refused)
	}
}

// TestNumbersChangeWhileItRuns: added, renewed in the file or in a file of its own, changed in rate, and removed: what was
// accepted for a number that is gone goes on with what was known of it.
func TestNumbersChangeWhileItRuns(t *testing.T) {
	t.Parallel()
	files := map[string]string{"token": "hush-a", "senders.json": `[{"id":"2","name":"Ventas","token_file":"token"}]`}
	watched(t, files, func(b *bench) {
		check := func(step, want string) {
			t.Helper()
			if got := b.says("1", "2", "3"); got != want {
				t.Errorf("%s: %s\nwant %s", step, got, want)
			}
		}
		check("at the start", "1  first 80 1 true true; 2 Ventas hush-a 80 1 true true;    0 0 false false")
		b.write("token", "hush-b\n")
		check("another token", "1  first 80 1 true true; 2 Ventas hush-b 80 2 true true;    0 0 false false")
		b.write("senders.json", `[{"id":"3","token":"hush-c","rate":10},{"id":"2","name":"Ventas","token_file":"token","rate":250}]`)
		check("another number and rate", "1  first 80 1 true true; 2 Ventas hush-b 250 2 true true; 3  hush-c 10 1 true true")
		b.write("senders.json", `[{"id":"3","token":"hush-cc","rate":10}]`)
		check("one is gone", "1  first 80 1 true true; 2 Ventas hush-b 250 2 true false; 3  hush-cc 10 2 true true")
		b.write("senders.json", `[{"id":"2","token":"hush-d","rate":10}]`)
		check("it is back", "1  first 80 1 true true; 2  hush-d 10 3 true true; 3  hush-cc 10 2 true false")
		b.counts(4, 0)
		if id, ok := b.book.Pick(""); id != "1" || !ok {
			t.Errorf("the default one is %s, want %q", id, "1")
		}
		b.rest()
		b.counts(4, 0) // nothing changed, nothing was read
		b.book.Reload()
		b.counts(5, 0)
	})
}

// TestBrokenFileChangesNothing: whatever is wrong with it, the numbers stay, the log says why, and it is counted; when it is
// mended, it is read.
func TestBrokenFileChangesNothing(t *testing.T) {
	t.Parallel()
	good := `[{"id":"2","token_file":"token"}]`
	watched(t, map[string]string{"token": "hush-a", "senders.json": good}, func(b *bench) {
		before := b.says("1", "2")
		refused := 0.0
		for _, text := range []string{
			"", "[", `[{"id":"2","token":"hush-x"}] x`, `[{"id":"2"}]`, `[{"id":"","token":"hush-x"}]`, `[{"id":"2","token":"hush-x","rate":-1}]`,
			`[{"id":"1","token":"hush-x"}]`, `[{"id":"3","token":"hush-x"},{"id":"3","token":"hush-x"}]`, `[{"id":"2","tokens":"hush-x"}]`,
			`[{"id":"2","token_file":"nowhere"}]`,
		} {
			b.write("senders.json", text)
			refused++
			if now := b.says("1", "2"); now != before {
				t.Errorf("%q: %s; want %v", text, now, before)
			}
		}
		if n := strings.Count(b.log.String(), "sender numbers stay as they were"); n != int(refused) {
			t.Errorf("said %d times, want %v", n, int(refused))
		}
		b.counts(0, refused)
		b.write("nowhere", "hush-b") // the one that the last of them misses
		b.counts(1, refused)
		if err := os.Remove(filepath.Join(b.dir, "senders.json")); err != nil {
			t.Fatal(err)
		}
		b.rest()
		b.counts(1, refused+1)
		b.write("senders.json", good)
		b.counts(2, refused+1)
		if now := b.says("2"); now != "2  hush-a 80 3 true true" {
			t.Errorf("in the end %s, want %q", now, "2  hush-a 80 3 true true")
		}
	})
}

// TestMarketingPathIsThatOfTheNumber: one that names none has the environment's, with what belongs to it; what can't be is refused.
func TestMarketingPathIsThatOfTheNumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := marketing.Setting{Path: marketing.Marketing, Policy: "STRICT", Sharing: "true"}
	open := func(env marketing.Setting, account, file string) (map[string]marketing.Setting, error) {
		path := filepath.Join(dir, "senders.json")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := Read(Config{ID: "1", Token: "t", Account: account, Marketing: env, File: path})
		out := map[string]marketing.Setting{}
		for _, n := range list {
			out[n.ID] = n.Marketing
		}
		return out, err
	}
	got, err := open(all, "77", `[{"id":"2","token":"t"},{"id":"3","token":"t","marketing_path":"messages"},{"id":"4","token":"t","message_activity_sharing":false,"product_policy":"CLOUD_API_FALLBACK"}]`)
	want := map[string]marketing.Setting{"1": all, "2": all, "3": {Path: marketing.Messages}, "4": {Path: marketing.Marketing, Policy: "CLOUD_API_FALLBACK", Sharing: "false"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = open(marketing.Setting{Path: marketing.Messages}, "", `[{"id":"2","token":"t","account":"7","marketing_path":"marketing_messages","product_policy":"STRICT"}]`)
	if err != nil || got["1"].Path != marketing.Messages || got["2"] != (marketing.Setting{Path: marketing.Marketing, Policy: "STRICT"}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range []struct {
		env           marketing.Setting
		account, file string
	}{
		{marketing.Setting{Path: "marketing"}, "7", `[]`},
		{marketing.Setting{Path: marketing.Messages, Policy: "STRICT"}, "7", `[]`},
		{marketing.Setting{Path: marketing.Marketing, Policy: "LAX"}, "7", `[]`},
		{marketing.Setting{Path: marketing.Marketing, Sharing: "yes"}, "7", `[]`},
		{marketing.Setting{Path: marketing.Marketing}, "", `[]`}, // without its account nobody knows what is of marketing
		{marketing.Setting{}, "", `[{"id":"2","token":"t","marketing_path":"marketing_messages"}]`},
		{marketing.Setting{}, "7", `[{"id":"2","token":"t","marketing_path":"x"}]`},
		{marketing.Setting{}, "7", `[{"id":"2","token":"t","message_activity_sharing":true}]`},
	} {
		if got, err := open(c.env, c.account, c.file); err == nil {
			t.Errorf("%+v, account %q, %s: taken as %v", c.env, c.account, c.file, got)
		}
	}
}

// TestFindLooksForItself: who can wait finds a number that was added a moment ago; the file is not looked at for every
// number that is none of ours.
func TestFindLooksForItself(t *testing.T) {
	t.Parallel()
	watched(t, map[string]string{"senders.json": `[{"id":"2","token":"hush-a"}]`}, func(b *bench) {
		replace := func(text string) {
			if err := os.WriteFile(filepath.Join(b.dir, "senders.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		replace(`[{"id":"2","token":"hush-a"},{"id":"3","token":"hush-b"}]`)
		if _, ok := b.book.Number("3"); ok {
			t.Error("it was read before anybody looked")
		}
		if n, ok := b.book.Find("3"); !ok || n.Token != "hush-b" {
			t.Error("it is not found")
		}
		replace(`[{"id":"2","token":"hush-a"},{"id":"33","token":"hush-b"}]`)
		if _, ok := b.book.Find("33"); ok {
			t.Error("the file is looked at every time")
		}
		time.Sleep(lookEvery)
		if _, ok := b.book.Find("33"); !ok {
			t.Error("it is not found later")
		}
	})
}

// TestFileWithoutANumberIsTakenForAMistake: a file that leaves no number to send from is taken for a mistake.
func TestFileWithoutANumberIsTakenForAMistake(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "senders.json")
	if err := os.WriteFile(path, []byte(`[{"id":"2","token":"t"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Open(Config{File: path, Rate: 80}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`[]`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Reload()
	if id, ok := b.Pick(""); id != "2" || !ok || len(b.List()) != 1 {
		t.Errorf("%v are left, want 1 of them", b.List())
	}
	b.Fix(Number{ID: "9", Token: "t"})
	b.Reload()
	if id, _ := b.Pick(""); id != "9" || b.Watches() {
		t.Errorf("%s after it was fixed, want %q", id, "9")
	}
}

// TestThreatS15TokenThatAnybodyMayWriteIsNotTaken: the rights of token files are judged at each reading, also where only they changed.
func TestThreatS15TokenThatAnybodyMayWriteIsNotTaken(t *testing.T) {
	t.Parallel()
	watched(t, map[string]string{"token": "hush-a", "senders.json": `[{"id":"2","token_file":"token"}]`}, func(b *bench) {
		at := filepath.Join(b.dir, "token")
		rights := func(mode os.FileMode) {
			if err := os.Chmod(at, mode); err != nil {
				t.Fatal(err)
			}
			b.rest()
		}
		rights(0o644)
		b.counts(1, 0)
		if !strings.Contains(b.log.String(), "may read") {
			t.Error("others may read it, and nobody says so")
		}
		rights(0o602)
		b.counts(1, 1)
		if err := os.WriteFile(at, []byte("hush-of-a-stranger"), 0o600); err != nil { // an existing file keeps its mode
			t.Fatal(err)
		}
		b.rest()
		b.counts(1, 2)
		if n, _ := b.book.Number("2"); n.Token != "hush-a" {
			t.Error("a stranger's token is used")
		}
		b.write("token", "hush-b")
		b.counts(2, 2)
		if n, _ := b.book.Number("2"); n.Token != "hush-b" {
			t.Error("the repaired file is not used")
		}
	})
}

// TestNumbersOfABusinessShareItsMessagingLimit: each has it by itself, or by the environment; two of one business can't differ.
func TestNumbersOfABusinessShareItsMessagingLimit(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		people     int
		file, want string
	}{
		{2000, `[{"id":"2","token":"t"},{"id":"3","token":"t","business":"b","messaging_limit":250},{"id":"4","token":"t","business":"b","messaging_limit":250}]`, "2000 2000 250 250"},
		{0, `[{"id":"2","token":"t","business":"b","messaging_limit":10000}]`, "0 10000"},
		{0, `[{"id":"2","token":"t","messaging_limit":250}]`, "the numbers 1 and 2 are one business's and have the messaging limits 0 and 250"},
		{2000, `[{"id":"2","token":"t","messaging_limit":0}]`, "the numbers 1 and 2 are one business's and have the messaging limits 2000 and 0"},
		{0, `[{"id":"2","token":"t","business":"b","messaging_limit":-1}]`, "messaging limit below zero"},
		{-1, `[]`, "ALTAVOZ_WHATSAPP_MESSAGING_LIMIT is below zero"},
	} {
		path := filepath.Join(t.TempDir(), "senders.json")
		if err := os.WriteFile(path, []byte(of.file), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := Read(Config{ID: "1", Token: "t", File: path, People: of.people})
		got := fmt.Sprint(err)
		if err == nil {
			var limits []string
			for _, n := range list {
				limits = append(limits, strconv.Itoa(n.People))
			}
			got = strings.Join(limits, " ")
		}
		if !strings.Contains(got, of.want) {
			t.Errorf("%s with %d: %q, want %q", of.file, of.people, got, of.want)
		}
	}
}
