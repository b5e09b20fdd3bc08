package limits

// Stop is why a number stopped.
type Stop string

// The reasons. They are labels of metrics.
const (
	StopAccount       Stop = "account"
	StopOutage        Stop = "outage"
	StopWebhook       Stop = "webhook"       // only webhooks say that it can't send
	StopConfiguration Stop = "configuration" // another server answers in the API's place
)

// Stops are all of them.
var Stops = []Stop{StopAccount, StopOutage, StopConfiguration, StopWebhook}

// Stop is why a fault stops the number.
func (s *Breakers) Stop(f Fault) Stop {
	switch {
	case f == FaultAccount:
		return StopAccount
	case f == FaultWebhook:
		return StopWebhook
	case s[f].Foreign():
		return StopConfiguration
	}
	return StopOutage
}
