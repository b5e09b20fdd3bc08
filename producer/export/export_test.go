package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"altavoz/producer/export"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/phone"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// line is a row as a reader of NDJSON has it.
type line struct {
	Index     uint32 `json:"index"`
	Phone     string `json:"phone"`
	Outcome   string `json:"outcome"`
	Code      int    `json:"code"`
	Reason    string `json:"reason"`
	Retryable bool   `json:"retryable"`
}

var (
	reachable = []string{"573001234567", "+57 300 123-4567", "3007654321", "573110000001", "whatsapp:+573110000002", "5215512345678", "525512345678"}
	invalid   = []string{"12", "=1+1", "28/11/2026", "-5", "no \"tiene\", \r\nforma", "@x", "12345678901234567890", "+57"}
	states    = []schemas.RecipientState{
		schemas.StatePending, schemas.StateDuplicate, schemas.StateExpired, schemas.StateCancelled, schemas.StateUnknown, schemas.Failed(schemas.CodeInvalidPhone),
		schemas.Failed(131026), schemas.Failed(schemas.CodeExhausted), schemas.Failed(schemas.CodeOther), schemas.StateSent, schemas.StateConfirmed,
		schemas.Undelivered(131049), schemas.Undelivered(131000), schemas.StateDelivered, schemas.StateRead, 250,
	}
)

// want is what somebody who has list and states in memory would write.
func want(phones []string, of []byte, i int) line {
	state := schemas.RecipientState(of[i])
	l := line{Index: uint32(i), Outcome: string(state.Outcome()), Reason: state.In(es.English), Retryable: state.Retryable()}
	if code, ok := state.Code(); ok && code > 0 {
		l.Code = code
	}
	p, err := schemas.ParsePhone(phones[i], "CO")
	if l.Phone = string(p); err != nil {
		l.Phone, l.Retryable = strings.NewReplacer("\r", " ", "\n", " ").Replace(phones[i]), false
		if why := new(phone.Error); errors.As(err, &why) && state == schemas.Failed(schemas.CodeInvalidPhone) {
			l.Reason = "Invalid phone number format: " + why.Why.In(es.English)
		}
	}
	return l
}

// pagesAtMost is how many pages of a list are asked for, each of which reads its states again.
const pagesAtMost = 100

// Whatever is asked of whatever list: pages of JSON, NDJSON and CSV are what a plain loop over list and states gives.
func TestSimulatedListsGiveTheRecipientsOfListAndStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, id := newWorld(), schemas.NewTaskID()
		total := rapid.SampledFrom([]int{1, 7, 1000, 1001, 2500, schemas.PageRecipients + 700}).Draw(t, "total")
		rare := rapid.Bool().Draw(t, "rare")
		seed := rapid.Uint32().Draw(t, "seed")
		phones, final := make([]string, total), make([]byte, total)
		for i := range phones {
			n := seed + uint32(i)*2654435761
			phones[i] = fmt.Sprintf("57310%07d", n%9_999_999)
			if n%5 == 0 {
				phones[i] = reachable[n/5%uint32(len(reachable))]
			} else if n%7 == 0 {
				phones[i] = invalid[n/7%uint32(len(invalid))]
			}
			if !rare || n%997 == 0 {
				final[i] = byte(states[n/11%uint32(len(states))])
			}
		}
		s := w.accept(t, id, phones)
		w.page(schemas.NewTaskID(), 0, bytes.Repeat([]byte{255}, 10)) // another task's
		for n := 0; n*schemas.PageRecipients < total; n++ {
			page := final[n*schemas.PageRecipients : min((n+1)*schemas.PageRecipients, total)]
			early := slices.Clone(page)
			for i := range early {
				if (i+int(seed))%3 == 0 {
					early[i] /= 2
				}
			}
			for _, p := range [][]byte{page[:len(page)/2], early, page, early[:len(early)/3]} { // a zombie writes last
				w.page(id, uint32(n), p)
			}
		}
		values := url.Values{}
		if rapid.Bool().Draw(t, "outcomes") {
			values.Set("outcome", rapid.SampledFrom([]string{"failed", "failed,undelivered", "pending", "skipped, read", "delivered"}).Draw(t, "outcome"))
		}
		if rapid.Bool().Draw(t, "codes") {
			values["code"] = rapid.SampledFrom([][]string{{"131026"}, {"131049,131000"}, {"131026", "-1"}, {"135000"}}).Draw(t, "code")
		}
		if rapid.Bool().Draw(t, "phones") {
			values.Set("phone", rapid.SampledFrom(append([]string{phones[0], "573999999999"}, reachable...)).Filter(func(p string) bool {
				_, err := schemas.ParsePhone(p, "CO")
				return err == nil
			}).Draw(t, "phone"))
		}
		var expect []line
		for i := range phones {
			if matches(values, phones[i], schemas.RecipientState(final[i])) {
				expect = append(expect, want(phones, final, i))
			}
		}
		found := open(t, w, id, counting(s, 9, final))
		if found.Version != 9 || !found.Exact {
			t.Fatalf("version %d, exact %v; want 9, true", found.Version, found.Exact)
		}
		limit := max(rapid.SampledFrom([]int{1, 2, 99, 1000}).Draw(t, "limit"), len(expect)/pagesAtMost)
		for _, got := range []struct {
			name string
			rows []line
		}{
			{"pages", pages(t, found, values, limit, len(expect))},
			{"NDJSON", ndjson(t, found, values)},
			{"CSV", spreadsheet(t, found, values)},
		} {
			if !slices.Equal(expect, got.rows) {
				t.Fatalf("%s of %v (-want +got):\n%s", got.name, values, cmp.Diff(expect, got.rows))
			}
		}
	})
}

func matches(values url.Values, text string, state schemas.RecipientState) bool {
	list := func(name string) []string {
		return strings.FieldsFunc(strings.Join(values[name], ","), func(r rune) bool { return r == ',' || r == ' ' })
	}
	if all := list("outcome"); len(all) > 0 && !slices.Contains(all, string(state.Outcome())) {
		return false
	}
	if all := list("code"); len(all) > 0 {
		code, ok := state.Code()
		if !ok || !slices.Contains(all, strconv.Itoa(code)) {
			return false
		}
	}
	asked, _ := schemas.ParsePhone(values.Get("phone"), "CO")
	has, err := schemas.ParsePhone(text, "CO")
	return values.Get("phone") == "" || err == nil && has.Person() == asked.Person()
}

type failer interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

func open(t failer, w *world, id schemas.TaskID, s *schemas.Status) *export.Task {
	t.Helper()
	found, err := w.source().Open(t.Context(), id, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Settle(t.Context(), true, func() (*schemas.Status, error) { return s, nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

func query(t failer, values url.Values, more ...string) *export.Query {
	t.Helper()
	all := url.Values{}
	maps.Copy(all, values)
	for i := 0; i+1 < len(more); i += 2 {
		all.Set(more[i], more[i+1])
	}
	q, err := export.ReadQuery(all, "", "CO")
	if err != nil {
		t.Fatal(err)
	}
	q.Language = es.English
	return q
}

func pages(t failer, found *export.Task, values url.Values, limit, most int) (rows []line) {
	t.Helper()
	if most > 20*limit {
		limit = 1000
	}
	for cursor := ""; ; {
		p, err := found.Page(t.Context(), query(t, values, "limit", strconv.Itoa(limit), "cursor", cursor))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p.Recipients)
		var some []line
		if err = errors.Join(err, json.Unmarshal(text, &some)); err != nil || len(some) > limit || len(some) == 0 && p.NextCursor != "" {
			t.Fatal(err, len(some), limit)
		}
		rows = append(rows, some...)
		if cursor = p.NextCursor; cursor == "" {
			return rows
		}
	}
}

func written(t failer, found *export.Task, q *export.Query) string {
	t.Helper()
	var out bytes.Buffer
	rows := export.NewWriter(q.Format, &out)
	if err := errors.Join(found.Rows(t.Context(), q, rows.Row), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func ndjson(t failer, found *export.Task, values url.Values) (rows []line) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(written(t, found, query(t, values, "format", "ndjson")))); ; {
		var l line
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, l)
	}
}

// spreadsheet reads CSV back: what is no phone has its apostrophe taken off.
func spreadsheet(t failer, found *export.Task, values url.Values) (rows []line) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(written(t, found, query(t, values, "format", "csv")))).ReadAll()
	if err != nil || !slices.Equal(all[0], []string{"index", "phone", "outcome", "code", "reason", "retryable", "route"}) {
		t.Fatal(err, all)
	}
	for _, cells := range all[1:] {
		for _, cell := range cells {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r\n") {
				t.Fatal("a cell that a spreadsheet may take for a formula:", cell)
			}
		}
		index, err := strconv.ParseUint(cells[0], 10, 32)
		code, _ := strconv.Atoi(cells[3])
		retryable, bad := strconv.ParseBool(cells[5])
		if err = errors.Join(err, bad); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, line{uint32(index), strings.TrimPrefix(cells[1], "'"), cells[2], code, cells[4], retryable})
	}
	return rows
}

// TestRowsSayWhichMessageWasGot: of a broadcast with two, of those who got one; of others nothing.
func TestRowsSayWhichMessageWasGot(t *testing.T) {
	t.Parallel()
	final := []byte{byte(schemas.StateSent), byte(schemas.StateReadTemplate), byte(schemas.Undelivered(schemas.CodeWindow)), byte(schemas.StateConfirmedTemplate)}
	by := &schemas.Template{Name: "n", Language: "es"}
	for name, c := range map[string]struct {
		content *schemas.Content
		want    []export.Route
	}{
		"either":         {&schemas.Content{Body: "b", Template: by, Route: schemas.Route_ROUTE_AUTO}, []export.Route{export.FreeForm, export.Template, "", export.Template}},
		"by Direct Send": {&schemas.Content{Body: "b", Category: "utility", Route: schemas.Route_ROUTE_AUTO}, []export.Route{export.FreeForm, export.Direct, "", export.Direct}},
		"the template":   {&schemas.Content{Template: by}, []export.Route{"", "", "", ""}},
	} {
		want := c.want
		w, id := newWorld(), schemas.NewTaskID()
		w.content = c.content
		s := w.accept(t, id, []string{"573001234567", "573001234568", "573001234569", "573001234560"})
		w.page(id, 0, final)
		var got []export.Route
		if err := open(t, w, id, counting(s, 1, final)).Rows(t.Context(), query(t, nil), func(r *export.Row) error {
			got = append(got, r.Route)
			return nil
		}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestThreatS20CSVKeepsPhonesAndIsNoFormula(t *testing.T) {
	t.Parallel()
	w, id := newWorld(), schemas.NewTaskID()
	s := w.accept(t, id, []string{"+57 300 123 4567", "=HYPERLINK(\"http://x\",\"y\")", "28/11/2026", "12345678901234567890"})
	final := []byte{byte(schemas.StateRead), byte(schemas.Failed(schemas.CodeInvalidPhone)), byte(schemas.Failed(schemas.CodeInvalidPhone)), byte(schemas.StatePending)}
	w.page(id, 0, final)
	got := written(t, open(t, w, id, counting(s, 1, final)), query(t, nil, "format", "csv"))
	if want := "index,phone,outcome,code,reason,retryable,route\r\n0,573001234567,read,,,false,\r\n1,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",failed,,"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q at its beginning", got, want)
	}
	if !strings.Contains(got, "\r\n2,'28/11/2026,failed,") || !strings.HasSuffix(got, "\r\n3,'12345678901234567890,pending,,,false,\r\n") {
		t.Errorf("got %q, want '28/11/2026 and '12345678901234567890 in it", got)
	}
}

// A task that failed as a whole says why, of each of its recipients.
func TestWhatEndedTheTaskEndedItsRecipients(t *testing.T) {
	t.Parallel()
	w, id := newWorld(), schemas.NewTaskID()
	s := w.accept(t, id, []string{"573001234567"})
	s.Phase, s.Cause = schemas.Phase_PHASE_FAILED, schemas.Because(schemas.Reason_REASON_SENDER, es.Say(es.SenderMissing)).Cause()
	final := []byte{byte(schemas.Failed(schemas.CodeContent))}
	w.page(id, 0, final)
	rows := ndjson(t, open(t, w, id, counting(s, 1, final)), nil)
	if want := es.Say(es.SenderMissing).In(es.English); len(rows) != 1 || rows[0].Reason != want || rows[0].Retryable {
		t.Errorf("got %+v, want reason %q", rows, want)
	}
}

// Words that others wrote come into a cell as a reason.
func TestThreatS20AReasonIsNoFormula(t *testing.T) {
	t.Parallel()
	for _, why := range []string{"=1+1", "+57", "-2", "@x", " =1", "\t=1"} {
		w, id := newWorld(), schemas.NewTaskID()
		s := w.accept(t, id, []string{"573001234567"})
		s.Phase = schemas.Phase_PHASE_FAILED
		final := []byte{byte(schemas.Failed(schemas.CodeContent))}
		w.page(id, 0, final)
		s = counting(s, 1, final)
		s.Why = why
		q := query(t, nil, "format", "csv")
		q.Language = es.Spanish
		rows, err := csv.NewReader(strings.NewReader(written(t, open(t, w, id, s), q))).ReadAll()
		if err != nil || len(rows) != 2 || !strings.HasPrefix(rows[1][4], "'") {
			t.Errorf("%q: %q, %v; want an apostrophe before the reason", why, rows, err)
		}
	}
}

func TestStatesSettleOnAVersion(t *testing.T) {
	t.Parallel()
	pending, sent, read := []byte{0, 0}, []byte{0, byte(schemas.StateSent)}, []byte{byte(schemas.StateRead), byte(schemas.StateSent)}
	for _, tt := range []struct {
		name    string
		marks   []byte // at first
		later   []byte // a second later; nil: nothing
		shown   []byte // by version 5, the first one
		next    []byte // by version 6, a second later; nil: there is none
		version uint64
		exact   bool
		err     error
	}{
		{name: "at rest", marks: read, shown: read, version: 5, exact: true},
		{name: "nobody is decided", marks: pending, shown: pending, version: 5, exact: true},
		{name: "marks come later", marks: pending, later: read, shown: read, version: 5, exact: true},
		{name: "the Status comes later", marks: read, shown: sent, next: read, version: 6, exact: true},
		{name: "the Status never comes", marks: read, shown: sent, version: 5},
		{name: "marks never come", marks: pending, shown: sent, err: export.ErrBehind},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, id := newWorld(), schemas.NewTaskID()
				s := w.accept(t, id, []string{"573001234567", "573001234568"})
				w.page(id, 0, tt.marks)
				first := counting(s, 5, tt.shown)
				found, err := w.source().Open(t.Context(), id, first)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err = found.Settle(t.Context(), true, func() (*schemas.Status, error) {
					if time.Since(began) < time.Second {
						return first, nil
					}
					if tt.later != nil {
						w.page(id, 0, tt.later)
					}
					if tt.next != nil {
						return counting(s, 6, tt.next), nil
					}
					return first, nil
				})
				if !errors.Is(err, tt.err) || found.Version != tt.version || found.Exact != tt.exact {
					t.Errorf("version %d, exact %v, error %v; want %d, %v, %v", found.Version, found.Exact, err, tt.version, tt.exact, tt.err)
				}
			})
		})
	}
}

func TestAListThatIsGoneIsExpired(t *testing.T) {
	t.Parallel()
	long := slices.Repeat([]string{"573001234567"}, 2500)
	for _, tt := range []struct {
		name   string
		phones []string
		lose   func(*world, *schemas.Status)
	}{
		{"its broadcast is gone", long[:3], func(w *world, _ *schemas.Status) { clear(w.records) }},
		{"its first slice is gone", long, func(w *world, _ *schemas.Status) {
			delete(w.records[stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}], 0)
		}},
		{"another broadcast lies there", long[:3], func(w *world, s *schemas.Status) {
			o := s.GetPlan().GetOrigin()
			at := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: o.GetPartition()}
			rec := schemas.EncodeBroadcast(&schemas.Broadcast{Task: schemas.NewTaskID().Bytes(), Total: 3, Phones: long[:3]})
			w.records[at][o.GetOffset()] = rec
		}},
		{"another list lies there", long, func(w *world, _ *schemas.Status) {
			at := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}
			rec := w.records[at][0]
			rec.Key = []byte("secret:AAAAAAAAAAAAAAAAAAAAAAAAAA")
			w.records[at][0] = rec
		}},
		{"its record is rubbish", long[:3], func(w *world, s *schemas.Status) {
			o := s.GetPlan().GetOrigin()
			w.records[stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: o.GetPartition()}][o.GetOffset()] = stream.Record{Value: []byte("x")}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, id := newWorld(), schemas.NewTaskID()
			s := w.accept(t, id, tt.phones)
			tt.lose(w, s)
			if _, err := w.source().Open(t.Context(), id, s); !errors.Is(err, export.ErrExpired) {
				t.Errorf("error %v, want %v", err, export.ErrExpired)
			}
		})
	}
}

// Slices in which nobody is wanted are not read.
func TestOnlySlicesOfThoseWhoAreWantedAreRead(t *testing.T) {
	t.Parallel()
	w, id := newWorld(), schemas.NewTaskID()
	phones := slices.Repeat([]string{"573001234567"}, 9500)
	s := w.accept(t, id, phones)
	final := bytes.Repeat([]byte{byte(schemas.StateSent)}, len(phones))
	final[8123] = byte(schemas.Failed(131026))
	w.page(id, 0, final)
	found := open(t, w, id, counting(s, 1, final))
	w.slices = 0
	if rows := ndjson(t, found, url.Values{"outcome": {"failed"}}); len(rows) != 1 || rows[0].Index != 8123 || w.slices != 1 {
		t.Errorf("%+v of %d slices; want index 8123 of 1", rows, w.slices)
	}
}

func TestUnknownValuesAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"outcome=lost": "outcome invalid_value", "code=131099": "code invalid_value", "code=x": "code invalid_value",
		"phone=12": "phone invalid_value", "format=xlsx": "format invalid_value", "limit=0": "limit invalid_value", "limit=1001": "limit invalid_value",
		"cursor=x": "cursor invalid_value", "format=csv&limit=5": "limit invalid_value", "format=ndjson&cursor=AAAAAQ": "cursor invalid_value",
		"phone=573001234567&phone=573001234568": "phone duplicate_field",
	} {
		values, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = export.ReadQuery(values, "", "CO")
		var f *request.FieldError
		if !errors.As(err, &f) || f.Field+" "+f.Code != want || f.Hint.In(es.English) == "" || f.Says.In(es.English) == "" {
			t.Errorf("%s: %+v, want %s with a hint", text, f, want)
		}
	}
}

func TestFormatIsThatOfAcceptUnlessItIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		accept, format string
		want           export.Format
	}{
		{"", "", export.JSON},
		{"*/*", "", export.JSON},
		{"text/csv", "", export.CSV},
		{"text/html, application/x-ndjson", "", export.NDJSON},
		{"application/json;q=0.5, text/csv;q=0.9", "", export.CSV},
		{"text/csv;q=0, application/json", "", export.JSON},
		{"text/csv", "ndjson", export.NDJSON},
	} {
		q, err := export.ReadQuery(url.Values{"format": {tt.format}}, tt.accept, "CO")
		if err != nil || q.Format != tt.want {
			t.Errorf("%q and %q: %v, %v; want %v", tt.accept, tt.format, q, err, tt.want)
		}
	}
}

// A million recipients in the memory of their states and a slice, however they are written.
func TestMemoryDoesNotGrowWithTheList(t *testing.T) {
	const total, bound = 1_000_000, 12 << 20 // a byte each, the references of the slices, a slice, and what waits to be collected
	w, id := newWorld(), schemas.NewTaskID()
	s := w.accept(t, id, slices.Repeat([]string{"573001234567"}, 1001))
	// The same list, a thousand times as long, whose slices are made as they are read.
	at := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 1}
	key := string(w.records[at][0].Key)
	b := new(schemas.Broadcast)
	o := s.GetPlan().GetOrigin()
	place := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: o.GetPartition()}
	rec := w.records[place][o.GetOffset()]
	if err := schemas.Decode(&rec, b); err != nil {
		t.Fatal(err)
	}
	b.Total, s.Plan.Total, b.Slices.OffsetDeltas = total, total, make([]uint64, total/schemas.SliceRecipients)
	for i := range b.GetSlices().GetOffsetDeltas()[1:] {
		b.Slices.OffsetDeltas[i+1] = 1
	}
	w.records[place][o.GetOffset()] = schemas.EncodeBroadcast(b)
	w.slice = func(offset int64) stream.Record {
		phones := make([]string, schemas.SliceRecipients)
		for i := range phones {
			phones[i] = strconv.FormatInt(573_000_000_000+offset*schemas.SliceRecipients+int64(i), 10)
		}
		return schemas.EncodeSlice(key, &schemas.Slice{Phones: phones})
	}
	final := bytes.Repeat([]byte{byte(schemas.StateDelivered)}, total)
	for n := 0; n*schemas.PageRecipients < total; n++ {
		w.page(id, uint32(n), final[n*schemas.PageRecipients:min((n+1)*schemas.PageRecipients, total)])
	}
	status := counting(s, 3, final)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, rows := heap(), uint64(0), 0
	found := open(t, w, id, status)
	out := export.NewWriter(export.CSV, io.Discard)
	err := found.Rows(t.Context(), query(t, nil, "format", "csv"), func(r *export.Row) error {
		if rows++; rows%100_000 == 0 {
			most = max(most, heap())
		}
		return out.Row(r)
	})
	if err != nil || rows != total {
		t.Fatalf("%d rows, %v; want %d", rows, err, total)
	}
	if most > before+bound {
		t.Errorf("the heap grew by %d bytes, want at most %d", most-before, bound)
	}
}
