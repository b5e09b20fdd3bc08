package fanout

import (
	"fmt"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

// Reasons as whyOf shows them.
const (
	whyPaused    = "PAUSED"
	whyCanary    = "CANARY (%d)"
	whyCancelled = "CANCELLED"
	whyRefused   = "REFUSED (%d)"
	whyScheduled = "SCHEDULED %s"
	whyClosed    = "WINDOW %s"
	whyMedia     = "MEDIA_PENDING"
)

// whyOf shows why a task is where it is: the sentence that ended it, or its reason with code and time; words of other versions as they are.
func whyOf(x interface {
	GetPhase() schemas.Phase
	GetWhy() string
	GetCause() *schemas.Cause
},
) string {
	c := x.GetCause()
	switch own := c.Own(); {
	case !own.None():
		return own.Spanish()
	case c == nil:
		return x.GetWhy()
	}
	text := strings.TrimPrefix(c.GetReason().String(), "REASON_")
	if c.GetCode() != 0 {
		text += fmt.Sprintf(" (%d)", c.GetCode())
	}
	if c.GetUntilMs() != 0 {
		zone, err := time.LoadLocation(c.GetTimezone())
		if err != nil {
			return err.Error()
		}
		text += time.UnixMilli(c.GetUntilMs()).In(zone).Format(" 2006-01-02 15:04 ") + "(" + zone.String() + ")"
	}
	return text
}

// spanish is a sentence as the task's status says it.
func spanish(code es.Code, args ...any) string { return es.Say(code, args...).Spanish() }
