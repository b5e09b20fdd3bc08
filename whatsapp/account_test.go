package whatsapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// change is a webhook of one change of an account.
func change(account, field, value string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"changes":[{"value":%s,"field":%q}],"id":%q,"time":1}]}`, value, field, account)
}

// failedFrom is the webhook of a message that a number sent and that failed.
func failedFrom(account, number string, code int) string {
	return change(account, "messages", fmt.Sprintf(`{"statuses":[{"id":"w","status":"failed","biz_opaque_callback_data":%q,"errors":[{"code":%d,"title":"t"}]}],`+
		`"metadata":{"display_phone_number":"1 555 %s","phone_number_id":%q}}`, schemas.Callback(task1, 1), code, number, number))
}

// limitOf is what an event says of a messaging limit.
func limitOf(e *schemas.NumberEvent) string {
	if e.GetKind() != schemas.NumberEventKind_NUMBER_EVENT_KIND_PEOPLE {
		return ""
	}
	return fmt.Sprint("people ", e.GetPeople())
}

// hears returns what a process with the numbers 1065, 1066 and 1067, the last one of another account, writes of its numbers.
func hears(t *testing.T, secret schemas.Secret, bodies ...string) (out []string) {
	t.Helper()
	h := NewWebhooks(WebhookConfig{AppSecret: secret, Numbers: func() []string { return []string{"1065", "1066", "1067"} }})
	for i, body := range append([]string{failedFrom("A", "1065", 131026), failedFrom("B", "1067", 131026)}, bodies...) {
		recs, err := h.Receipts([]byte(body), heard.Add(time.Duration(i)*10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			if e, ours, err := standing.Decode(&rec); ours && err == nil {
				out = append(out, strings.Join(strings.Fields(fmt.Sprintf("%s %s %d %s %s %s %s%s", e.GetNumber(), strings.TrimPrefix(e.GetKind().String(), "NUMBER_EVENT_KIND_"), e.GetCode(), e.GetDetail(), e.GetTemplate(), e.GetLanguage(), e.GetStatus(), limitOf(e))), " "))
			}
		}
	}
	return out
}

// TestWhatWebhooksSayOfNumbers: what Meta says of an account is about the numbers of that account, and those of which nobody knows whose they are; what it
// says of a number is about that one. Numbers of others are none of ours.
func TestWhatWebhooksSayOfNumbers(t *testing.T) {
	t.Parallel()
	both := func(words string) []string { return []string{"1065 " + words, "1066 " + words} }
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a locked account's message":    {failedFrom("A", "1065", 131031), []string{"1065 STOPPED 131031 webhook"}},
		"an unpaid account's message":   {failedFrom("B", "1067", 131042), []string{"1067 STOPPED 131042 webhook"}},
		"a message of somebody's":       {failedFrom("A", "999", 131031), nil},
		"a recipient's fault":           {failedFrom("A", "1065", 131047), nil},
		"a ban":                         {change("A", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"May 1"}}`), both("STOPPED 0 account_update DISABLED_UPDATE DISABLE")},
		"a ban to come":                 {change("A", "account_update", `{"ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE"},"event":"DISABLED_UPDATE"}`), both("AT_RISK 0 account_update DISABLED_UPDATE SCHEDULE_FOR_DISABLE")},
		"a ban that is over":            {change("A", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}`), both("WORKS 0 account_update DISABLED_UPDATE REINSTATE")},
		"a restriction of messages":     {change("A", "account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1}]}`), both("STOPPED 0 account_update ACCOUNT_RESTRICTION RESTRICTED_BIZ_INITIATED_MESSAGING")},
		"a restriction of numbers":      {change("A", "account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION"}]}`), both("AT_RISK 0 account_update ACCOUNT_RESTRICTION RESTRICTED_ADD_PHONE_NUMBER_ACTION")},
		"a violation":                   {change("A", "account_update", `{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"SPAM"}}`), both("AT_RISK 0 account_update ACCOUNT_VIOLATION SPAM")},
		"terms":                         {change("A", "account_update", `{"event":"MM_LITE_TERMS_SIGNED"}`), nil},
		"a stranger's paused template":  {change("C", "message_template_status_update", `{"event":"PAUSED","message_template_name":"aviso"}`), nil},
		"a stranger's violation":        {change("C", "account_update", `{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"SPAM"}}`), nil},
		"a stranger's approved review":  {change("C", "account_review_update", `{"decision":"APPROVED"}`), nil},
		"a stranger's number's quality": {change("C", "phone_number_quality_update", `{"display_phone_number":"15551066","event":"FLAGGED"}`), nil},
		"a ban of who knows whose":      {change("C", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}`), []string{"1066 STOPPED 0 account_update DISABLED_UPDATE DISABLE"}},
		"and its end":                   {change("C", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}`), []string{"1066 WORKS 0 account_update DISABLED_UPDATE REINSTATE"}},
		"another's paused template":     {change("B", "message_template_status_update", `{"event":"PAUSED","message_template_name":"aviso","message_template_language":"es-CO"}`), []string{"1066 TEMPLATE 0 aviso es_CO PAUSED", "1067 TEMPLATE 0 aviso es_CO PAUSED"}},
		"a deleted account":             {change("B", "account_update", `{"event":"ACCOUNT_DELETED"}`), []string{"1066 STOPPED 0 account_update ACCOUNT_DELETED", "1067 STOPPED 0 account_update ACCOUNT_DELETED"}},
		"the quality of a known number": {change("A", "phone_number_quality_update", `{"display_phone_number":"+1 555-1065","event":"FLAGGED","current_limit":"TIER_1K"}`), []string{"1065 AT_RISK 0 phone_number_quality_update FLAGGED"}},
		"the quality of another number": {change("A", "phone_number_quality_update", `{"display_phone_number":"15551066","event":"FLAGGED"}`), []string{"1066 AT_RISK 0 phone_number_quality_update FLAGGED"}},
		"a quality that is back":        {change("A", "phone_number_quality_update", `{"display_phone_number":"15551065","event":"UNFLAGGED"}`), []string{"1065 AT_RISK 0"}},
		"a messaging limit":             {change("A", "business_capability_update", `{"max_daily_conversation_per_phone":250,"max_daily_conversations_per_business":2000,"max_phone_numbers_per_business":20}`), both("PEOPLE 0 people 2000")},
		"one of before v24":             {change("A", "business_capability_update", `{"max_daily_conversation_per_phone":"10000"}`), both("PEOPLE 0 people 10000")},
		"no messaging limit":            {change("A", "business_capability_update", `{"max_daily_conversations_per_business":-1}`), both("PEOPLE 0 people 0")},
		"a tier of a number":            {change("A", "phone_number_quality_update", `{"display_phone_number":"15551065","event":"THROUGHPUT_UPGRADE","max_daily_conversations_per_business":"TIER_100K"}`), []string{"1065 AT_RISK 0", "1065 PEOPLE 0 people 100000"}},
		"an unlimited tier":             {change("A", "phone_number_quality_update", `{"display_phone_number":"15551065","event":"ONBOARDING","max_daily_conversations_per_business":"TIER_UNLIMITED"}`), []string{"1065 PEOPLE 0 people 0"}},
		"a limit that is none":          {change("A", "business_capability_update", `{"max_daily_conversations_per_business":"TIER_X","max_daily_conversation_per_phone":{"a":[1]}}`), nil},
		"a limit of no people":          {change("A", "business_capability_update", `{"max_daily_conversations_per_business":0}`), nil},
		"a stranger's messaging limit":  {change("C", "business_capability_update", `{"max_daily_conversations_per_business":250}`), nil},
		"a limit of another field":      {change("A", "account_update", `{"event":"MM_LITE_TERMS_SIGNED","max_daily_conversations_per_business":250}`), nil},
		"a paused template":             {change("A", "message_template_status_update", `{"event":"PAUSED","message_template_id":7,"message_template_name":"aviso","message_template_language":"en-US","other_info":{"title":"FIRST_PAUSE"}}`), both("TEMPLATE 0 aviso en_US PAUSED")},
		"a flagged template":            {change("A", "message_template_status_update", `{"event":"FLAGGED","message_template_name":"aviso"}`), both("AT_RISK 0 message_template_status_update FLAGGED aviso")},
		"a template without a name":     {change("A", "message_template_status_update", `{"event":"PAUSED"}`), nil},
		"an approved template":          {change("A", "message_template_status_update", `{"event":"APPROVED","message_template_name":"aviso","message_template_language":"es"}`), both("TEMPLATE 0 aviso es APPROVED")},
		"a field that nobody knows":     {change("A", "flows", `{"event":"DISABLED_UPDATE","statuses":[{"status":"failed","errors":[{"code":131031}]}]}`), nil},
		"odd types":                     {change("A", "account_update", `{"event":7,"ban_info":[1],"restriction_info":{"restriction_type":[]},"metadata":null}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hears(t, "s", c.body)
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := hears(t, "", c.body); len(got) > 0 {
				t.Errorf("unsigned: %q, want none", got)
			}
		})
	}
}

// TestAWarningBeforeTheFirstReceiptIsForAll: while nobody knows whose any number is, nothing tells an account from another.
func TestAWarningBeforeTheFirstReceiptIsForAll(t *testing.T) {
	t.Parallel()
	h := NewWebhooks(WebhookConfig{AppSecret: "s", Numbers: func() []string { return []string{"1065", "1066"} }})
	recs, err := h.Receipts([]byte(change("C", "account_update", `{"event":"ACCOUNT_VIOLATION"}`)), heard)
	if err != nil || len(recs) != 2 {
		t.Errorf("%d records, %v; want 2", len(recs), err)
	}
}

// TestEachWebhookOfALockedAccountIsWritten: two within a moment may be about the probes of two processes, and neither stands for the other.
func TestEachWebhookOfALockedAccountIsWritten(t *testing.T) {
	t.Parallel()
	h := NewWebhooks(WebhookConfig{AppSecret: "s", Numbers: func() []string { return []string{"1065"} }})
	said := 0
	for i := range 10 {
		recs, err := h.Receipts([]byte(failedFrom("A", "1065", 131031)), heard.Add(time.Duration(i)*20*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			if rec.Topic == schemas.TopicControls {
				said++
			}
		}
	}
	if said != 10 {
		t.Errorf("written %d times, want 10", said)
	}
}

// TestRepeatedWebhookOfATemplateHasItsOwnTime: Meta repeats what was not taken for days, and the pause of before must not count as the last word. Whose a
// number is may be configured.
func TestRepeatedWebhookOfATemplateHasItsOwnTime(t *testing.T) {
	t.Parallel()
	h := NewWebhooks(WebhookConfig{
		AppSecret: "s", Numbers: func() []string { return []string{"1065", "1066"} }, Account: func(n string) string { return map[string]string{"1065": "A", "1066": "B"}[n] },
	})
	for at, want := range map[int64]int64{
		heard.Unix() - 3600: heard.Unix()*1000 - 3600_000, heard.Unix() + 60: heard.UnixMilli(), heard.Unix() - 8*86400: heard.UnixMilli(), 0: heard.UnixMilli(),
	} {
		body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"A","time":%d,"changes":[{"field":"message_template_status_update",`+
			`"value":{"event":"PAUSED","message_template_name":"aviso","message_template_language":"es"}}]}]}`, at)
		recs, err := h.Receipts([]byte(body), heard)
		if err != nil || len(recs) != 1 {
			t.Fatal(len(recs), err)
		}
		if e, _, err := standing.Decode(&recs[0]); err != nil || e.GetNumber() != "1065" || e.GetAtMs() != want {
			t.Errorf("time %d: %v %v, want %d", at, e, err, want)
		}
	}
}
