package seal

import (
	"strings"
	"testing"

	"altavoz/schemas"
)

const (
	token = schemas.Secret("EAAG-token")
	key   = "106540352242922:00ff"
	id    = "1234567890"
)

func TestThreatS14OnlyWhatWasStoredForTheFileAndNumberIsRead(t *testing.T) {
	t.Parallel()
	good := Close(token, key, id)
	if got, ok := Open(token, key, good); !ok || got != id {
		t.Fatalf("%q gives %q, %v; want %q, true", good, got, ok, id)
	}
	for name, c := range map[string]struct {
		token       schemas.Secret
		key, stored string
	}{
		"an id alone, as earlier versions stored it": {token, key, id},
		"nothing":                    {token, key, ""},
		"no id":                      {token, key, strings.TrimSuffix(good, id)},
		"another id":                 {token, key, strings.TrimSuffix(good, id) + "666"},
		"an id with more behind it":  {token, key, good + "0"},
		"another file's":             {token, key, Close(token, "106540352242922:00fe", id)},
		"another number's":           {token, key, Close(token, "206540352242922:00ff", id)},
		"key and id cut elsewhere":   {token, key, Close(token, key+"1", id[1:])},
		"another token's":            {token, key, Close("EAAG-other", key, id)},
		"without a token":            {token, key, Close("", key, id)},
		"another version's":          {token, key, "2" + good[1:]},
		"a MAC cut short":            {token, key, good[:20] + "." + id},
		"the same after a rotation":  {"EAAG-new", key, good},
		"a MAC of zeros":             {token, key, "1." + strings.Repeat("A", macText) + "." + id},
		"separators and nothing":     {token, key, "1.."},
		"a MAC without a separator":  {token, key, strings.Replace(good, "."+id, id, 1)},
		"upper and lower case mixed": {token, key, "1." + strings.ToUpper(good[2:2+macText]) + "." + id},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := Open(c.token, c.key, c.stored); ok {
				t.Errorf("%q is taken as %q", c.stored, got)
			}
		})
	}
}
