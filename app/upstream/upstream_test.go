package upstream

import (
	"strings"
	"testing"

	"altavoz/schemas"
)

func TestTopicsOfUpstreams(t *testing.T) {
	t.Parallel()
	got, err := Parse([]string{"crm.broadcasts=crm", " shop-2=shop"})
	if err != nil || len(got) != 2 || got[0] != (Source{"crm.broadcasts", "crm"}) || got[1] != (Source{"shop-2", "shop"}) {
		t.Errorf("%v, %v; want 2 of them", got, err)
	}
	table := Topics(got)
	if n := len(schemas.Topics()); len(table) != n+2 || table[n].Topic != "crm.broadcasts" || table[n].MaxRecord != schemas.MaxBroadcastBytes || table[n].Compact {
		t.Errorf("got %+v, want %v of them", table, n+2)
	}
	if len(Topics(nil)) != len(schemas.Topics()) || Owners(got)["shop-2"] != "shop" || Names(got)[1] != "shop-2" {
		t.Error("without any, or by name")
	}
}

func TestTopicsOfUpstreamsAreRefused(t *testing.T) {
	t.Parallel()
	for entries, want := range map[string]string{
		"crm":                                 "TOPIC=OWNER",
		"":                                    "TOPIC=OWNER",
		"=crm":                                "no topic",
		"..=crm":                              "no topic",
		"a b=crm":                             "no topic",
		"ñ=crm":                               "no topic",
		"crm=":                                "no owner",
		"crm=a b":                             "no owner",
		"crm=a=b":                             "no owner",
		"crm=a,crm=b":                         "twice",
		"c.rm=a,c_rm=b":                       "twice",
		"broadcasts=crm":                      "own",
		"sends_bulk=crm":                      "own",
		"registry=crm":                        "own",
		"x=" + strings.Repeat("o", 65):        "no owner",
		strings.Repeat("t", maxName+1) + "=o": "no topic",
		strings.Repeat("x=o,", maxTopics) + "x=o": "more than",
	} {
		if got, err := Parse(strings.Split(entries, ",")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error", entries, got, err)
		}
	}
}
