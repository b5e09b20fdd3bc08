package senders

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/producer/tasks"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/standing"
)

var now = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

func since(ago time.Duration) int64 { return now.Add(-ago).UnixMilli() }

// said folds events of one number.
func said(events ...*schemas.NumberEvent) func(string) standing.State {
	var s standing.State
	for _, e := range events {
		e.Number = "1065"
		s = s.Fold(e)
	}
	return func(string) standing.State { return s }
}

func process(name string, ago time.Duration, rate, share float64, c *schemas.Cause) *schemas.NumberEvent {
	return &schemas.NumberEvent{Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_PROCESS, AtMs: since(ago), Process: name, Rate: rate, Share: share, Cause: c}
}

func meta(kind schemas.NumberEventKind, ago time.Duration, code int32, detail string) *schemas.NumberEvent {
	return &schemas.NumberEvent{Kind: kind, AtMs: since(ago), Code: code, Detail: detail}
}

func TestStateOfANumberIsThatOfItsGravestReport(t *testing.T) {
	t.Parallel()
	const stopped, works, risk = schemas.NumberEventKind_NUMBER_EVENT_KIND_STOPPED, schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS, schemas.NumberEventKind_NUMBER_EVENT_KIND_AT_RISK
	cause := func(r schemas.Reason, ago time.Duration, code int32) *schemas.Cause {
		return &schemas.Cause{Reason: r, SinceMs: since(ago), Code: code}
	}
	waits := cause(schemas.Reason_REASON_THROTTLED, time.Second, 130429)
	waits.UntilMs = now.Add(time.Minute).UnixMilli()
	all := Rate{80, 64, 64}
	left := func(now float64) *Rate { return &Rate{80, 64, now} }
	for name, tt := range map[string]struct {
		said []*schemas.NumberEvent
		want Row
	}{
		"nothing is known": {nil, Row{State: Sending, Rate: &all}},
		"one of two is slow": {
			[]*schemas.NumberEvent{process("a", time.Second, 8, 32, cause(schemas.Reason_REASON_THROTTLED, time.Minute, 130429))},
			Row{State: Slowed, Code: 130429, Since: "2026-03-02T13:59:00Z", Rate: left(40), Why: "(130429) Límite de mensajes por segundo"},
		},
		"told to wait": {
			[]*schemas.NumberEvent{process("a", 0, 0, 64, waits)},
			Row{State: Paused, Code: 130429, Since: "2026-03-02T13:59:59Z", Until: "2026-03-02T14:01:00Z", Rate: left(0), Why: "(130429) Límite de mensajes por segundo"},
		},
		"the gravest of two, and the rate of both": {
			[]*schemas.NumberEvent{
				process("a", time.Second, 0, 32, cause(schemas.Reason_REASON_OUTAGE, time.Minute, 0)),
				process("b", time.Second, 0, 32, cause(schemas.Reason_REASON_ACCOUNT, time.Second, 190)),
			},
			Row{State: Token, Code: 190, Since: "2026-03-02T13:59:59Z", Rate: left(0), Why: "(190) Token vencido o inválido"},
		},
		"the earlier of two that say the same": {
			[]*schemas.NumberEvent{
				process("a", time.Second, 0, 32, cause(schemas.Reason_REASON_OUTAGE, time.Second, 0)),
				process("b", time.Second, 0, 32, cause(schemas.Reason_REASON_OUTAGE, time.Minute, 0)),
			},
			Row{State: Outage, Since: "2026-03-02T13:59:00Z", Rate: left(0), Why: "WhatsApp no contesta"},
		},
		"one that ended says nothing": {
			[]*schemas.NumberEvent{process("a", standing.ReportLife, 0, 64, cause(schemas.Reason_REASON_CONFIGURATION, time.Hour, 0))},
			Row{State: Sending, Rate: &all},
		},
		"one that can send again": {
			[]*schemas.NumberEvent{process("a", time.Minute, 0, 64, cause(schemas.Reason_REASON_CONFIGURATION, time.Hour, 0)), process("a", time.Second, 64, 64, nil)},
			Row{State: Sending, Rate: &all},
		},
		"only webhooks say so": {
			[]*schemas.NumberEvent{meta(stopped, time.Minute, 0, "account_update DISABLED_UPDATE")},
			Row{State: Locked, Since: "2026-03-02T13:59:00Z", Rate: left(0), Why: "WhatsApp no acepta envíos suyos: account_update DISABLED_UPDATE"},
		},
		"its account may not pay": {
			[]*schemas.NumberEvent{meta(stopped, time.Minute, 131042, "webhook")},
			Row{State: Refused, Code: 131042, Since: "2026-03-02T13:59:00Z", Rate: left(0)},
		},
		"webhooks took it back": {
			[]*schemas.NumberEvent{meta(stopped, time.Minute, 131031, "webhook"), meta(works, time.Second, 0, "")}, Row{State: Sending, Rate: &all},
		},
		"its quality": {
			[]*schemas.NumberEvent{meta(risk, time.Minute, 0, "phone_number_quality_update FLAGGED")},
			Row{State: Sending, Rate: &all, Quality: "FLAGGED", QualitySince: "2026-03-02T13:59:00Z"},
		},
		"its quality is well again": {
			[]*schemas.NumberEvent{meta(risk, time.Minute, 0, "phone_number_quality_update FLAGGED"), meta(risk, time.Second, 0, "")}, Row{State: Sending, Rate: &all},
		},
		"a full business": {
			[]*schemas.NumberEvent{process("a", 0, 64, 64, &schemas.Cause{Reason: schemas.Reason_REASON_PEOPLE_IN_FLIGHT, SinceMs: since(0), UntilMs: since(0), Detail: "250"})},
			Row{
				State: Limited, Since: tasks.Clock(since(0)), Until: tasks.Clock(since(0)), Rate: left(64),
				Why: "su empresa ya ha escrito en 24 horas a las 250 personas que Meta le permite fuera de su ventana",
			},
		},
		"a reason of a newer version": {
			[]*schemas.NumberEvent{process("a", 0, 16, 64, &schemas.Cause{Reason: 15, SinceMs: since(0)})}, Row{State: Sending, Rate: left(16)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Of([]Number{{ID: "1065", Name: "Ventas", Rate: 80}}, nil, said(tt.said...), now, es.Spanish).Senders[0]
			tt.want.ID, tt.want.Name, tt.want.Default = "1065", "Ventas", true
			if tt.want.Why == "" && tt.want.Code != 0 {
				tt.want.Why = got.Why // Meta's words
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeyListsTheNumbersThatItMaySendFrom(t *testing.T) {
	t.Parallel()
	configured := []Number{{ID: "1"}, {ID: "2", Rate: 10}, {ID: "3"}}
	for name, tt := range map[string]struct {
		configured []Number
		named      []string
		want       []Row
	}{
		"all":                 {configured, nil, []Row{{ID: "1", Default: true, State: Sending}, {ID: "2", State: Sending, Rate: &Rate{10, 8, 8}}, {ID: "3", State: Sending}}},
		"its own":             {configured, []string{"3", "1"}, []Row{{ID: "3", Default: true, State: Sending}, {ID: "1", State: Sending}}},
		"none of ours":        {configured, []string{"9"}, []Row{{ID: "9", Default: true, State: Unknown}}},
		"the senders know":    {nil, []string{"9"}, []Row{{ID: "9", Default: true, State: Sending}}},
		"nobody here does so": {nil, nil, []Row{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, Of(tt.configured, tt.named, said(), now, es.English).Senders); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := States(); len(got) != 10 || slices.Contains(got, "") {
		t.Errorf("states %v", got)
	}
}
