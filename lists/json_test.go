package lists

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"
)

func TestAListMayBeJSON(t *testing.T) {
	t.Parallel()
	const ana, luis, eva = "573001234567", "573007654321", "573001112233"
	for _, c := range []struct {
		name, text, column, said string
		want                     []string
	}{
		{"strings", `["573001234567", "573007654321"]`, "", "JSON (57300...), 2 phones", []string{ana, luis}},
		{"over several lines, behind a mark", "\ufeff[\r\n  \"573001234567\",\r\n  \"573007654321\"\r\n]\r\n", "", "JSON (57300...), 2 phones", []string{ana, luis}},
		{"numbers, also as spreadsheets write them", `[573001234567, 5.73007654321e11, 573001112233.0]`, "", "JSON (57300...), 3 phones", []string{ana, luis, eva}},
		{"UTF-16", utf16(unicode.LittleEndian, unicode.UseBOM, `["573001234567"]`), "", "JSON (57300...), 1 phone, read as UTF-16", []string{ana}},
		{"objects", `[{"nombre":"Ana","celular":"573001234567"},{"celular":"573007654321","nombre":"Luis"}]`, "", "JSON, column 2 `celular` (57300...), 2 phones", []string{ana, luis}},
		{"objects with numbers, null and more", `[{"tags":["a","b"],"address":{"phone":"x"},"phone":573001234567},{"phone":null},{"name":"Eva"},{"phone":"573007654321","more":true}]`, "", "JSON, column 3 `phone` (57300...), 2 phones", []string{ana, luis}},
		{"objects with user ids", `[{"phone":"573001234567"},{"user_id":"CO.Ab5"},{"phone":"","user_id":"17"}]`, "", "JSON, column 1 `phone` (57300...), 2 phones", []string{ana, "CO.Ab5"}},
		{"objects, by name", `[{"contacto":"573001234567","id":1}]`, "Contacto", "JSON, column 1 `contacto` (57300...), 1 phone", []string{ana}},
		{"objects and strings", `[{"name":"Ana","phone":"573001234567"},"573007654321"]`, "", "JSON, column 2 `phone` (57300...), 2 phones", []string{ana, luis}},
		{"an object with several", `[{"name":"Ana","phones":["573001234567",573007654321]},{"phones":["573001112233"]}]`, "", "JSON, column 2 `phones` (57300...), 3 phones, 1 cell has several, and all are taken", []string{ana, luis, eva}},
		{"rows", `[["Nombre","Celular"],["Ana","573001234567"],["Luis",573007654321]]`, "", "JSON, column 2 `Celular` (57300...), 2 phones", []string{ana, luis}},
		{"rows without header", `[["Ana","573001234567"],["Luis","573007654321"]]`, "", "JSON, column 2 (57300...), 2 phones", []string{ana, luis}},
		{"a request", `{"exclude":["573001112233"],"phones":["573001234567","573007654321"],"body_text":"Hola","window":{"hours":[]}}`, "", "JSON (57300...), 2 phones", []string{ana, luis}},
		{"an answer of an API", `{"total":2,"next":null,"data":[{"id":1,"phone":"573001234567"},{"id":2,"phone":"573007654321"}]}`, "", "JSON, column 4 `phone` (57300...), 2 phones", []string{ana, luis}},
		{"lines of objects", "{\"name\":\"Ana\",\"phone\":\"573001234567\"}\n{\"name\":\"Luis\",\"phone\":\"573007654321\"}\n", "", "JSON, column 2 `phone` (57300...), 2 phones", []string{ana, luis}},
		{"what is no phone is an entry", `["573001234567","hola",null,true]`, "", "JSON (57300...), 1 phone, 3 not a phone", []string{ana, "hola", "null", "true"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := Options{Column: c.column, Region: "CO"}
			for what, src := range map[string]io.Reader{"at once": strings.NewReader(c.text), "byte by byte": iotest.OneByteReader(strings.NewReader(c.text))} {
				got, err := all(src, o)
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%s: %v, -want +got:\n%s", what, err, diff)
				}
			}
			if s, err := Summarize(strings.NewReader(c.text), o); err != nil || s.String() != c.said {
				t.Errorf("%v, %v; want %s", s, err, c.said)
			}
		})
	}
}

func TestJSONThatIsNoListSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, column, want string }{
		{"empty array", `[]`, "", "the list is empty"},
		{"empty object", `{}`, "", "the list is empty"},
		{"breaks off", `["573001234567","5730`, "", "the list is JSON, and broken behind entry 1"},
		{"comma at the end", `["573001234567",]`, "", "the list is JSON, and broken behind entry 1"},
		{"members that are not known", `[{"nombre":"Ana","ciudad":"Cali"}]`, "", "no column of the list is called what phones usually are"},
		{"no such member", `["573001234567"]`, "phone", `no column "phone"`},
		{"two members of phones", `[{"celular1":"573001234567","celular2":"573007654321"}]`, "", "column 1 `celular1` (57300...) and column 2 `celular2` (57300...)"},
		{"nobody", `[{"phone":null}]`, "", "the list has no phones"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Summarize(strings.NewReader(c.text), Options{Column: c.column, Region: "CO"})
			if list := new(Error); !errors.As(err, &list) || !strings.Contains(list.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	// A table whose first cell is in brackets is a table.
	if got, err := all(strings.NewReader("[Nombre],[Celular]\nAna,573001234567\n"), Options{Region: "CO"}); err != nil || len(got) != 1 {
		t.Errorf("%q, %v; want length 1", got, err)
	}
}

// A JSON list that breaks off late is told before anything is sent, as its summary is.
func TestABrokenJSONListHasNoSummary(t *testing.T) {
	t.Parallel()
	text := `["573001234567"` + strings.Repeat(`,"573007654321"`, 20_000)
	if s, err := Summarize(strings.NewReader(text), Options{Region: "CO"}); err == nil {
		t.Errorf("got %v, want an error", s)
	}
	gone := errors.New("the disk is gone")
	if _, err := Summarize(io.MultiReader(strings.NewReader(text), iotest.ErrReader(gone)), Options{Region: "CO"}); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}
