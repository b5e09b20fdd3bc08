package split_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"altavoz/schemas/split"
)

type text struct {
	strings.Builder
	ended bool
	path  string
	err   error
}

func (x *text) Text(b []byte) error {
	x.Write(b)
	return x.err
}

func (x *text) End() error {
	x.ended = true
	return x.err
}

func read(body io.Reader, limit int64, to *text) (string, *split.Reader, error) {
	r := split.New(body, limit, func(path string) split.Writer {
		to.path = path
		return to
	}, "file", "a.b.file")
	seen, err := io.ReadAll(r)
	return string(seen), r, err
}

// A long value of the one member goes to the Writer, whatever stands around it; everything else is passed on as it is.
func TestLongValueGoesToTheWriter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		long := strings.Repeat("x\"\\/é\n\t", 1000) + rapid.String().Draw(t, "end")
		value, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		name := rapid.SampledFrom([]string{`"file"`, `"f\u0069le"`}).Draw(t, "name")
		inner := `{"file":"` + strings.Repeat("y", 5000) + `","}":"{"}`
		head, tail := `{"a":`+inner+`,`+name+` : `, `, "z":["file",`+inner+`]}`
		to := &text{}
		seen, r, err := read(iotest.HalfReader(strings.NewReader(head+string(value)+tail)), 1<<20, to)
		if err != nil || r.Failed() != nil {
			t.Fatal(err, r.Failed())
		}
		if seen != head+`""`+tail || to.String() != long || !to.ended || r.Removed() != int64(len(value)-2) {
			t.Fatalf("passed on %q, written %q; want %q, %q", seen, to.String(), head+`""`+tail, long)
		}
	})
}

// A member may lie within others: it is the one whose path is named, not one of the same name elsewhere, nor an entry of a list.
func TestAMemberIsFoundByItsPath(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 5000) + `"`
	for body, path := range map[string]string{
		`{"file":` + long + `}`:                                         "file",
		`{"a":{"b":{"file":` + long + `}}}`:                             "a.b.file",
		`{"a":{"x":{"file":"y"},"\u0062":{"x":1,"file":` + long + `}}}`: "a.b.file",
		`{"a":{"b":{"b":{"file":""},"file":` + long + `}}}`:             "a.b.file",
		`{"a":{"file":` + long + `}}`:                                   "",
		`{"a":{"b":{"c":{"file":` + long + `}}}}`:                       "",
		`{"a":[{"file":` + long + `}]}`:                                 "",
		`{"a":{"b":["file",` + long + `]}}`:                             "",
		`{"b":{"a":{"file":` + long + `}}}`:                             "",
		`{"a":{"b":1},"c":{"file":` + long + `}}`:                       "",
		`["file",` + long + `]`:                                         "",
	} {
		to := &text{}
		want := body
		if path != "" {
			want = strings.Replace(body, long, `""`, 1)
		}
		if seen, _, err := read(strings.NewReader(body), 1<<20, to); err != nil || seen != want || to.path != path || to.ended != (path != "") {
			t.Errorf("%.60s: path %q, %v; want %q", body, to.path, err, path)
		}
	}
}

func TestShortValueIsTheDecoders(t *testing.T) {
	t.Parallel()
	to := &text{}
	body := `{"file":"` + strings.Repeat("x", 4000) + `"}`
	if seen, _, err := read(strings.NewReader(body), 1<<20, to); err != nil || seen != body || to.Len() > 0 || to.ended {
		t.Errorf("%d bytes, %v", len(seen), err)
	}
}

func TestBodiesThatCannotBeSplitAreRefused(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	long := strings.Repeat("x", 5000)
	for name, tt := range map[string]struct {
		body   string
		limit  int64
		writer error
		want   error
	}{
		"large":          {`{"a":1}`, 6, nil, split.ErrLarge},
		"long string":    {`{"a":"` + strings.Repeat("x", split.MaxString+1) + `"}`, 1 << 20, nil, split.ErrString},
		"raw line end":   {`{"file":"` + long + "\n\"}", 1 << 20, nil, split.ErrMember},
		"no escape":      {`{"file":"` + long + `\x"}`, 1 << 20, nil, split.ErrMember},
		"no hex":         {`{"file":"` + long + `\u00xx"}`, 1 << 20, nil, split.ErrMember},
		"writer refuses": {`{"file":"` + long + `"}`, 1 << 20, broken, broken},
	} {
		t.Run(name, func(t *testing.T) {
			if _, r, err := read(strings.NewReader(tt.body), tt.limit, &text{err: tt.writer}); !errors.Is(err, tt.want) || !errors.Is(r.Failed(), tt.want) {
				t.Errorf("%v, %v; want %v, %v", err, r.Failed(), tt.want, tt.want)
			}
		})
	}
}
