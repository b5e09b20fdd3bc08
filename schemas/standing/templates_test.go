package standing

import (
	"fmt"
	"testing"
	"time"

	"altavoz/schemas"
)

func said(name, status string, at time.Time) *schemas.NumberEvent {
	return &schemas.NumberEvent{
		Number: "1065", AtMs: at.UnixMilli(), Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_TEMPLATE, Template: name, Language: "es_CO", Status: status,
	}
}

// Each language of each template has its last word, under a key of its own, whatever the order in which they come.
func TestTemplatesHaveTheirLastWord(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	aviso := TemplateKey(&schemas.Template{Name: "aviso", Language: "es_CO"})
	var s State
	for _, e := range []*schemas.NumberEvent{said("aviso", "PAUSED", now), said("promo", "DISABLED", now)} {
		rec := Encode(e)
		if want := "number/1065/number_event_kind_template/" + e.GetTemplate() + "/es_CO"; string(rec.Key) != want {
			t.Errorf("key %s, want %s", rec.Key, want)
		}
		read, ours, err := Decode(&rec)
		if err != nil || !ours {
			t.Fatal(ours, err)
		}
		s = s.Fold(read)
	}
	before := s
	later := s.Fold(said("aviso", "APPROVED", now.Add(time.Minute))).Fold(said("aviso", "PAUSED", now.Add(time.Second))) // Meta repeats it
	for name, c := range map[string]struct {
		of        Templates
		at        time.Duration
		key       string
		held, end bool
	}{
		"paused":                {s.Templates, time.Second, aviso, true, false},
		"what somebody has":     {before.Templates, time.Second, aviso, true, false},
		"for less than an hour": {s.Templates, PauseLife - 1, aviso, true, false},
		"for an hour":           {s.Templates, PauseLife, aviso, false, false},
		"approved":              {later.Templates, 2 * time.Minute, aviso, false, false},
		"another language":      {s.Templates, time.Second, "aviso/en_US", false, false},
		"no template":           {s.Templates, time.Second, TemplateKey(nil), false, false},
		"disabled":              {s.Templates, time.Second, "promo/es_CO", false, true},
		"nothing is known":      {nil, time.Second, aviso, false, false},
	} {
		held, end := c.of.Held(c.key, now.Add(c.at)), c.of.Ended(c.key, now.UnixMilli()-1)
		if (held != nil) != c.held || (end != nil) != c.end {
			t.Errorf("%s: held %v, ended %v", name, held, end)
		}
		until := c.of.HeldUntil(c.key, now.Add(c.at), time.Time{})
		if cause := c.of.Cause(c.key, now.Add(c.at)); (cause != nil) != c.held || until.IsZero() == c.held {
			t.Errorf("%s: cause %v, until %v", name, cause, until)
		}
	}
	if e := s.Templates.Ended("promo/es_CO", now.UnixMilli()); e != nil {
		t.Error("it ends what was accepted when that was known")
	}
	if at := later.Templates.ChangedAt("aviso"); !at.Equal(now.Add(time.Minute)) || !later.Templates.ChangedAt("x").IsZero() {
		t.Errorf("changed at %v", at)
	}
	if at := s.Templates.HeldUntil(aviso, now, now.Add(time.Hour)); !at.Equal(now.Add(time.Hour)) {
		t.Errorf("until %v", at)
	}
}

// What a call was told counts for five minutes, and is told once while it counts.
func TestRefusedCallHasItsTemplateWait(t *testing.T) {
	t.Parallel()
	now, aviso := time.UnixMilli(1_800_000_000_000), &schemas.Template{Name: "aviso", Language: "es_CO"}
	var all Templates
	e := all.Refused("1065", aviso, 132015, now)
	all = all.With(e)
	if e == nil || all.Refused("1065", aviso, 132015, now.Add(time.Minute)) != nil || all.Held(TemplateKey(aviso), now.Add(RefusalLife-1)) == nil {
		t.Error(e)
	}
	syncing := all.Refused("1065", &schemas.Template{Name: "promo", Language: "es"}, schemas.CodeSyncing, now)
	if of := Templates(nil).With(syncing); of.Held("promo/es", now) == nil || of.Cause("promo/es", now).GetDetail() != "promo es SYNCING" {
		t.Errorf("%v of a template that Meta does not know there yet", syncing)
	}
	if all.Refused("1065", nil, 132015, now) != nil {
		t.Error("a message without a template has one that waits")
	}
	if all.Held(TemplateKey(aviso), now.Add(RefusalLife)) != nil || all.Refused("1065", aviso, 132015, now.Add(RefusalLife)) == nil {
		t.Error("it counts for longer")
	}
}

func TestTemplatesOfANumberAreBounded(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	var s State
	for i := range maxTemplates + 10 {
		s = s.Fold(said(fmt.Sprint("t", i), "PAUSED", now.Add(time.Duration(i)*time.Second)))
	}
	if len(s.Templates) != maxTemplates || s.Templates["t9/es_CO"] != nil || s.Templates["t10/es_CO"] == nil {
		t.Errorf("%d templates", len(s.Templates))
	}
	if long := s.Fold(said(string(make([]byte, maxName+1)), "PAUSED", now)); len(long.Templates) != maxTemplates {
		t.Error("a name of any length is kept")
	}
}
