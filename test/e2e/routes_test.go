package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"altavoz/test/harness"
)

// TestEndToEndRoutesByDirectSend: without a template those who did not write get the message by Direct Send. Where the account does not have it, Meta says so to
// the first of them, and the broadcast ends with that.
func TestEndToEndRoutesByDirectSend(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	post(t, h.simulator+"/_simulator/faults", "window read=0%")
	const broadcast = `{"phones":["573991239921","573991239922"],"use_queue":true,"route":"auto","category":"utility","body_text":"Tu pedido llegó"}`
	if s := h.Finished(t, h.Queued(t, broadcast)); s.Result.Successful != 0 || s.Result.Failed != 2 || !strings.Contains(strings.Join(s.Result.Errors, " "), "Direct Send") {
		t.Fatalf("%+v; want it refused, and why", s.Result)
	}
	post(t, h.simulator+"/_simulator/account", `{"direct_send":true}`)
	if s := h.Finished(t, h.Queued(t, broadcast)); s.Result.Successful != 2 || s.Result.ByTemplate != 2 {
		t.Fatalf("%+v; want both sent by Direct Send", s.Result)
	}
}

// TestEndToEndRoutes: of a broadcast with both messages who wrote to its number gets the interactive one, and everybody
// else the template; with windows as at Meta, all arrive. Status and export say which one it was.
func TestEndToEndRoutes(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Config(t))
	h := &deployment{API: harness.API{URL: a.URL()}, simulator: a.SimulatorURL()}
	post(t, h.simulator+"/_simulator/faults", "window read=0%")
	post(t, h.simulator+"/_simulator/inbound", `{"from":"573991239911","text":"¿Cuándo llega?"}`)
	const (
		wrote, other = "573991239911", "573991239912"
		broadcast    = `{"phones":["` + wrote + `","` + other + `"],"use_queue":true,"route":"auto","body_text":"Tu pedido llegó","template":{"name":"hello_world","language":"en_US"}}`
	)
	want := fmt.Sprintf("index,phone,outcome,code,reason,retryable,route\r\n0,%s,delivered,,,false,free_form\r\n1,%s,delivered,,,false,template", wrote, other)
	for end := time.Now().Add(harness.SettleTime); ; time.Sleep(200 * time.Millisecond) { // until the webhook has come
		task := h.Queued(t, broadcast)
		s := h.Finished(t, task)
		if s.Result.Successful != 2 || s.Result.ByTemplate < 1 {
			t.Fatalf("%+v; want both sent, one by template", s.Result)
		}
		if s.Result.ByTemplate == 2 && time.Now().Before(end) {
			continue
		}
		for {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/api/messages/tasks/"+task+"/recipients?format=csv", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, got := h.Do(t, req)
			if strings.TrimSpace(got) == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("got %s; want %s", got, want)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}
