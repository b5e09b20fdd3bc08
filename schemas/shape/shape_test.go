package shape

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"altavoz/schemas"
	"altavoz/schemas/es"
)

func buttons(all ...string) *schemas.Shape {
	b := &schemas.ReplyButtons{}
	for i := 0; i < len(all); i += 2 {
		b.Buttons = append(b.Buttons, &schemas.ReplyButton{Id: all[i], Title: all[i+1]})
	}
	return &schemas.Shape{Kind: &schemas.Shape_Buttons{Buttons: b}}
}

// list has a section of so many rows for each number.
func list(button string, sections ...int) *schemas.Shape {
	l, n := &schemas.ReplyList{Button: button}, 0
	for i, rows := range sections {
		s := &schemas.ListSection{Title: fmt.Sprint("s", i)}
		for range rows {
			n++
			s.Rows = append(s.Rows, &schemas.ListRow{Id: fmt.Sprint(n), Title: "t"})
		}
		l.Sections = append(l.Sections, s)
	}
	return &schemas.Shape{Kind: &schemas.Shape_List{List: l}}
}

func location() *schemas.Shape {
	return &schemas.Shape{Kind: &schemas.Shape_Location{Location: &schemas.LocationRequest{}}}
}

func TestAShapeIsHeldToTheLimitsOfTheCloudAPI(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	untitled := list("Ver", 1, 1)
	untitled.GetList().Sections[1].Title = " "
	described := list("Ver", 1)
	described.GetList().Sections[0].Rows[0].Description = long[:73]
	text, image := schemas.HeaderKind_HEADER_KIND_TEXT, schemas.HeaderKind_HEADER_KIND_IMAGE
	for name, tt := range map[string]struct {
		c     *schemas.Content
		field string // empty: nothing is wrong
		code  string
	}{
		"no shape":                     {&schemas.Content{ButtonText: "Ver"}, "", ""},
		"three buttons":                {&schemas.Content{Shape: buttons("1", "a", long[:256], long[:20], "3", "ñ"), Header: image, Category: "utility", Footer: "f"}, "", ""},
		"ten rows":                     {&schemas.Content{Shape: list("Ver", 4, 6), Header: text, Footer: "f", Category: "service"}, "", ""},
		"ten sections":                 {&schemas.Content{Shape: list("Ver", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}, "", ""},
		"a location":                   {&schemas.Content{Shape: location()}, "", ""},
		"nothing known":                {&schemas.Content{Shape: &schemas.Shape{}}, "buttons", "required"},
		"no buttons":                   {&schemas.Content{Shape: buttons()}, "buttons", "required"},
		"four buttons":                 {&schemas.Content{Shape: buttons("1", "a", "2", "b", "3", "c", "4", "d")}, "buttons", "too_many"},
		"a button without an id":       {&schemas.Content{Shape: buttons("1", "a", "", "b")}, "buttons[1].id", "required"},
		"a button without a title":     {&schemas.Content{Shape: buttons("1", "\u200b")}, "buttons[0].title", "required"},
		"a long id":                    {&schemas.Content{Shape: buttons(long[:257], "a")}, "buttons[0].id", "too_long"},
		"a long title":                 {&schemas.Content{Shape: buttons("1", long[:21])}, "buttons[0].title", "too_long"},
		"emoji are two units":          {&schemas.Content{Shape: buttons("1", strings.Repeat("🎉", 11))}, "buttons[0].title", "too_long"},
		"a title of two lines":         {&schemas.Content{Shape: buttons("1", "a\nb")}, "buttons[0].title", "invalid_value"},
		"one id twice":                 {&schemas.Content{Shape: buttons("1", "a", "1", "b")}, "buttons[1].id", "duplicate_field"},
		"one title twice":              {&schemas.Content{Shape: buttons("1", "a", "2", "a")}, "buttons[1].title", "duplicate_field"},
		"buttons and a label":          {&schemas.Content{Shape: buttons("1", "a"), ButtonText: "Ver"}, "buttons", "invalid_value"},
		"buttons and a link":           {&schemas.Content{Shape: buttons("1", "a"), ButtonUrl: "https://example.com"}, "buttons", "invalid_value"},
		"no sections":                  {&schemas.Content{Shape: list("Ver")}, "list.sections", "required"},
		"eleven sections":              {&schemas.Content{Shape: list("Ver", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}, "list.sections", "too_many"},
		"an empty section":             {&schemas.Content{Shape: list("Ver", 1, 0)}, "list.sections[1].rows", "required"},
		"eleven rows":                  {&schemas.Content{Shape: list("Ver", 5, 6)}, "list.sections[].rows", "too_many"},
		"no button that opens it":      {&schemas.Content{Shape: list("", 1)}, "list.button", "required"},
		"a long button":                {&schemas.Content{Shape: list(long[:21], 1)}, "list.button", "too_long"},
		"sections without a title":     {&schemas.Content{Shape: untitled}, "list.sections[1].title", "required"},
		"a long description":           {&schemas.Content{Shape: described}, "list.sections[0].rows[0].description", "too_long"},
		"a list with an image":         {&schemas.Content{Shape: list("Ver", 1), Header: image}, "header_type", "invalid_value"},
		"a list by Direct Send":        {&schemas.Content{Shape: list("Ver", 1), Category: "utility"}, "list", "invalid_value"},
		"a location with a header":     {&schemas.Content{Shape: location(), Header: text}, "location_request", "invalid_value"},
		"a location with a footer":     {&schemas.Content{Shape: location(), Footer: "f"}, "location_request", "invalid_value"},
		"a location by Direct Send":    {&schemas.Content{Shape: location(), Category: "authentication"}, "location_request", "invalid_value"},
		"a location with a link below": {&schemas.Content{Shape: location(), ButtonUrl: "https://example.com"}, "location_request", "invalid_value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Check(tt.c)
			if (f == nil) != (tt.field == "") {
				t.Fatalf("fault is %v", f)
			}
			if f != nil && (f.Field != tt.field || f.Code != tt.code || f.Error() == "" || !strings.Contains(f.Error(), f.Field)) {
				t.Errorf("%s %s: %s, want %s %s", f.Field, f.Code, f.Error(), tt.field, tt.code)
			}
			if f != nil && f.Code == "too_many" && f.Hint.Code != es.FewerParts { // the code's own hint is about recipients
				t.Errorf("the hint is %q", f.Hint.In(es.English))
			}
		})
	}
}

func TestAShapeIsReadFromJSON(t *testing.T) {
	t.Parallel()
	section := &schemas.ListSection{Title: "Hoy", Rows: []*schemas.ListRow{{Id: "9", Title: "9:00", Description: "d"}}}
	for name, tt := range map[string]struct {
		member, json string
		want         *schemas.Shape
		field, code  string
	}{
		"buttons":              {Buttons, `[{"id":" si ","title":"Sí"},{"id":"no","title":"No"}]`, buttons("si", "Sí", "no", "No"), "", ""},
		"a list":               {List, `{"button":"Ver","sections":[{"title":"Hoy","rows":[{"id":"9","title":"9:00","description":"d"}]}]}`, &schemas.Shape{Kind: &schemas.Shape_List{List: &schemas.ReplyList{Button: "Ver", Sections: []*schemas.ListSection{section}}}}, "", ""},
		"a location":           {Location, `true`, location(), "", ""},
		"no location":          {Location, `false`, nil, "", ""},
		"null":                 {List, `null`, nil, "", ""},
		"blank":                {Buttons, `""`, nil, "", ""},
		"no buttons":           {Buttons, `[]`, nil, "", ""},
		"buttons as an object": {Buttons, `{"id":"1"}`, nil, "buttons", "wrong_type"},
		"buttons as texts":     {Buttons, `["Sí","No"]`, nil, "buttons[0]", "wrong_type"},
		"a number as an id":    {Buttons, `[{"id":1,"title":"a"}]`, nil, "buttons[0].id", "wrong_type"},
		"a misspelled field":   {Buttons, `[{"id":"1","titel":"a"}]`, nil, "buttons[0].titel", "unknown_field"},
		"a strange field":      {List, `{"button":"Ver","sections":[{"rows":[{"id":"1","title":"a","zzz":1}]}]}`, nil, "list.sections[0].rows[0].zzz", "unknown_field"},
		"sections as a text":   {List, `{"button":"Ver","sections":"a"}`, nil, "list.sections", "wrong_type"},
		"rows as an object":    {List, `{"button":"Ver","sections":[{"rows":{}}]}`, nil, "list.sections[0].rows", "wrong_type"},
		"a list as an array":   {List, `[]`, nil, "list", "wrong_type"},
		"a location as text":   {Location, `"yes"`, nil, "location_request", "wrong_type"},
		"too much":             {Buttons, `[{"id":"` + strings.Repeat("x", MaxJSON) + `"}]`, nil, "buttons", "too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, f := Read(tt.member, []byte(tt.json), false)
			if diff := cmp.Diff(tt.want, got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
			if (f == nil) != (tt.field == "") || f != nil && (f.Field != tt.field || f.Code != tt.code || f.Error() == "") {
				t.Errorf("fault is %v, want %s %s", f, tt.field, tt.code)
			}
		})
	}
	got, ignored, f := Read(Buttons, []byte(`[{"id":"1","title":"a","zzz":1}]`), true)
	if f != nil || len(ignored) != 1 || ignored[0] != "buttons[0].zzz" || Of(got) != Buttons {
		t.Errorf("%v, ignored %v, fault %v", got, ignored, f)
	}
}

// What a person taps is known by its id: a shape that is taken has each only once, whatever its texts are.
func TestIDsOfAShapeDiffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"a", "b", " a", "c", "{{a}}"})
		var all []string
		for range rapid.IntRange(1, 3).Draw(t, "buttons") {
			all = append(all, text.Draw(t, "id"), text.Draw(t, "title"))
		}
		s := buttons(all...)
		seen := map[string]bool{}
		twice := false
		for i, text := range all {
			key := fmt.Sprint(i%2, strings.TrimSpace(text))
			twice = twice || seen[key]
			seen[key] = true
		}
		if f := Check(&schemas.Content{Shape: s}); (f != nil) != twice {
			t.Errorf("%v: fault is %v", all, f)
		}
	})
}
