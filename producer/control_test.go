package producer_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"altavoz/producer"
	"altavoz/producer/access"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// obeying brings controls to bear, with so many sends in the pipe, some time after they were published.
func (h *harness) obeying(after time.Duration, pipe uint32) {
	folded := map[schemas.TaskID]schemas.Controls{}
	h.log.after = func(rec stream.Record) {
		c := controlOf(h.t, rec)
		if c == nil {
			return
		}
		task := schemas.TaskID(c.GetTask())
		f := folded[task].Fold(c, rec.Offset)
		folded[task] = f
		go func() {
			time.Sleep(after)
			shared, ok := h.Get(task)
			s := &schemas.Status{Task: task.Bytes(), Plan: &schemas.TaskOpened{Total: 100}}
			if ok {
				s = proto.CloneOf(shared)
			}
			s.Version++
			s.Controls, s.Pipe, s.Speed = f.Next, pipe, f.Speed
			switch {
			case f.Cancelled:
				s.Phase = schemas.Phase_PHASE_CANCELLED
			case f.Paused:
				s.Phase = schemas.Phase_PHASE_PAUSED
			default:
				s.Phase = schemas.Phase_PHASE_RUNNING
			}
			h.put(s)
		}()
	}
}

// controlOf reads a record that is a control, or gives nil.
func controlOf(t *testing.T, rec stream.Record) *schemas.Control {
	t.Helper()
	if rec.Topic != schemas.TopicControls {
		return nil
	}
	c := &schemas.Control{}
	if err := schemas.Decode(&rec, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *harness) patch(path, body string) (int, string, http.Header) {
	h.t.Helper()
	return h.do(http.MethodPatch, path, strings.NewReader(body))
}

func (h *harness) command(path, what string) (int, string, http.Header) {
	h.t.Helper()
	return h.do(http.MethodPost, path+"/"+what, nil)
}

// A control is answered when it is in force, with the pipe's number of that moment.
func TestControlIsAnsweredOnceInForce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		h.obeying(300*time.Millisecond, 10)
		path := h.known("a", nil)
		for i, step := range []struct{ name, what, body string }{
			{"control_pause", "pause", ""},
			{"control_pause", "pause", ""}, // again: the same answer
			{"control_speed", "", `{"speed":20}`},
			{"control_speed_null", "", `{"speed":null}`},
			{"control_resume", "resume", ""},
			{"control_speed_0", "", `{"speed":0,"otro":1}`},
			{"control_cancel", "cancel", ""},
		} {
			start := time.Now()
			code, got, header := h.command(path, step.what)
			if step.what == "" {
				code, got, header = h.patch(path, step.body)
			}
			golden(t, step.name, code, got)
			if took := time.Since(start); took != 300*time.Millisecond {
				t.Errorf("%d %s: after %v; want %v", i, step.name, took, 300*time.Millisecond)
			}
			if header.Get("Content-Location") != path {
				t.Errorf("%d %s: header %v", i, step.name, header)
			}
		}
		// A cancel absorbs what comes later, and again is the same.
		for name, what := range map[string]string{"control_cancel": "cancel", "control_cancelling_pause": "pause", "control_cancelling_resume": "resume"} {
			code, got, _ := h.command(path, what)
			golden(t, name, code, got)
		}
		code, got, _ := h.patch(path, `{"speed":1}`)
		golden(t, "control_cancelling_speed", code, got)
		if n := h.metrics()["altavoz_http_slots_in_use slot=answer"]; n != 0 {
			t.Errorf("%v slots of answers are still held, want 0", n)
		}
		recs := h.log.of(schemas.TopicControls)
		if len(recs) != 7 {
			t.Fatalf("%d controls, want 7", len(recs))
		}
		task := schemas.TaskIDFromKey("known", "a")
		if key := string(recs[2].Key); key != task.String()+"/speed" {
			t.Errorf("key %q", key)
		}
		want := &schemas.Control{Task: task.Bytes(), Kind: schemas.ControlKind_CONTROL_KIND_SPEED, Speed: 20, By: access.LocalOwner, AtMs: time.Now().Add(-5 * 300 * time.Millisecond).UnixMilli()}
		if diff := cmp.Diff(want, controlOf(t, recs[2]), protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestControlsOfEndedTasksGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	for name, change := range map[string]func(*schemas.Status){
		"success": func(s *schemas.Status) { s.FinishedMs = 1 },
		"failure": func(s *schemas.Status) { s.FinishedMs, s.Phase = 1, schemas.Phase_PHASE_FAILED },
		"revoked": func(s *schemas.Status) {
			s.FinishedMs, s.Phase, s.Cursor, s.Pipe = 1, schemas.Phase_PHASE_CANCELLED, 100, 10
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: 40}, {Mark: uint32(schemas.StateCancelled), Count: 60}}
		},
		"stopping": func(s *schemas.Status) {
			s.Phase, s.Why = schemas.Phase_PHASE_STOPPED, "(131009) Valor de parámetro inválido"
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := h.known(name, change)
			for _, what := range []string{"pause", "cancel"} {
				code, got, _ := h.command(path, what)
				golden(t, "control_"+name+"_"+what, code, got)
			}
		})
	}
	if n := len(h.log.of(schemas.TopicControls)); n != 0 {
		t.Errorf("%d controls, want 0", n)
	}
}

// What is wanted is recorded also where the view says that it is so already: it may not know yet of what was wanted in between.
func TestControlIsRecordedAgainstAnOldView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		path := h.known("a", func(s *schemas.Status) { s.Phase = schemas.Phase_PHASE_PAUSED })
		for _, what := range []string{"resume", "pause"} { // nobody carries them out
			if code, got, _ := h.command(path, what); code != http.StatusAccepted {
				t.Errorf("%s: %d %s; want %v", what, code, got, http.StatusAccepted)
			}
		}
		recs := h.log.of(schemas.TopicControls)
		if len(recs) != 2 || controlOf(t, recs[1]).GetKind() != schemas.ControlKind_CONTROL_KIND_PAUSE {
			t.Errorf("%d controls, want 2", len(recs))
		}
	})
}

// Where nobody carries a control out in time, it is recorded all the same, and the answer says no more than that.
func TestControlIsRecordedGolden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		start := time.Now()
		code, got, header := h.command(h.known("a", nil), "pause")
		golden(t, "control_recorded", code, got)
		if took := time.Since(start); took != 2*time.Second || header.Get("Location") == "" {
			t.Errorf("after %v: header %v; want %v", took, header, 2*time.Second)
		}
		// A task that was made a moment ago, of which nobody has heard: its control waits for it.
		code, got, _ = h.command(request.PathTasks+"/"+schemas.NewTaskID().String(), "cancel")
		golden(t, "control_recorded_fresh", code, got)
		if n := len(h.log.of(schemas.TopicControls)); n != 2 {
			t.Errorf("%d controls, want 2", n)
		}
		for name, id := range map[string]string{"task_no_id": "x", "task_unknown": schemas.TaskIDFromKey("", "x").String()} {
			code, got, _ = h.command(request.PathTasks+"/"+id, "pause")
			golden(t, name, code, got)
		}
	})
}

// The answer says what is, not what was wished, where another control came to bear or the task ended meanwhile.
func TestControlIsOvertaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		what   string
		change func(s *schemas.Status, offset int64)
		code   int
	}{
		"control_overtaken_resume": {"pause", func(s *schemas.Status, offset int64) {
			s.Controls, s.Phase = offset+9, schemas.Phase_PHASE_RUNNING
		}, http.StatusOK},
		"control_overtaken_cancel": {"pause", func(s *schemas.Status, offset int64) {
			s.Controls, s.Phase = offset+9, schemas.Phase_PHASE_CANCELLED
		}, http.StatusConflict},
		"control_overtaken_end": {"cancel", func(s *schemas.Status, _ int64) { s.FinishedMs = 1 }, http.StatusConflict},
		// It was in force, and what it let go on is over before anybody looked.
		"control_over_resume": {"resume", func(s *schemas.Status, offset int64) {
			s.Controls, s.FinishedMs = offset+1, 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: s.GetPlan().GetTotal()}}
		}, http.StatusOK},
		"control_over_speed": {"", func(s *schemas.Status, offset int64) {
			s.Controls, s.Speed, s.FinishedMs = offset+1, 20, 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: s.GetPlan().GetTotal()}}
		}, http.StatusOK},
		"control_over_pause": {"pause", func(s *schemas.Status, offset int64) {
			s.Controls, s.Phase, s.FinishedMs = offset+1, schemas.Phase_PHASE_PAUSED, 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateSent), Count: s.GetPlan().GetTotal()}}
		}, http.StatusConflict},
		"control_overtaken_stop": {"resume", func(s *schemas.Status, offset int64) {
			s.Controls, s.Phase = offset+1, schemas.Phase_PHASE_STOPPED
		}, http.StatusConflict},
		"control_overtaken_double": {"cancel", func(s *schemas.Status, _ int64) {
			s.Phase, s.Pipe = schemas.Phase_PHASE_CANCELLED, 10
		}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{})
				path := h.known("a", nil)
				h.log.after = func(rec stream.Record) {
					go func() {
						time.Sleep(time.Second)
						shared, _ := h.Get(schemas.TaskIDFromKey("known", "a"))
						s := proto.CloneOf(shared)
						// An older control comes to bear: not the one that is waited for.
						s.Controls = rec.Offset
						h.put(s)
						time.Sleep(500 * time.Millisecond)
						tt.change(s, rec.Offset)
						h.put(s)
					}()
				}
				start := time.Now()
				var code int
				var got string
				if tt.what == "" {
					code, got, _ = h.patch(path, `{"speed":20}`)
				} else {
					code, got, _ = h.command(path, tt.what)
				}
				if golden(t, name, code, got); code != tt.code || time.Since(start) != 1500*time.Millisecond {
					t.Errorf("after %v: %d; want %v, %v", time.Since(start), code, 1500*time.Millisecond, tt.code)
				}
			})
		})
	}
}

func TestControlRefusalsGolden(t *testing.T) {
	t.Parallel()
	h := setup(t, producer.Config{})
	path := h.known("a", nil)
	for name, body := range map[string]string{
		"speed_missing":   `{}`,
		"speed_empty":     ``,
		"speed_array":     `[1]`,
		"speed_broken":    `{"speed":`,
		"speed_text":      `{"speed":"20"}`,
		"speed_negative":  `{"speed":-1}`,
		"speed_fraction":  `{"speed":1.5}`,
		"speed_huge":      `{"speed":4294967296}`,
		"speed_duplicate": `{"speed":1,"speed":2}`,
		"speed_long":      `{"speed":1,"x":"` + strings.Repeat("x", 4096) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			code, got, _ := h.patch(path, body)
			golden(t, name, code, got)
		})
	}
	code, got, header := h.do(http.MethodGet, path+"/pause", nil)
	if golden(t, "control_method", code, got); header.Get("Allow") != http.MethodPost {
		t.Errorf("header %v", header)
	}
	h.log.err = map[stream.Topic]error{schemas.TopicControls: errFull}
	code, got, header = h.command(path, "pause")
	if golden(t, "log_control", code, got); header.Get("Retry-After") == "" {
		t.Errorf("header %v", header)
	}
	if n := len(h.log.of(schemas.TopicControls)); n != 0 {
		t.Errorf("%d controls, want 0", n)
	}
}

// Somebody waits for a broadcast that is paused or cancelled meanwhile.
func TestDirectIsSteered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*schemas.Status)
		took   time.Duration
	}{
		"direct_paused": {func(s *schemas.Status) { s.Phase = schemas.Phase_PHASE_PAUSED }, producer.DefaultDirectTimeout},
		"direct_cancelled": {func(s *schemas.Status) {
			s.Phase, s.FinishedMs = schemas.Phase_PHASE_CANCELLED, 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateCancelled), Count: 2}, {Mark: uint32(schemas.StateSent), Count: 1}}
		}, time.Second},
		"direct_stopped": {func(s *schemas.Status) {
			s.Phase, s.Why, s.FinishedMs = schemas.Phase_PHASE_STOPPED, "(131009) Valor de parámetro inválido", 1
			s.Counts = []*schemas.StateCount{{Mark: uint32(schemas.StateCancelled), Count: 2}, {Mark: uint32(schemas.Failed(131009)), Count: 1}}
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := setup(t, producer.Config{})
				h.planning()
				go func() {
					time.Sleep(time.Second)
					shared, _ := h.Get(schemas.TaskID(h.log.broadcast(t).GetTask()))
					s := proto.CloneOf(shared)
					tt.change(s)
					h.put(s)
				}()
				start := time.Now()
				code, got, _ := h.post(`{"phones":["1","2","3"],"body_text":"Hola"}`)
				if golden(t, name, code, got); time.Since(start) != tt.took {
					t.Errorf("after %v, want %v", time.Since(start), tt.took)
				}
			})
		})
	}
}

// The topic of controls lost its end, and an order got an offset that a Status calls obeyed already: it is recorded, and nobody knows of it.
func TestOrderAtAnOffsetThatWasObeyedBeforeIsRecordedOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := setup(t, producer.Config{})
		path := h.known("a", func(s *schemas.Status) { s.Controls, s.Pipe = 1_000_000, 7 })
		code, body, _ := h.command(path, "pause")
		if code != http.StatusAccepted || !strings.Contains(body, "Orden registrada") {
			t.Errorf("%d %s; want %v, %q in it", code, body, http.StatusAccepted, "Orden registrada")
		}
	})
}
