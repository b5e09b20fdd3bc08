package schemas

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// The limit of a label was one of each piece: in pieces a longer one passed.
func TestLongLabelIsRefusedHoweverItIsCut(t *testing.T) {
	t.Parallel()
	for over, refused := range []bool{false, true} {
		head := dataScheme + "text/plain;name="
		text := head + strings.Repeat("x", maxDataLabel-len(head)-len(base64Mark)+over) + base64Mark + ",AAAA"
		for _, size := range []int{1, 7, maxDataLabel, len(text)} {
			if _, d := decodeURI(t, text, size); (d.fault != nil && d.fault.Code == CodeBase64) != refused {
				t.Errorf("%d too long, in pieces of %d: %v", over, size, d.fault)
			}
		}
	}
}

// However the text of a file is cut on its way, the file is the same, and it is what the standard library decodes.
func FuzzDataURI(f *testing.F) {
	f.Add("data:image/png;base64,iVBORw0KGgo=", uint16(7))
	f.Add("data:;base64,AAAA\r\nAA==", uint16(1))
	f.Add("data:application/pdf;name=a%20b.pdf;base64,JVBERi0=JVBERi0=", uint16(3))
	f.Add("DATA:text/plain;charset=\"utf-8\";BASE64,Zg", uint16(2))
	f.Add("data:"+strings.Repeat("x", maxDataLabel)+";base64,AAAA", uint16(500))
	f.Add("data:a/b;name=%zz;base64,=", uint16(4))
	f.Fuzz(func(t *testing.T, text string, size uint16) {
		whole, one := decodeURI(t, text, len(text))
		cut, other := decodeURI(t, text, int(size)%64+1)
		if one.refused() != other.refused() || one.mime != other.mime || one.name != other.name || !bytes.Equal(whole, cut) && !one.refused() {
			t.Fatalf("whole %q %q %d bytes %v, in pieces %q %q %d bytes %v", one.mime, one.name, len(whole), one.fault, other.mime, other.name, len(cut), other.fault)
		}
		if one.refused() {
			return
		}
		_, file, _ := strings.Cut(text, ",")
		want, err := base64.StdEncoding.Strict().DecodeString(file)
		if err != nil || !bytes.Equal(want, whole) || int64(len(want)) != one.size {
			t.Fatalf("read %d bytes, which are %d (%v)", len(whole), len(want), err)
		}
	})
}

func decodeURI(t *testing.T, text string, size int) ([]byte, *dataURI) {
	t.Helper()
	var file []byte
	d := newDataURI(func(part []byte) error {
		file = append(file, part...)
		return nil
	})
	for rest := []byte(text); len(rest) > 0; {
		n := min(size, len(rest))
		if err := d.Text(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	_, _ = d.media(HeaderKind_HEADER_KIND_DOCUMENT)
	return file, d
}
