package repo

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packages says which of our packages each of them may import. A folder with Go files that is not here may not exist; the table
// is explained in DESIGN.md.
var packages = map[string][]string{
	"stream":                {},
	"schemas":               {"schemas/es", "stream", "schemas/hours", "schemas/phone", "schemas/rules", "schemas/version"},
	"schemas/request":       {"schemas", "schemas/content", "schemas/es", "schemas/datauri", "schemas/hours", "schemas/personal", "schemas/phone", "schemas/request/attached", "schemas/request/fault", "schemas/rules", "schemas/shape", "schemas/split", "schemas/template/use"},
	"schemas/shape":         {"schemas", "schemas/es", "schemas/request/fault", "schemas/rules"},
	"schemas/content":       {"schemas", "schemas/es", "schemas/optout", "schemas/request/fault", "schemas/rules", "schemas/shape", "schemas/template/use"},
	"schemas/template/use":  {"schemas", "schemas/es", "schemas/request/fault", "schemas/rules"},
	"blob":                  {"stream", "schemas", "schemas/es"},
	"schemas/taskids":       {"schemas"},
	"schemas/places":        {},
	"schemas/price":         {},
	"schemas/optout":        {"stream", "schemas"},
	"schemas/reply":         {"stream", "schemas"},
	"schemas/lastinbound":   {"stream", "schemas", "schemas/optout"},
	"schemas/people":        {"stream", "schemas", "schemas/optout"},
	"schemas/es":            {},
	"schemas/phone":         {"schemas/es"},
	"schemas/standing":      {"stream", "schemas"},
	"schemas/rules":         {},
	"schemas/personal":      {"schemas", "schemas/es", "schemas/request/fault", "schemas/rules", "schemas/shape", "schemas/template/use"},
	"schemas/datauri":       {"schemas/rules"},
	"schemas/template":      {"schemas", "schemas/es", "schemas/personal", "schemas/request/fault", "schemas/rules"},
	"schemas/split":         {},
	"schemas/hours":         {},
	"schemas/shown":         {},
	"schemas/version":       {},
	"producer":              {"stream", "schemas", "schemas/es", "schemas/request", "schemas/taskids", "producer/access", "producer/bodies", "producer/chosen", "producer/connections", "producer/dryrun", "producer/export", "producer/feed", "producer/guard", "producer/headers", "producer/codes", "producer/history", "producer/identity", "producer/loglimit", "producer/meters", "producer/optouts", "producer/ratelimit", "producer/requestid", "producer/retry", "producer/route", "producer/senders", "producer/slots", "producer/tasks", "producer/templates", "producer/underway", "producer/upload", "producer/webhooks", "schemas/standing"},
	"producer/access":       {"schemas", "schemas/request", "schemas/rules"},
	"producer/chosen":       {"schemas"},
	"producer/route":        {},
	"producer/optouts":      {"producer/page", "stream", "schemas", "schemas/es", "schemas/optout", "schemas/phone", "schemas/request", "producer/access", "producer/codes", "producer/upload"},
	"producer/templates":    {"producer/page", "schemas", "schemas/es", "schemas/request", "schemas/template", "producer/access", "producer/codes"},
	"producer/dryrun":       {"processor/fanout/canary", "processor/fanout/recipients", "producer/dryrun/rates", "producer/export", "producer/senders", "producer/tasks", "schemas", "schemas/es", "schemas/personal", "schemas/phone", "schemas/request"},
	"producer/dryrun/rates": {},
	"producer/identity":     {"stream", "schemas", "schemas/taskids"},
	"producer/upload":       {"stream", "schemas", "schemas/places", "schemas/request", "blob"},
	"producer/retry":        {"schemas", "schemas/es", "schemas/places", "schemas/request", "blob", "processor/fanout/recipients", "producer/codes", "producer/export", "producer/upload"},
	"producer/page":         {"schemas/es", "schemas/request"},
	"producer/bodies":       {"schemas", "producer/tasks"},
	"producer/export":       {"producer/page", "stream", "schemas", "schemas/es", "schemas/personal", "schemas/phone", "schemas/request", "schemas/shown", "blob", "processor/fanout/normalize", "processor/fanout/recipients", "processor/fanout/status", "producer/tasks"},
	"producer/history":      {"producer/page", "stream", "schemas", "schemas/es", "schemas/phone", "schemas/request", "producer/export", "producer/tasks"},
	"producer/feed":         {},
	"producer/meters":       {"producer/slots"},
	"producer/webhooks":     {"stream", "schemas/es", "schemas/optout", "schemas/request", "producer/codes", "producer/connections", "producer/loglimit", "producer/slots", "producer/underway", "producer/upload"},
	"producer/codes":        {"schemas/es"},
	"producer/ratelimit":    {},
	"producer/requestid":    {},
	"producer/headers":      {"schemas/es", "schemas/request"},
	"producer/senders":      {"schemas", "schemas/es", "schemas/price", "schemas/request", "schemas/standing", "processor/sender/limits", "producer/tasks"},
	"producer/cloudevents":  {"stream", "schemas", "schemas/es", "producer/tasks"},
	"producer/tasks":        {"schemas", "schemas/es", "schemas/price", "schemas/request", "schemas/shown"},
	"internal/backoff":      {},
	"processor/rate":        {},
	"processor/timers":      {},
	"processor/partition":   {"stream", "internal/backoff"},
	"producer/loglimit":     {},
	"producer/slots":        {"producer/access", "producer/underway"},
	"producer/underway":     {},
	"producer/guard":        {"producer/loglimit", "producer/ratelimit"},
	"app/admission":         {"schemas/es", "producer/access", "producer/connections", "producer/guard", "producer/codes", "producer/ratelimit"},
	"processor/fanout": {
		"stream", "schemas", "processor/partition", "processor/fanout/canary", "processor/fanout/ledger", "processor/fanout/tracking", "processor/fanout/normalize", "processor/fanout/prepare", "processor/fanout/recipients",
		"processor/fanout/schedule", "processor/fanout/status", "processor/fanout/task", "processor/fanout/watch", "blob", "schemas/es", "schemas/request", "schemas/standing", "schemas/taskids",
	},
	"processor/fanout/canary":     {"schemas"},
	"producer/connections":        {"producer/loglimit"},
	"processor/fanout/ledger":     {"stream", "schemas"},
	"processor/fanout/recipients": {"stream", "schemas", "schemas/places", "blob", "processor/fanout/normalize"},
	"processor/fanout/normalize":  {"stream", "schemas", "schemas/content", "schemas/es", "schemas/personal", "blob", "schemas/request"},
	"processor/fanout/status":     {"schemas"},
	"processor/fanout/schedule":   {"schemas", "processor/rate"},
	"processor/fanout/task":       {"stream", "schemas", "schemas/es", "schemas/personal", "schemas/standing", "schemas/taskids", "processor/fanout/canary", "processor/fanout/ledger", "processor/fanout/normalize", "processor/fanout/recipients", "processor/fanout/schedule", "processor/fanout/status"},
	"processor/fanout/tracking":   {"stream", "schemas", "processor/fanout/ledger", "processor/fanout/task"},
	"processor/fanout/watch":      {"schemas"},
	"processor/fanout/prepare":    {"stream", "schemas", "schemas/es", "blob", "processor/partition", "processor/fanout/normalize", "processor/fanout/recipients", "processor/fanout/task"},
	"processor/sender": {
		"stream", "internal/backoff", "schemas", "processor/partition", "processor/sender/content", "processor/sender/dedup", "processor/sender/failures", "processor/sender/ledger", "processor/sender/limits", "processor/sender/places", "processor/sender/report", "processor/sender/route", "processor/sender/schedule", "processor/sender/schedule/meters",
		"processor/timers", "schemas/reply", "schemas/standing",
	},
	"processor/sender/content":  {"internal/backoff", "schemas", "schemas/personal", "schemas/standing"},
	"processor/sender/dedup":    {"schemas"},
	"processor/sender/route":    {"schemas", "schemas/lastinbound", "processor/sender/content"},
	"processor/sender/ledger":   {"stream"},
	"processor/sender/limits":   {"internal/backoff", "schemas", "processor/rate"},
	"processor/sender/places":   {"schemas", "schemas/people", "processor/sender/report", "processor/sender/schedule/queue"},
	"processor/sender/report":   {"schemas", "schemas/standing", "processor/sender/limits"},
	"processor/sender/failures": {"schemas", "schemas/es"},
	"processor/sender/schedule": {
		"schemas/es", "stream", "internal/backoff", "schemas", "processor/partition", "processor/sender/content", "processor/sender/failures", "processor/sender/limits", "processor/sender/places", "processor/sender/report", "processor/sender/schedule/meters", "processor/sender/schedule/queue", "processor/timers", "schemas/people", "schemas/request/fault", "schemas/standing",
	},
	"processor/sender/schedule/meters": {"processor/sender/limits", "processor/sender/places"},
	"processor/sender/schedule/queue":  {},
	"processor/aggregator": {
		"stream", "schemas", "processor/partition", "processor/aggregator/finished", "processor/aggregator/fold", "processor/aggregator/ownwrites",
		"processor/rate", "processor/aggregator/cadence", "processor/aggregator/lastresult", "processor/aggregator/meters", "processor/aggregator/outbox", "processor/aggregator/readback",
	},
	"processor/callbacks":             {"stream", "internal/backoff", "schemas", "processor/callbacks/sign", "processor/partition", "processor/timers"},
	"processor/callbacks/sign":        {"schemas"},
	"processor/callbacks/post":        {},
	"app/callback":                    {"processor/callbacks/post", "processor/callbacks/sign", "producer/access", "schemas", "schemas/es", "schemas/request", "whatsapp/media"},
	"processor/aggregator/cadence":    {},
	"processor/aggregator/lastresult": {"stream"},
	"processor/aggregator/meters":     {"stream", "schemas", "processor/aggregator/fold"},
	"processor/aggregator/outbox":     {"stream", "schemas", "internal/backoff", "processor/aggregator/fold"},
	"processor/aggregator/finished":   {"schemas", "schemas/taskindex"},
	"processor/aggregator/fold":       {"stream", "schemas", "schemas/price"},
	"processor/aggregator/ownwrites":  {"stream"},
	"processor/aggregator/readback":   {"stream", "schemas", "internal/backoff", "processor/aggregator/fold", "processor/aggregator/outbox"},
	"processor/relay":                 {"stream", "internal/backoff", "processor/fanout/normalize", "processor/partition", "schemas", "schemas/request", "schemas/taskids"},
	"processor":                       {"stream", "schemas", "kafka", "kafka/group", "processor/fanout", "processor/relay", "processor/sender", "processor/aggregator", "processor/callbacks"},
	"kafka":                           {"stream", "internal/backoff", "schemas", "kafka/health"},
	"kafka/records":                   {"stream", "schemas", "kafka"},
	"kafka/registry":                  {"stream", "schemas", "kafka", "kafka/records"},
	"kafka/topics":                    {"stream", "schemas", "kafka", "kafka/records", "kafka/registry"},
	"kafka/trim":                      {"stream", "kafka", "kafka/records"},
	"kafka/blocked":                   {"stream", "schemas", "kafka"},
	"kafka/group":                     {"stream", "schemas", "kafka", "kafka/blocked", "kafka/group/balance", "kafka/group/membership", "kafka/group/offsets", "kafka/records", "kafka/registry"},
	"kafka/group/balance":             {},
	"kafka/group/membership":          {"stream"},
	"kafka/group/offsets":             {"stream"},
	"kafka/table":                     {"stream", "schemas", "schemas/lastinbound", "schemas/optout", "schemas/people", "kafka", "kafka/blocked", "kafka/records", "kafka/table/fold", "schemas/reply"},
	"kafka/table/fold":                {"stream", "schemas", "schemas/standing", "schemas/taskindex"},
	"kafka/rejects":                   {"stream", "schemas", "schemas/shown"},
	"kafka/health":                    {"schemas/refused"},
	"kafka/kafkatest":                 {"stream", "schemas", "kafka", "kafka/group", "kafka/records", "kafka/table", "kafka/topics"}, // for tests
	"schemas/refused":                 {},
	"schemas/taskindex":               {},
	"redis":                           {"schemas", "schemas/refused"},
	"whatsapp/action":                 {"schemas"},
	"whatsapp/templated":              {"schemas", "schemas/es"},
	"whatsapp/interactive":            {"schemas", "schemas/es", "whatsapp/action"},
	"whatsapp/marketing":              {"schemas"},
	"whatsapp":                        {"stream", "schemas", "schemas/es", "schemas/lastinbound", "schemas/optout", "schemas/price", "whatsapp/account", "whatsapp/http1", "whatsapp/inbound", "whatsapp/interactive", "whatsapp/marketing", "whatsapp/nethttp", "whatsapp/scan", "whatsapp/signature", "whatsapp/templated"},
	"whatsapp/http1":                  {},
	"whatsapp/nethttp":                {"whatsapp/http1"},
	"whatsapp/scan":                   {"schemas/price"},
	"whatsapp/signature":              {"schemas"},
	"whatsapp/inbound":                {"schemas", "schemas/lastinbound", "schemas/optout"},
	"whatsapp/templates":              {"schemas", "schemas/es", "schemas/template", "whatsapp/nethttp"},
	"whatsapp/account":                {"stream", "schemas", "schemas/standing"},
	"whatsapp/media":                  {"schemas", "schemas/es", "schemas/rules", "whatsapp/media/seal"},
	"whatsapp/media/seal":             {"schemas"},
	"whatsapp/simulator/content":      {"whatsapp/simulator/ledger"},
	"whatsapp/simulator":              {"whatsapp/simulator/codes", "whatsapp/simulator/content", "whatsapp/simulator/faults", "whatsapp/simulator/templates", "whatsapp/simulator/ledger", "whatsapp/simulator/h2", "whatsapp/simulator/pages", "whatsapp/simulator/server", "whatsapp/simulator/users", "whatsapp/simulator/webhooks"},
	"whatsapp/simulator/faults":       {"whatsapp/simulator/ledger"},
	"whatsapp/simulator/codes":        {},
	"whatsapp/simulator/h2":           {},
	"whatsapp/simulator/templates":    {"whatsapp/simulator/ledger"},
	"whatsapp/simulator/ledger":       {},
	"whatsapp/simulator/pages":        {},
	"whatsapp/simulator/server":       {"whatsapp/simulator/h2"},
	"whatsapp/simulator/users":        {},
	"whatsapp/simulator/webhooks":     {"whatsapp/simulator/faults", "whatsapp/simulator/ledger", "whatsapp/simulator/users"},
	"app/simulate":                    {"app/embedded", "schemas", "whatsapp/signature", "whatsapp/simulator"},
	"app/embedded":                    {"whatsapp/simulator"},
	"app/heap":                        {},
	"app/environment":                 {"app/filewatch", "schemas", "schemas/rules"},
	"app/numbers":                     {"app/environment", "app/filewatch", "schemas", "whatsapp/marketing"},
	"app/keys":                        {"app/environment", "app/filewatch", "producer/access", "schemas"},
	"app/optouts":                     {"stream", "app/numbers", "kafka", "kafka/table", "schemas", "schemas/lastinbound", "schemas/optout"},
	"app/views":                       {"stream", "app/numbers", "app/optouts", "kafka", "kafka/table"},
	"app/ids":                         {"stream", "kafka", "kafka/records", "kafka/registry", "producer/identity", "schemas"},
	"app/upstream":                    {"stream", "client", "producer/access", "schemas"},
	"app/filewatch":                   {},
	"app/readiness":                   {"schemas/es"},
	"app/budget":                      {"stream", "kafka", "kafka/trim", "processor", "processor/sender/dedup", "processor/sender/ledger", "producer/codes", "schemas", "schemas/es"},
	"app/trimming":                    {"stream", "app/budget", "kafka", "kafka/trim", "processor", "schemas"},
	"app/version":                     {},
	"app/operator":                    {"stream", "app/upstream", "kafka", "kafka/records", "kafka/rejects", "kafka/topics", "processor", "processor/callbacks", "schemas", "schemas/shown"},
	"app/secure":                      {"app/filewatch", "schemas", "schemas/rules"},
	"internal/testio":                 {},
	"internal/logtest":                {"stream"},
	"test/contract":                   {"schemas"},
	"test/harness":                    {"stream", "test/contract", "app", "app/embedded", "kafka", "kafka/records", "kafka/table", "kafka/topics", "producer", "schemas", "whatsapp/simulator"},
	"test/e2e":                        {},
	"test/sim":                        {},
	"test/bench":                      {},
	"test/mutants":                    {},
	"test/repo":                       {},
	"test/docs":                       {},
	"test/chaos":                      {},
	"test/witness":                    {"stream", "processor/sender/ledger"},
	"app": {
		"stream", "client", "app/admission", "app/budget", "app/callback", "app/embedded", "app/environment", "app/ids", "app/keys", "app/numbers", "app/optouts", "app/readiness", "app/secure", "app/trimming", "app/upstream", "app/version", "app/views", "schemas", "blob", "schemas/es", "schemas/request", "schemas/shown", "producer", "producer/webhooks", "producer/access", "producer/cloudevents", "producer/connections", "producer/dryrun", "producer/dryrun/rates", "producer/export", "producer/guard", "producer/codes", "producer/history", "producer/identity", "producer/optouts", "producer/requestid", "producer/senders", "producer/templates", "processor", "processor/partition", "processor/fanout", "processor/fanout/prepare", "processor/relay", "processor/sender", "processor/aggregator", "processor/callbacks", "processor/callbacks/post", "processor/callbacks/sign", "kafka", "kafka/group", "kafka/health", "kafka/records", "kafka/rejects", "kafka/table", "kafka/topics", "redis",
		"whatsapp", "whatsapp/marketing", "whatsapp/media", "whatsapp/signature", "whatsapp/simulator", "whatsapp/templates",
	},
	"client":               {"stream", "schemas", "schemas/template", "schemas/request", "schemas/shown", "producer/upload"},
	"lists":                {"schemas/phone"},
	"cmd/altavoz":          {"schemas", "schemas/content", "schemas/request", "schemas/shown", "app", "app/heap", "app/simulate", "app/version", "client", "lists", "cmd/altavoz/dryrun", "cmd/altavoz/history", "cmd/altavoz/numbers", "cmd/altavoz/operate", "cmd/altavoz/optouts", "cmd/altavoz/phones", "cmd/altavoz/progress", "cmd/altavoz/templates", "cmd/altavoz/shape"},
	"cmd/altavoz/dryrun":   {"client", "schemas/shown"},
	"cmd/altavoz/numbers":  {"client", "schemas/shown"},
	"cmd/altavoz/history":  {"client", "schemas/shown"},
	"cmd/altavoz/optouts":  {"client", "schemas/shown"},
	"cmd/altavoz/operate":  {"app", "app/operator", "app/upstream", "schemas", "schemas/shown"},
	"cmd/altavoz/phones":   {"client", "lists", "schemas/personal"},
	"cmd/altavoz/shape":    {"client"},
	"cmd/altavoz/progress": {"client", "schemas/shown"},

	"cmd/altavoz/templates":    {"client", "schemas", "schemas/es", "schemas/shown", "schemas/template"},
	"schemas/request/fault":    {"schemas", "schemas/es", "schemas/hours"},
	"schemas/request/attached": {"schemas", "schemas/es", "schemas/datauri", "schemas/request/fault", "schemas/rules"},
}

// What fits on a screen, in a sitting and in a head. Tests and generated code are not counted, and in a package neither are
// comments and empty lines: explaining must not cost anything.
const (
	maxFunctionLines = 80
	maxFileLines     = 400
	maxPackageLines  = 1500
)

// crowded are the packages that hold more than a package should, with what they hold. The numbers may only go down.
var crowded = map[string]int{}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	for _, s := range Sources(t) {
		may, ok := packages[s.Package]
		if !ok {
			t.Errorf("%s: the table has no package %s", s.Path, s.Package)
			continue
		}
		for _, i := range s.Tree.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if dep, ours := strings.CutPrefix(name, "altavoz/"); ours && !slices.Contains(may, dep) {
				t.Errorf("%s: %s may not import %s", s.Path, s.Package, dep)
			}
		}
	}
}

func TestFunctionsFilesAndPackagesStaySmall(t *testing.T) {
	t.Parallel()
	sizes := make(map[string]int)
	for _, s := range Sources(t) {
		if ast.IsGenerated(s.Tree) {
			continue
		}
		sizes[s.Package] += s.Code
		if s.Lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d; want at most %v", s.Path, s.Lines, maxFileLines, maxFileLines)
		}
		for _, d := range s.Tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.Files.Position(f.End()).Line - s.Files.Position(f.Pos()).Line + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d; want at most %v", s.Path, f.Name.Name, n, maxFunctionLines, maxFunctionLines)
			}
		}
	}
	for name, n := range sizes {
		if most := max(maxPackageLines, crowded[name]); n > most {
			t.Errorf("the package %s has %d lines of code, more than %d; want at most %v", name, n, most, most)
		}
		if crowded[name] > 0 && n <= maxPackageLines {
			t.Errorf("the package %s is not crowded any more: take it off the list", name)
		}
	}
}

func TestEveryPackageHasAPackageComment(t *testing.T) {
	t.Parallel()
	said := make(map[string]bool)
	for _, s := range Sources(t) {
		said[s.Package] = said[s.Package] || s.Tree.Doc != nil
	}
	for name, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", name)
		}
	}
}

// A global is state that two processes in one test would share. Tables that nobody writes to, and errors, are none.
func TestNoPackageHasAnInit(t *testing.T) {
	t.Parallel()
	for _, s := range Sources(t) {
		for _, d := range s.Tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !ast.IsGenerated(s.Tree) {
				t.Errorf("%s: wiring is explicit, there is no init", s.Path)
			}
		}
	}
}
