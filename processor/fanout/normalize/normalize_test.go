package normalize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/schemas/request"
	"altavoz/stream"
)

// blobsLog keeps what was published.
type blobsLog struct {
	recs []stream.Record
	fail error
}

func (l *blobsLog) publish(_ context.Context, recs ...stream.Record) ([]stream.Record, error) {
	if l.fail != nil {
		return nil, l.fail
	}
	out := make([]stream.Record, len(recs))
	for i, rec := range recs {
		rec.Offset = int64(len(l.recs))
		l.recs = append(l.recs, rec)
		out[i] = rec
	}
	return out, nil
}

func (l *blobsLog) writer() Writer {
	return Writer{
		Publish: l.publish, Home: func(stream.Topic, []byte) int32 { return 3 }, DefaultSender: "100", MaxRecipients: 10_000,
	}
}

func TestJSONBecomesABroadcast(t *testing.T) {
	t.Parallel()
	var l blobsLog
	phones := make([]string, 2500)
	for i := range phones {
		phones[i] = fmt.Sprintf(`"57300%07d"`, i)
	}
	rec := stream.Record{Partition: 1, Offset: 7, Time: time.UnixMilli(5), Value: fmt.Appendf(nil, `{"body_text":"hola","phones":[%s]}`, strings.Join(phones, ","))}
	b, err := l.writer().Broadcast(t.Context(), &rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.GetTotal() != 2500 || len(b.GetPhones()) > 0 || len(b.GetSlices().Offsets()) != 3 || b.GetSlices().GetPartition() != 3 || len(l.recs) != 3 {
		t.Errorf("%v, %d blobs; want Total 2500, 3", b, len(l.recs))
	}
	if b.GetSender() != "100" || b.GetOrigin().GetOffset() != 7 || b.GetAcceptedMs() != 5 || len(b.GetTask()) == 0 {
		t.Errorf("got %v, want Sender %q, AcceptedMs 5", b, "100")
	}
}

// Whoever tries again gets the same task, and the record as it was.
func TestSecondTryStartsFromTheRecord(t *testing.T) {
	t.Parallel()
	in := &schemas.Broadcast{Content: &schemas.Content{
		Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_DOCUMENT, Media: &schemas.MediaRef{Inline: []byte("%PDF-1.7\n"), Filename: "a.pdf"},
	}, Phones: []string{"573001234567"}, Sender: "200"}
	rec := schemas.EncodeBroadcast(in)
	rec.Partition, rec.Offset = 0, 4
	l := blobsLog{fail: errors.New("the broker is away")}
	if _, err := l.writer().Broadcast(t.Context(), &rec, in); !errors.Is(err, l.fail) {
		t.Fatalf("got %v, want %v", err, l.fail)
	}
	l.fail = nil
	first, err := l.writer().Broadcast(t.Context(), &rec, in)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.writer().Broadcast(t.Context(), &rec, in)
	if err != nil || string(first.GetTask()) != string(second.GetTask()) {
		t.Errorf("%x and %x, %v", first.GetTask(), second.GetTask(), err)
	}
	if m := second.GetContent().GetMedia(); len(m.GetInline()) > 0 || len(m.GetParts().Offsets()) != 1 || m.GetMimeType() != "application/pdf" || second.GetSender() != "200" {
		t.Errorf("got %v, want Sender %q", second, "200")
	}
}

// personally is a broadcast whose list does not fit into its record; each recipient has the value.
func personally(value string) *schemas.Broadcast {
	b := &schemas.Broadcast{Sender: "200", Content: &schemas.Content{Body: "{{a}}", Variables: []string{"a"}}}
	for range schemas.PersonalSliceRecipients + 1 {
		b.Phones, b.Personal = append(b.Phones, "573001234567"), append(b.Personal, &schemas.Personal{Variables: []uint32{0}, Values: []string{value}})
	}
	return b
}

// TestTextsThatAreNoPhonesFitTheirRecords: they cost only themselves, however long they are, and are phones no more than before.
func TestTextsThatAreNoPhonesFitTheirRecords(t *testing.T) {
	t.Parallel()
	var l blobsLog
	b := &schemas.Broadcast{Sender: "200", Content: &schemas.Content{Body: "hola"}}
	b.Phones = append(slices.Repeat([]string{"573001234567"}, schemas.SliceRecipients), "573001234567"+strings.Repeat(" ", schemas.MaxRecordBytes), strings.Repeat("ñ", schemas.MaxRecordBytes))
	rec := schemas.EncodeBroadcast(b)
	got, err := l.writer().Broadcast(t.Context(), &rec, b)
	if err != nil || got.GetTotal() != schemas.SliceRecipients+2 {
		t.Fatalf("%v, %v", got, err)
	}
	var last schemas.Slice
	for _, rec := range l.recs {
		if len(rec.Value) > schemas.MaxRecordBytes {
			t.Errorf("a record of %d bytes", len(rec.Value))
		}
		if err := schemas.Decode(&rec, &last); err != nil {
			t.Fatal(err)
		}
	}
	if len(last.GetPhones()) != 2 {
		t.Fatalf("%d in the last slice", len(last.GetPhones()))
	}
	for _, text := range last.GetPhones() {
		if p, err := schemas.ParsePhone(text, "CO"); err == nil {
			t.Errorf("%q is a phone: %s", text, p)
		}
	}
}

func TestWhatCantBePutInOrderSaysWhy(t *testing.T) {
	t.Parallel()
	file := func(kind schemas.HeaderKind, b []byte) *schemas.Broadcast {
		return &schemas.Broadcast{Sender: "200", Phones: []string{"573001234567"}, Content: &schemas.Content{Body: "hola", Header: kind, Media: &schemas.MediaRef{Inline: b}}}
	}
	for _, tt := range []struct {
		name      string
		b         *schemas.Broadcast
		byDefault string
		want      string
	}{
		{"no number", &schemas.Broadcast{Phones: []string{"573001234567"}, Content: &schemas.Content{Body: "hola"}}, "", es.Say(es.SenderMissing).Spanish()},
		{"a type that is not the header's", file(schemas.HeaderKind_HEADER_KIND_IMAGE, []byte("%PDF-1.7\n")), "100", es.Say(es.MediaType).Spanish()},
		{"a script in the button", &schemas.Broadcast{Sender: "200", Phones: []string{"573001234567"}, Content: &schemas.Content{Body: "hola", ButtonUrl: "javascript:alert(1)"}}, "100", "El campo 'button_url' debe ser una URL completa que empiece por http:// o https://"},
		{"a placeholder", &schemas.Broadcast{Sender: "200", Phones: []string{"573001234567"}, Content: &schemas.Content{Body: "Hola {{1}}"}}, "100", "El campo 'body_text' tiene un marcador sin reemplazar: {{1}}"},
		{"values larger than a slice", personally(strings.Repeat("a", schemas.MaxPersonalBytes+1)), "100", es.Say(es.OwnTooLarge).Spanish()},
		{"too large", file(schemas.HeaderKind_HEADER_KIND_IMAGE, make([]byte, schemas.HeaderKind_HEADER_KIND_IMAGE.MaxBytes()+1)), "100", es.Say(es.MediaSize).Spanish()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var l blobsLog
			w := l.writer()
			w.DefaultSender = tt.byDefault
			rec := schemas.EncodeBroadcast(tt.b)
			_, err := w.Broadcast(t.Context(), &rec, tt.b)
			var field *request.FieldError
			if !errors.As(err, &field) || field.Error() != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// A misspelt member means something: it is refused, unless the record's header says otherwise.
func TestUnknownMembersOfJSONAreRefusedUnlessTheRecordIsLenient(t *testing.T) {
	t.Parallel()
	value := []byte(`{"phones":["573001234567"],"body_text":"hola","scheduled_at":"2026-03-02T12:00:00Z"}`)
	for _, tt := range []struct {
		name    string
		headers []stream.Header
		want    string
	}{
		{"strict", nil, request.CodeUnknown},
		{"another header", []stream.Header{{Key: "Prefer", Value: []byte("respond-async")}}, request.CodeUnknown},
		{"lenient", []stream.Header{{Key: "Prefer", Value: []byte("handling=lenient")}}, ""},
		{"lenient among others, in any case", []stream.Header{{Key: "prefer", Value: []byte(`respond-async, Handling = "lenient"`)}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var l blobsLog
			_, err := l.writer().Broadcast(t.Context(), &stream.Record{Value: value, Headers: tt.headers}, nil)
			var field *request.FieldError
			if errors.As(err, &field); (err == nil) != (tt.want == "") || field != nil && field.Code != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// What registries and Kafka Connect put round a request is taken off.
func TestARequestIsFoundInWhatOthersPutRoundIt(t *testing.T) {
	t.Parallel()
	const whole = `{"phones":["573001234567"],"body_text":"hola"}`
	for _, tt := range []struct{ name, value, code string }{
		{"bare", whole, ""},
		{"byte order mark", "\ufeff" + whole, ""},
		{"schema registry", "\x00\x00\x00\x01\x2a" + whole, ""},
		{"schema registry, number that looks like JSON", "\x00{{{{" + whole, ""},
		{"Connect", `{"schema":{"type":"struct","fields":[]},"payload":` + whole + `}`, ""},
		{"Connect, payload first", ` {"payload":` + whole + `, "schema":null}`, ""},
		{"Connect, a string", `{"schema":{"type":"string"},"payload":"{\"phones\":[\"573001234567\"],\"body_text\":\"hola\"}"}`, ""},
		{"both", "\x00\x00\x00\x00\x07" + `{"schema":{},"payload":` + whole + `}`, ""},
		{"an envelope with more in it", `{"schema":{},"payload":` + whole + `,"phones":["1"],"body_text":"b"}`, request.CodeUnknown},
		{"Avro in the framing of a registry", "\x00\x00\x00\x00\x07\x02\x18hola", request.CodeJSON},
		{"framing alone", "\x00\x00\x00\x00\x07", request.CodeJSON},
		{"empty", "", request.CodeJSON},
		{"Connect, a member twice", `{"schema":{},"payload":{"phones":["1"],"phones":["2"],"body_text":"b"}}`, request.CodeDuplicate},
		{"Connect, the payload twice", `{"schema":{},"payload":7,"payload":` + whole + `}`, ""},
		{"Connect, text that is no UTF-8", "{\"schema\":{\"\xff\":1},\"payload\":" + whole + "}", ""},
		{"Connect, cut off", `{"schema":{},"payload":` + whole, request.CodeJSON},
		{"payload that is none", `{"schema":{},"payload":7}`, request.CodeJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var l blobsLog
			b, err := l.writer().Broadcast(t.Context(), &stream.Record{Value: []byte(tt.value)}, nil)
			var field *request.FieldError
			switch {
			case tt.code != "" && (!errors.As(err, &field) || field.Code != tt.code):
				t.Errorf("%v, want %s", err, tt.code)
			case tt.code == "" && (err != nil || b.GetContent().GetBody() != "hola"):
				t.Errorf("got %v, %v; want it with the text \"hola\"", b, err)
			}
		})
	}
}

// A record that is refused fails the task that it names, and a copied list belongs to the record that names its task: whoever reads the
// name otherwise than an earlier version did takes the one for the other.
func TestARecordNamesTheTaskThatEarlierVersionsRead(t *testing.T) {
	t.Parallel()
	const one, other = "0192f0c0-0000-7000-8000-000000000001", "0192f0c0-0000-7000-8000-000000000002"
	for _, tt := range []struct{ name, value, want string }{
		{"plain", `{"task_id":"` + one + `","phones":[]}`, one},
		{"in capitals", `{"TASK_ID":"` + one + `"}`, one},
		{"without the line", `{"taskid":"` + one + `"}`, ""},
		{"with another line", `{"task-id":"` + one + `"}`, ""},
		{"twice", `{"task_id":"` + one + `","task_id":"` + other + `"}`, other},
		{"twice, then a number", `{"task_id":"` + one + `","task_id":7}`, one},
		{"a number", `{"task_id":7}`, ""},
		{"null", `{"task_id":null}`, ""},
		{"escaped", `{"t\u0061sk_id":"` + one + `"}`, one},
		{"beside text that is no UTF-8", "{\"body_text\":\"\xff\",\"task_id\":\"" + one + "\"}", one},
		{"cut off behind it", `{"task_id":"` + one + `","phones":[`, ""},
		{"something behind", `{"task_id":"` + one + `"} {}`, ""},
		{"no object", `["` + one + `"]`, ""},
		{"in an envelope", `{"schema":{},"payload":{"task_id":"` + one + `"}}`, one},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id, ok := Named(&stream.Record{Value: []byte(tt.value)})
			if got := id.String(); ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("it names %s, %v, want %q", got, ok, tt.want)
			}
		})
	}
}
