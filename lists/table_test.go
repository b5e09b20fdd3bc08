package lists

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

func utf16(order unicode.Endianness, bom unicode.BOMPolicy, text string) string {
	out, err := unicode.UTF16(order, bom).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

func utf32Of(order utf32.Endianness, text string) string {
	out, err := utf32.UTF32(order, utf32.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

func windows(text string) string {
	out, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

// all reads a list to its end.
func all(src io.Reader, o Options) ([]string, error) {
	t, err := Open(src, o)
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		e, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, e.Text)
	}
}

func TestAListIsReadHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	const ana, luis = "573001234567", "573007654321"
	table := "Nombre\tTeléfono\r\nAna\t573001234567\r\nLuis\t573007654321\r\n"
	for _, c := range []struct {
		name, text, column string
		want               []string
	}{
		{"a phone a line", ana + "\n" + luis + "\n", "", []string{ana, luis}},
		{"written by people", "+57 300 123 4567\r\n(57) 300-765-4321\r\n", "", []string{"+57 300 123 4567", "(57) 300-765-4321"}},
		{"one column with any name", "to whom\n" + ana + "\n", "", []string{ana}},
		{"user ids are no header", "co.1abcDEF\n" + ana + "\n", "", []string{"co.1abcDEF", ana}},
		{"byte order mark", "\ufeffphone\n" + ana + "\n", "", []string{ana}},

		{"UTF-16 of Excel", utf16(unicode.LittleEndian, unicode.UseBOM, table), "", []string{ana, luis}},
		{"UTF-16, the other order", utf16(unicode.BigEndian, unicode.UseBOM, table), "", []string{ana, luis}},
		{"UTF-16 without mark", utf16(unicode.LittleEndian, unicode.IgnoreBOM, table), "", []string{ana, luis}},
		{"UTF-16 without mark, the other order", utf16(unicode.BigEndian, unicode.IgnoreBOM, table), "", []string{ana, luis}},
		{"Windows-1252", windows("Nombre;Teléfono\nIñaki;" + ana + "\n"), "", []string{ana}},
		{"UTF-8 and Windows-1252 in one file", "Nombre;Teléfono\n" + windows("Iñaki;"+ana+"\n"), "", []string{ana}},
		{"old Mac line ends", "phone,name\r" + ana + ",Ana\r" + luis + ",Luis\r", "", []string{ana, luis}},
		{"old Mac line ends without header", ana + "\r" + luis, "", []string{ana, luis}},

		{"user ids of who has no phone", "nombre,celular,User ID\nAna," + ana + ",CO.9\nEva,,co.Ab5\nMaría,,17\nLuis," + luis + ",\n", "", []string{ana, "CO.Ab5", luis}},
		{"user ids alone", "nombre,bsuid\nAna,CO.9\nEva,\n", "", []string{"CO.9"}},
		{"ids of one's own beside phones", "user_id,contacto\n17," + ana + "\n", "contacto", []string{ana}},

		{"comma", "name,phone\nAna," + ana + "\n", "", []string{ana}},
		{"semicolon", "Nombre;Celular\nDíaz, Ana;" + ana + "\n", "", []string{ana}},
		{"tab", "id\tcelular\n7\t" + ana + "\n", "", []string{ana}},
		{"tab, no name for the first column", "\n\tcelular\n7\t" + ana + "\n", "", []string{ana}},
		{"bar", "phone|name\n" + ana + "|Ana\n", "", []string{ana}},
		{"sep=;", "sep=;\nNombre;Celular\nAna;" + ana + "\n", "", []string{ana}},
		{"sep=; against the look of it", "sep=,\r\nphone,a;b;c\r\n" + ana + ",x;y;z\r\n", "", []string{ana}},
		{"sep in quotes", "\"sep=|\"\nphone|name\n" + ana + "|Ana\n", "", []string{ana}},
		{"decimal commas between semicolons", "Nombre;Celular\nAna;573001234567,0\nLuis;573007654321,0\n", "", []string{"573001234567,0", "573007654321,0"}},

		{"quoted cells", "name,phone\n\"Díaz, \"\"Ana\"\"\"," + ana + "\n", "", []string{ana}},
		{"quoted cell of two lines", "name,phone\n\"Díaz,\nAna\"," + ana + "\n\"x\"," + luis + "\n", "", []string{ana, luis}},
		{"sign of inches", "phone,thing\n" + ana + ",5\" pipe\n" + luis + ",tap\n", "", []string{ana, luis}},
		{"quote that is not closed", "phone,thing\n" + ana + ",\"pipe\n" + luis + ",tap\n", "", []string{ana, luis}},
		{"quote that is closed by the next row's", "phone,thing\n" + ana + ",\"pipe\n" + luis + ",\"tap\"\n573001112233,x\n", "", []string{ana, luis, "573001112233"}},
		{"quote that is not closed, many rows before the end", "phone,thing\n" + ana + ",\"pipe\n" + strings.Repeat(luis+",tap\n", 40), "", append([]string{ana}, repeat(luis, 40)...)},
		{"something behind a quote", "thing,phone\n\"pipe\" of lead," + ana + "\n", "", []string{ana}},
		{"short rows and gaps", "name,phone\nAna\n\n;;\n,,\nLuis,\nEva,3\n", "", []string{"3"}},

		{"formulas", "name,phone\nAna,=\"573001234567\"\nLuis,\"=\"\"573007654321\"\"\"\n", "", []string{`="573001234567"`, `="573007654321"`}},
		{"apostrophes", "name,phone\nAna,'573001234567\n", "", []string{"'573001234567"}},

		{"no header: not the identity numbers", "1020304050,573001400000,Ana\n1020304051,573001400001,Luis\n", "", []string{"573001400000", "573001400001"}},
		{"no header: not the valid ones among them", "6014567890,573001400000\n1020304051,573001400001\n1020304052,573001400002\n", "", []string{"573001400000", "573001400001", "573001400002"}},
		{"no header: mobiles before fixed lines", "6014567890,3001400000\n6014567891,3001400001\n", "", []string{"3001400000", "3001400001"}},
		{"no header: fixed lines where there is nothing else", "Ana,6014567890\nLuis,6014567891\n", "", []string{"6014567890", "6014567891"}},
		{"header: mobiles before fixed lines", "Teléfono,Celular\n6014567890,3001400000\n", "", []string{"3001400000"}},

		{"title above the header", "Lista de clientes 2026\n\nNombre;Celular\nAna;" + ana + "\nLuis;" + luis + "\n", "", []string{ana, luis}},
		{"title with separators and a date", "Clientes, Bogotá, activos,,\nReporte del 28/11/2026,,,,\n,,,,\nid,Nombre,Celular\n1,Ana," + ana + "\n2,Luis," + luis + "\n", "", []string{ana, luis}},
		{"title over one column", "Campaña de noviembre\nTeléfono\n" + ana + "\n", "", []string{ana}},
		{"title, by name", "Clientes\nNombre;Contacto\nAna;" + ana + "\n", "contacto", []string{ana}},
		{"title, by number", "Clientes\nNombre;Contacto\nAna;" + ana + "\n", "2", []string{ana}},
		{"title without header", "Clientes;\nAna;" + ana + "\n", "", []string{ana}},
		{"blank rows above the header", "\n \n;;\nNombre;Celular;\nAna;" + ana + ";\n", "", []string{ana}},

		{"UTF-32", utf32Of(utf32.LittleEndian, table), "", []string{ana, luis}},
		{"UTF-32, the other order", utf32Of(utf32.BigEndian, table), "", []string{ana, luis}},

		{"several on a line", ana + " / " + luis + "\n" + "573001112233\n", "", []string{ana, luis, "573001112233"}},
		{"several on a line, with signs of columns", ana + "; " + luis + "\n" + "573001112233\n573001112234\n", "", []string{ana, luis, "573001112233", "573001112234"}},
		{"several in a cell", "Nombre,Celular\nAna,300 123 4567 y 300 765 4321\nLuis,\"+57 300 1112233, 3001112234\"\nEva,3001112235 - 3001112236\nIvo,3001112237 3001112238\n", "", []string{
			"300 123 4567", "300 765 4321", "+57 300 1112233", "3001112234", "3001112235", "3001112236", "3001112237", "3001112238",
		}},
		{"several in a cell of two lines", "Nombre,Celular\nAna,\"" + ana + "\n" + luis + "\"\n", "", []string{ana, luis}},
		{"a phone and something else stay one", "Nombre,Celular\nAna," + ana + " / 12\nLuis,573001234567 o 573007654321\n", "", []string{ana + " / 12", "573001234567 o 573007654321"}},
		{"a sign of columns in what is no phone", "phone\n" + ana + "\n]0;owned\n", "", []string{ana, "]0;owned"}},
		{"a second column that is mostly empty is a column", ana + ",\n" + luis + ",6014567890\n573001112233,\n", "", []string{ana, luis, "573001112233"}},
		{"the whole list on one line", ana + "," + luis + ",573001112233\n", "", []string{ana, luis, "573001112233"}},
		{"the whole list on one line, with bars", ana + " | " + luis + " | 573001112233", "", []string{ana, luis, "573001112233"}},

		{"by name", "phone,Número de Celular\n1,2\n", "numero de celular", []string{"2"}},
		{"by number", "Ana,573001234567,573007654321\n", "3", []string{luis}},
		{"by number, with a header", "a,b\n573001234567,573007654321\n", "2", []string{luis}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for what, src := range map[string]io.Reader{"at once": strings.NewReader(c.text), "byte by byte": iotest.OneByteReader(strings.NewReader(c.text))} {
				got, err := all(src, Options{Column: c.column, Region: "CO"})
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%s: %v, -want +got:\n%s", what, err, diff)
				}
			}
		})
	}
}

func repeat(text string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = text
	}
	return out
}

func TestUsualHeadersAreKnown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Mobile", "Phone Number", "phone_number", "PHONE", "Número de celular", "NUMERO DE CELULAR", "Tel", "Tel.", "Teléfono", "Telefono Móvil", "Cel", "Móvil", "WhatsApp", "Whats App",
		"Telemóvel", "Phone 1 - Value", "N\u0075\u0301mero", "  celular  ", "\"Celular\"",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := all(strings.NewReader("Código,"+name+"\n12345678,573001234567\n"), Options{Region: "CO"})
			if diff := cmp.Diff([]string{"573001234567"}, got); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		})
	}
}

func TestWhatIsNoListSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, column, want, hint string }{
		{"empty", "", "", "the list is empty", "a phone a line"},
		{"blank", " \r\n\n;;\n", "", "the list is empty", "a phone a line"},
		{"header only", "Nombre;Celular\n", "", "a header and no rows", "Nombre, Celular"},
		{"one header only", "celular\n", "", "a header and no rows", "celular"},
		{"xlsx", "PK\x03\x04\x14\x00\x06\x00[Content_Types].xml\x00\x00", "", "an Excel workbook (xlsx)", "save the sheet as CSV"},
		{"xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "", "an Excel workbook (xls)", "save the sheet as CSV"},
		{"ods", "PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "", "an OpenDocument spreadsheet", "save the sheet as CSV"},
		{"PDF", "%PDF-1.7\n%\xe2\xe3\xcf\xd3", "", "a PDF", "CSV"},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00", "", "this is not text", "CSV"},
		{"headers that are not known", "Nombre,Ciudad\nAna,Cali\n", "", "no column of the list is called what phones usually are", "Nombre, Ciudad"},
		{"no such column", "name,phone\nAna,1\n", "fax", `no column "fax"`, "name, phone"},
		{"no phones", "10203,Ana\n10204,Luis\n", "", "no column of the list looks like phones", "--column"},
		{"two columns of phones", "573001234567,573007654321\n573001234568,573007654322\n", "", "column 1 (57300...) and column 2 (57300...)", "--column"},
		{"two columns with names", "Celular 1,Celular 2\n573001234567,573007654321\n", "", "column 1 `Celular 1` (57300...) and column 2 `Celular 2` (57300...)", "--column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := all(strings.NewReader(c.text), Options{Column: c.column, Region: "CO"})
			var list *Error
			if !errors.As(err, &list) || !strings.Contains(list.Error(), c.want) || !strings.Contains(list.Hint(), c.hint) {
				t.Errorf("%v, hint %q; want %q, hint %q", err, list.Hint(), c.want, c.hint)
			}
		})
	}
}

func TestASummarySaysWhatWasUnderstood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
		examples         []string
	}{
		{
			"table", windows("Cédula;Celular\n1;573001234567\n2;3001234567\n3;28/11/2026\n\n4;573007654321\n5;=\"573007654322\"\n"),
			"column 2 `Celular` (57300...), 3 phones, 1 not a phone, 1 twice, read as Windows-1252",
			[]string{"line 4: 28/11/2026: parece una fecha"},
		},
		{"title", "Clientes\n\nNombre;Celular\n1;573001234567\n", "column 2 `Celular` (57300...), 1 phone, 1 row above it is no part of the table", nil},
		{"several in a cell", "Celular\n573001234567 / 573007654321\n573001112233 y 573001112234\n573001112235\n", "column 1 `Celular` (57300...), 5 phones, 2 cells have several, and all are taken", nil},
		{"one line", "573001234567|573007654321|573001112233", "phones only, several on a line (57300...), 3 phones", nil},
		{"UTF-32", utf32Of(utf32.BigEndian, "phone\n573001234567\n"), "column 1 `phone` (57300...), 1 phone, read as UTF-32", nil},
		{"columns of phones, one of which is empty", "celular1,celular2\n,573001234567\n,573007654321\n", "column 2 `celular2` (57300...), 2 phones", nil},
		{"one", "573001234567\n", "column 1 (57300...), 1 phone", nil},
		{"twins", "5491155551234\n541155551234\nCO.1abc\n", "column 1 (54911...), 2 phones, 1 twice", nil},
		{"behind sep=;", "sep=;\nphone;x\nhola;1\n573001234567;1\n", "column 1 `phone` (57300...), 1 phone, 1 not a phone", []string{"line 3: hola: tiene letras"}},
		{"UTF-16", utf16(unicode.LittleEndian, unicode.UseBOM, "phone\n573001234567\n"), "column 1 `phone` (57300...), 1 phone, read as UTF-16", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := Summarize(strings.NewReader(c.text), Options{Region: "CO"})
			if err != nil {
				t.Fatal(err)
			}
			if s.String() != c.want {
				t.Errorf("%s\nwant %s", s, c.want)
			}
			if diff := cmp.Diff(c.examples, s.Examples); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if _, err := Summarize(strings.NewReader("name,phone\nAna,\n"), Options{}); err == nil || !strings.Contains(err.Error(), "no phones") {
		t.Errorf("a column without phones: %v, want an error", err)
	}
}

func TestABrokenSourceEndsTheList(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	src := io.MultiReader(strings.NewReader(strings.Repeat("573001234567\n", 20_000)), iotest.ErrReader(broken))
	if got, err := all(src, Options{Region: "CO"}); !errors.Is(err, broken) || len(got) != 20_000 {
		t.Errorf("%d, %v; want 20000, %v", len(got), err, broken)
	}
}

// endless is a list of as many rows as asked for.
type endless struct {
	rows int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.rows == 0 {
			return 0, io.EOF
		}
		e.rows--
		e.rest = fmt.Appendf(e.rest, "Ana,\"Cali, Valle\",57300%07d\r\n", e.rows)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestALongListIsReadInConstantMemory(t *testing.T) {
	const rows, most = 300_000, 8 << 20
	var before, after runtime.MemStats
	tab, err := Open(&endless{rows: rows}, Options{Region: "CO"})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for ; ; n++ {
		if _, err = tab.Next(); err != nil {
			break
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.EOF) || n != rows {
		t.Errorf("%d rows, %v; want %v, %v", n, err, rows, io.EOF)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
		t.Errorf("%d bytes more in use, want at most %v", grown, most)
	}
}

func FuzzList(f *testing.F) {
	for _, s := range []string{"573001234567\n573007654321\n", "\ufeffNombre;TELÉFONO\n\"Díaz; \"\"Ana\"\"\";1\n", "a\tb\n\xff\t1\n", "\"", "sep=", "sep=;", "[\"573001234567\"]", "{\"phone\":1}\n{\"a\":[1]}", "a\nb;phone\n1;2", "\xff\xfe\x00\x001\x00\x00\x00", "573001234567 y 573007654321", "\xff\xfe1\x00", "PK\x03\x04", "\"a\n\"b\n"} {
		f.Add([]byte(s), "")
	}
	f.Fuzz(func(t *testing.T, text []byte, column string) {
		o := Options{Column: column, Region: "CO"}
		got, err := all(bytes.NewReader(text), o)
		again, other := all(iotest.HalfReader(bytes.NewReader(text)), o)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (other == nil) {
			t.Fatalf("%v and %v, -once +again:\n%s", err, other, diff)
		}
		for _, p := range got {
			if strings.TrimSpace(p) == "" || strings.ToValidUTF8(p, "") != p {
				t.Fatalf("a phone %q", p)
			}
		}
	})
}

func BenchmarkSummarize(b *testing.B) {
	for b.Loop() {
		if _, err := Summarize(&endless{rows: 100_000}, Options{Region: "CO"}); err != nil {
			b.Fatal(err)
		}
	}
}
