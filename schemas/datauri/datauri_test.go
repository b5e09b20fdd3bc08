package datauri

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// The limit of a label was one of each piece: in pieces a longer one passed.
func TestThreatS09LongLabelIsRefusedHoweverItIsCut(t *testing.T) {
	t.Parallel()
	for over, refused := range []bool{false, true} {
		head := scheme + "text/plain;name="
		text := head + strings.Repeat("x", maxLabel-len(head)-len(mark)+over) + mark + ",AAAA"
		for _, size := range []int{1, 7, maxLabel, len(text)} {
			if _, d := decodeURI(t, text, size); (d.Err() != nil) != refused {
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
	f.Add("data:"+strings.Repeat("x", maxLabel)+";base64,AAAA", uint16(500))
	f.Add("data:a/b;name=%zz;base64,=", uint16(4))
	f.Add("iVBORw0KGgo", uint16(3))
	f.Add("image/png;base64,_-__", uint16(3))
	f.Add("data:image/png;base64,%2B%2f%2B/%3D", uint16(2))
	f.Add("iVBORw0KGgo%3", uint16(2))
	f.Add("dAtA%0X000000000", uint16(7))
	f.Fuzz(func(t *testing.T, text string, size uint16) {
		whole, one := decodeURI(t, text, len(text))
		cut, other := decodeURI(t, text, int(size)%64+1)
		if one.refused() != other.refused() || one.mime != other.mime || one.name != other.name || !bytes.Equal(whole, cut) && !one.refused() {
			t.Fatalf("whole %q %q %d bytes %v, in pieces %q %q %d bytes %v; want %q, %q", one.mime, one.name, len(whole), one.fault, other.mime, other.name, len(cut), other.fault, other.mime, other.name)
		}
		if one.refused() {
			return
		}
		file := text
		if _, behind, ok := strings.Cut(text, ","); ok {
			file = behind
		}
		if strings.Contains(file, "%") {
			return // so have escapes
		}
		file = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "", "\t", "").Replace(file)
		if strings.Contains(file, " ") {
			return // what a blank stands for has tests of its own
		}
		file = strings.TrimRight(file, "=")
		want, err := base64.RawStdEncoding.Strict().DecodeString(file)
		if err != nil || !bytes.Equal(want, whole) || int64(len(want)) != one.size {
			t.Fatalf("read %d bytes, which are %d (%v)", len(whole), len(want), err)
		}
	})
}

func decodeURI(t *testing.T, text string, size int) ([]byte, *Decoder) {
	t.Helper()
	var file []byte
	d := New(Limits{Head: 3072, Part: 512 << 10, File: 100 << 20}, func(part []byte) error {
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
	return file, d
}

func TestALabelMayHaveBlanks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"data:image/png; base64, Zm9v", "data:image/png ;BASE64 ,Zm9v", "data:image/png; name=a.png; base64,Zm9v"} {
		if whole, d := decodeURI(t, text, len(text)); d.Err() != nil || string(whole) != "foo" || d.MIME() != "image/png" {
			t.Errorf("%s: %q of %q, %v; want %q", text, whole, d.MIME(), d.Err(), "image/png")
		}
	}
}
