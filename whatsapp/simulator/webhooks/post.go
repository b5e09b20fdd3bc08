package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// post sends a batch once, and settles what becomes of it.
func (e *Engine) post(ctx context.Context, b *batch) {
	content := b.raw
	if content == nil {
		content = body(b.events) // made anew at every try: a thousand statuses waiting for a retry are smaller as events
	}
	err := e.send(ctx, content)
	b.tries++
	if err == nil {
		for _, ev := range b.events {
			if !ev.again {
				e.told(ev.Message, ev.status)
			}
		}
	}
	e.settle(b, err, ctx.Err() != nil)
}

// settle counts a post. What was not taken comes again, unless it has come too often.
func (e *Engine) settle(b *batch, err error, over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts.Posts++
	if b.tries > 1 {
		e.counts.Retries++
	}
	if refused := err != nil; refused != e.refused && !over {
		e.refused = refused
		if refused {
			e.cfg.Logger.Info("webhooks are not taken", "url", e.cfg.URL, "error", err)
		} else {
			e.cfg.Logger.Info("webhooks are taken again", "url", e.cfg.URL)
		}
	}
	switch {
	case err == nil:
		e.count(b)
	case b.tries >= maxTries:
		e.cfg.Logger.Warn("webhook given up", "url", e.cfg.URL, "error", err)
		e.drop(b)
	default:
		e.add(job{due: time.Now().Add(pause(b.tries)), batch: b})
	}
	b.release()
}

// count takes what was told off what is pending. The caller holds e.mu.
func (e *Engine) count(b *batch) {
	e.counts.Pending -= b.weight()
	if b.held != nil {
		*b.held--
		e.counts.Others++
	}
	for _, ev := range b.events {
		e.counts.Told(ev.status, ev.again)
	}
}

// release lets those go on who wait for the first post.
func (b *batch) release() {
	for _, ev := range b.events {
		if ev.posted != nil {
			close(ev.posted)
			ev.posted = nil
		}
	}
}

// pause is how long the next try waits, after so many.
func pause(tries int) time.Duration {
	return min(firstPause<<min(tries-1, 16), mostPause)
}

func (e *Engine) send(ctx context.Context, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.cfg.URL, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("making a webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "facebookexternalua")
	if e.cfg.Secret != "" {
		req.Header.Set("X-Hub-Signature-256", sign(e.cfg.Secret, content))
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("posting a webhook: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // only the status counts
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("posting a webhook: %s", resp.Status)
	}
	return nil
}

// sign makes the signature of the bytes that are sent.
func sign(secret string, content []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(content)
	return "sha256=" + hex.EncodeToString(h.Sum(nil))
}
