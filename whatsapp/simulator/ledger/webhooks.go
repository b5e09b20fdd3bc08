package ledger

// Status is what a webhook says became of a message.
type Status uint8

// The statuses. A message goes from one to the next; what failed goes nowhere.
const (
	Accepted Status = iota // no webhook says so
	Sent
	Delivered
	Read
	Failed
)

// String returns the word for it in webhooks; none for Accepted.
func (s Status) String() string {
	return [...]string{Accepted: "", Sent: "sent", Delivered: "delivered", Read: "read", Failed: "failed"}[s]
}

// MarshalText writes the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Webhooks counts what was told later. Every status that a message should have ends in exactly one of Sent to Dropped, and
// is in Pending until then: where Pending is 0, webhooks are through.
type Webhooks struct {
	// Sent to Failed count statuses of which a post was answered with 200.
	Sent      int `json:"sent"`
	Delivered int `json:"delivered"`
	Read      int `json:"read"`
	Failed    int `json:"failed"`
	// Duplicates counts statuses that were told once more on purpose.
	Duplicates int `json:"duplicates"`
	// Others counts bodies that are no statuses: messages from phones, and what was handed in as it is.
	Others int `json:"others"`
	// Dropped counts what was never told, or to nobody who took it: because of a fault, because too much was pending, after the
	// last retry, and at the end.
	Dropped int `json:"dropped"`
	Pending int `json:"pending"`
	// Posts counts requests; Retries those among them that repeat one that was not answered with 200.
	Posts   int `json:"posts"`
	Retries int `json:"retries"`
}

// Told counts a status that was taken.
func (w *Webhooks) Told(s Status, again bool) {
	switch {
	case again:
		w.Duplicates++
	case s == Sent:
		w.Sent++
	case s == Delivered:
		w.Delivered++
	case s == Read:
		w.Read++
	case s == Failed:
		w.Failed++
	}
}

// Told writes down how far a message got, by the webhooks that were taken. place is what Accepted returned for it.
func (l *Ledger) Told(place int, s Status, code int) {
	if place >= 0 && s > l.records[place].Status {
		l.records[place].Status, l.records[place].Code = s, code
	}
}
