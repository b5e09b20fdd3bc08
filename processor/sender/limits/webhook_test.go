package limits

import "testing"

// Calls that began before a webhook stopped the number are accepted all the same, as those of a locked account are: they say nothing of
// when to try again.
func TestCallsBegunBeforeAWebhookDoNotShortenItsWait(t *testing.T) {
	t.Parallel()
	b := ForWebhooks()
	b.Trip(start, start)
	b.Observe(start, SignalWorks, false)
	if p, at := b.Allows(start); p != ProbeWait || !at.Equal(start.Add(webhookBase)) {
		t.Errorf("allows %v at %v after a call that began before, want nothing before %v", p, at, start.Add(webhookBase))
	}
}
