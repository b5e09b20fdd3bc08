package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"altavoz/app"
	"altavoz/schemas"
	"altavoz/test/harness"
	"altavoz/whatsapp/simulator"
)

// TestSimulatedNumbersChangeWhileProcessesRun: two processes whose sender numbers stand in a file, which an operator changes while they run: a token
// that is not taken any more is replaced, a number is added, the file breaks and is mended, a number is removed.
func TestSimulatedNumbersChangeWhileProcessesRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &numbersWorld{file: filepath.Join(dir, "senders.json")}
		w.write(`[{"id":"1066","token":"expired","rate":20,"name":"Ventas"}]`)
		w.limitsWorld = newLimitsWorld(t, 2, "latency=100ms; "+limitsMute, func(v *world) {
			v.more = []simulator.Number{{ID: "1066", Token: "renewed"}, {ID: "1067", Token: "other"}}
			v.tune = func(c *app.Config) {
				c.WhatsApp.Rate, c.WhatsApp.AppSecret, c.WhatsApp.SendersFile = limitsRate, "", w.file
			}
		})
		defer w.close()
		w.live()
	})
}

type numbersWorld struct {
	*limitsWorld
	file  string
	block int
}

func (w *numbersWorld) live() {
	t := w.t
	calm, stopped := w.ask(simNumber, 400, http.StatusAccepted), w.ask("1066", 40, http.StatusAccepted)
	w.ask("1067", 1, http.StatusBadRequest)
	w.ends(calm, 20*time.Second) // 400 at 64 a second
	s := w.shown(stopped)
	if want := "El número Ventas (1066) espera desde "; s.Status != "STARTED" || !strings.HasPrefix(s.Why, want) || !strings.Contains(s.Why, "(190) Token vencido") {
		t.Errorf("with an expired token: %s, %q; want %q, %q at its beginning, %q in it", s.Status, s.Why, "STARTED", want, "(190) Token vencido")
	}

	w.write(`[{"id":"1066","token":"renewed","rate":20,"name":"Ventas"},{"id":"1067","token":"other","rate":20}]`)
	// The file is looked at every 5 s, the number a second later; the 40 take 2.5 s.
	w.ends(stopped, 10*time.Second)
	added := w.ask("1067", 20, http.StatusAccepted)
	w.ends(added, 5*time.Second)

	w.write(`[{"id":"1066"`)
	time.Sleep(10 * time.Second)
	w.ends(w.ask("1067", 1, http.StatusAccepted), 5*time.Second)

	last := w.ask("1067", 200, http.StatusAccepted)
	w.write(`[{"id":"1066","token":"renewed","rate":20,"name":"Ventas"}]`)
	time.Sleep(6 * time.Second)
	w.ask("1067", 1, http.StatusBadRequest)
	w.ends(last, 15*time.Second) // 200 at 16 a second

	if sum := w.sim.Summary(); float64(sum.MaxRateByNumber[simNumber]) > withinASecond(limitsUsable, 2) || float64(sum.MaxRateByNumber["1067"]) > withinASecond(0.8*20, 2) {
		t.Errorf("within a second: %v", sum.MaxRateByNumber)
	}
}

// write replaces the file at once.
func (w *numbersWorld) write(text string) {
	if err := os.WriteFile(w.file+".new", []byte(text), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(w.file+".new", w.file); err != nil {
		panic(err)
	}
}

// ask sends to new phones from a number.
func (w *numbersWorld) ask(number string, phones, want int) schemas.TaskID {
	w.t.Helper()
	w.block++
	body, err := json.Marshal(map[string]any{"phones": harness.Phones(w.block, phones), "body_text": "hola", "use_queue": true, "sender": number})
	if err != nil {
		w.t.Fatal(err)
	}
	for range 60 {
		code, answer, err := w.request(http.MethodPost, harness.SendPath, string(body), fmt.Sprint("numbers-", w.block), time.Minute)
		if err != nil || code == http.StatusServiceUnavailable {
			time.Sleep(time.Second)
			continue
		}
		var a struct {
			TaskID string `json:"task_id"`
		}
		if code != want {
			w.t.Fatalf("from %s: %d %s, want %d", number, code, answer, want)
		}
		_ = json.Unmarshal(answer, &a)
		id, _ := schemas.ParseTaskID(a.TaskID)
		return id
	}
	w.t.Fatal("nobody answers")
	return schemas.TaskID{}
}

func (w *numbersWorld) shown(id schemas.TaskID) harness.TaskStatus {
	w.t.Helper()
	s, code, err := w.status(w.procs[0], id, time.Minute)
	if err != nil || code != http.StatusOK {
		w.t.Fatalf("%s: %d %v", id, code, err)
	}
	return s
}

// ends waits for the end of a task: everybody was sent to.
func (w *numbersWorld) ends(id schemas.TaskID, within time.Duration) {
	w.t.Helper()
	began := time.Now()
	for s := w.shown(id); s.Status != "SUCCESS"; s = w.shown(id) {
		if time.Since(began) > within {
			w.t.Fatalf("after %v: %+v", within, s)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if s := w.shown(id); s.Result.Successful != s.Result.Total {
		w.t.Errorf("%+v", s)
	}
}
