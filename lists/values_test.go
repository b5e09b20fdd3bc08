package lists

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// entries reads a list with its values.
func entries(text string, variables ...string) (out []string, err error) {
	t, err := Open(strings.NewReader(text), Options{Region: "CO", Variables: variables})
	if err != nil {
		return nil, err
	}
	for {
		e, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, e.Text+"="+strings.Join(e.Values, "|"))
	}
}

func TestCellsAreValuesOfTheirPhone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"names":             {"nombre,celular\nAna,573001234567\nLuis,573007654321\n", []string{"573001234567=Ana", "573007654321=Luis"}},
		"case and accents":  {"Celular;  NÓMBRE \n573001234567; Ana \n", []string{"573001234567=Ana"}},
		"a mark":            {"\ufeffnombre\tphone\nAna\t573001234567\n", []string{"573001234567=Ana"}},
		"Windows-1252":      {"phone,nombre\n573001234567,Mar\xeda\n", []string{"573001234567=María"}},
		"UTF-16":            {"\xff\xfe" + wide("phone,nombre\n573001234567,Ana\n"), []string{"573001234567=Ana"}},
		"quotes":            {"phone,nombre\n573001234567,\"Díaz, \"\"Ana\"\"\nMaría\"\n", []string{"573001234567=Díaz, \"Ana\"\nMaría"}},
		"no value":          {"phone,nombre\n573001234567,\n573007654321,Luis\n", []string{"573001234567=", "573007654321=Luis"}},
		"blank cells":       {"phone,nombre\n573001234567,Ana,,\n", []string{"573001234567=Ana"}},
		"two phones a cell": {"phone,nombre\n573001234567 / 573007654321,Ana\n", []string{"573001234567=Ana", "573007654321=Ana"}},
		"JSON":              {`[{"phone":"573001234567","nombre":"Ana"},{"phone":573007654321}]`, []string{"573001234567=Ana", "573007654321="}},
		"below a title":     {"Clientes\nphone,nombre\n573001234567,Ana\n", []string{"573001234567=Ana"}},
	} {
		if got, err := entries(tt.text, "nombre"); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

// wide is UTF-16 of ASCII.
func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

func TestAListWithoutTheValuesIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"no header":   {"573001234567\n573007654321\n", "the list has no header, which names the variables"},
		"no column":   {"phone,name\n573001234567,Ana\n", "the list has no column for {{nombre}}"},
		"a cell less": {"phone,nombre,x\n573001234567,Ana,1\n573007654321,Luis\n", "line 3 of the list has 2 columns, and its header 3"},
		"a cell more": {"phone,nombre\n573001234567,Díaz, Ana\n", "line 2 of the list has 3 columns, and its header 2"},
	} {
		if _, err := entries(tt.text, "nombre"); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
	if got, err := entries("phone,nombre\n573001234567\n"); err != nil || len(got) != 1 {
		t.Errorf("without variables: %q, %v; want the phone", got, err)
	}
}

func TestASummaryCountsWhoLacksAValue(t *testing.T) {
	t.Parallel()
	s, err := Summarize(strings.NewReader("Nombre,phone,saldo\nAna,573001234567,7\n,573007654321,8\n,573007654321,8\n,x,8\n"), Options{Region: "CO", Variables: []string{"nombre", "saldo"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "column 2 `phone` (57300...), 2 phones, 1 not a phone, 1 twice, {{nombre}} is column `Nombre` (1 without a value), {{saldo}} is column `saldo`"
	if s.String() != want {
		t.Errorf("%s; want %s", s, want)
	}
}
