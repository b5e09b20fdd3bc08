package relay

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"altavoz/schemas"
)

// fate is what becomes of a field of an upstream system's Broadcast.
type fate string

const (
	kept    fate = "kept"
	dropped fate = "dropped" // it says what only altavoz may say, or is made anew
	refused fate = "refused"
)

// fields are those of a Broadcast and of the messages in it. meaning: two requests that differ in it are not repeats.
var fields = map[string]struct {
	meaning bool
	relay   fate
}{
	"task":                               {false, kept}, // the request's name
	"sender":                             {true, kept},
	"content.body":                       {true, kept},
	"content.footer":                     {true, kept},
	"content.button_text":                {true, kept},
	"content.button_url":                 {true, kept},
	"content.header":                     {true, kept},
	"content.header_text":                {true, kept},
	"content.category":                   {true, kept},
	"content.media.url":                  {true, kept},
	"content.media.parts":                {false, refused}, // the file's digest means the file
	"content.media.inline":               {false, kept},
	"content.media.sha256":               {true, dropped},
	"content.media.size":                 {false, dropped},
	"content.media.link":                 {false, kept},
	"content.media.filename":             {true, kept},
	"content.media.media_id":             {false, kept},
	"content.media.mime_type":            {true, kept},
	"phones":                             {true, kept},
	"slices":                             {false, refused},
	"total":                              {true, dropped},
	"on_unknown":                         {true, kept},
	"schedule_ms":                        {true, kept},
	"expire_ms":                          {true, kept},
	"speed":                              {true, kept},
	"window.timezone":                    {true, kept},
	"window.holidays":                    {true, kept},
	"window.preset":                      {false, kept}, // a name for hours
	"window.hours.days":                  {true, kept},
	"window.hours.from":                  {true, kept},
	"window.hours.to":                    {true, kept},
	"reference":                          {true, kept},
	"callback_url":                       {true, kept},
	"events":                             {true, kept},
	"literal":                            {false, kept}, // texts are only checked by it
	"accepted_ms":                        {false, dropped},
	"request_sha256":                     {false, dropped},
	"direct":                             {false, dropped},
	"chosen":                             {false, dropped},
	"origin":                             {false, dropped},
	"origin_mac":                         {false, dropped},
	"owner":                              {false, dropped},
	"owner_mac":                          {false, dropped},
	"earlier":                            {false, dropped},
	"retry.of":                           {false, dropped}, // only an ingress makes a retry, whose digest is another
	"retry.number":                       {false, dropped},
	"retry.marks":                        {false, dropped},
	"retry.total":                        {false, dropped},
	"retry.accepted_ms":                  {false, dropped},
	"retry.list":                         {false, dropped},
	"retry.picked":                       {false, dropped},
	"personal.variables":                 {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.values":                    {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.body":                  {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.footer":                {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.button_text":           {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.button_url":            {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.header":                {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.header_text":           {false, kept}, // the digest of a list, which a request has in phones, covers it
	"personal.own.file":                  {false, kept}, // the digest of a list, which a request has in phones, covers it
	"content.variables":                  {false, kept},
	"content.files.url":                  {false, kept},
	"content.files.parts":                {false, refused},
	"content.files.inline":               {false, kept},
	"content.files.sha256":               {false, dropped},
	"content.files.size":                 {false, dropped},
	"content.files.link":                 {false, kept},
	"content.files.filename":             {false, kept},
	"content.files.media_id":             {false, kept},
	"content.files.mime_type":            {false, kept},
	"content.files.kind":                 {false, kept},
	"content.media.kind":                 {false, kept},
	"slice_recipients":                   {false, dropped},
	"content.route":                      {true, kept},
	"content.template.name":              {true, kept},
	"content.template.language":          {true, kept},
	"content.template.header":            {true, kept},
	"content.template.header_value.name": {true, kept},
	"content.template.header_value.text": {true, kept},
	"content.template.body.name":         {true, kept},
	"content.template.body.text":         {true, kept},
	"content.template.buttons.index":     {true, kept},
	"content.template.buttons.kind":      {true, kept},
	"content.template.buttons.value":     {true, kept},
	"retry.slice_recipients":             {false, dropped},

	"personal.user_id":          {false, kept},    // as the phone beside it
	"content.template.category": {false, dropped}, // what the account's template is in, which no request says

	"personal.own.shape.buttons.buttons.id":             {false, kept}, // as the others of a recipient
	"personal.own.shape.buttons.buttons.title":          {false, kept},
	"personal.own.shape.list.button":                    {false, kept},
	"personal.own.shape.list.sections.title":            {false, kept},
	"personal.own.shape.list.sections.rows.id":          {false, kept},
	"personal.own.shape.list.sections.rows.title":       {false, kept},
	"personal.own.shape.list.sections.rows.description": {false, kept},

	"content.shape.buttons.buttons.id":             {true, kept},
	"content.shape.buttons.buttons.title":          {true, kept},
	"content.shape.list.button":                    {true, kept},
	"content.shape.list.sections.title":            {true, kept},
	"content.shape.list.sections.rows.id":          {true, kept},
	"content.shape.list.sections.rows.title":       {true, kept},
	"content.shape.list.sections.rows.description": {true, kept},
}

// A field that schemas/meaning.go does not hash makes repeats of different requests, and one that order.go does not copy is lost.
func TestEachFieldOfABroadcastIsHashedAndRelayedAsTheTableSays(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, path := range leaves((&schemas.Broadcast{}).ProtoReflect().Descriptor(), nil) {
		name := nameOf(path)
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := fields[name]
			if !ok {
				t.Fatalf("%s is a new field: decide whether schemas/meaning.go hashes it and order.go copies it, and add it to the table", name)
			}
			b := new(schemas.Broadcast)
			parent, field := parentOf(b.ProtoReflect(), path), path[len(path)-1]
			before := meaning(b)
			set(parent, field)
			if changes := !bytes.Equal(before, meaning(b)); changes != want.meaning {
				t.Errorf("Meaning depends on it: %v, want %v", changes, want.meaning)
			}
			rec := schemas.EncodeBroadcast(b)
			_, asked, err := read(&rec)
			got := dropped
			switch no := (refusal{}); {
			case errors.As(err, &no):
				got = refused
			case err != nil:
				t.Fatal(err)
			case parentOf(asked.ProtoReflect(), path).Has(field):
				got = kept
			}
			if got != want.relay {
				t.Errorf("the relay has it %s, want %s", got, want.relay)
			}
		})
	}
	for name := range maps.Keys(fields) {
		if !seen[name] {
			t.Errorf("a Broadcast has no field %s", name)
		}
	}
}

type fieldPath []protoreflect.FieldDescriptor

// leaves returns the paths of all fields that are no messages, or that point at other records.
func leaves(m protoreflect.MessageDescriptor, above fieldPath) (out []fieldPath) {
	for i := range m.Fields().Len() {
		path := append(slices.Clone(above), m.Fields().Get(i))
		if in := path[len(path)-1].Message(); in != nil && in.Name() != "BlobRef" && in.Name() != "Origin" {
			out = append(out, leaves(in, path)...)
			continue
		}
		out = append(out, path)
	}
	return out
}

func nameOf(path fieldPath) (name string) {
	for _, f := range path {
		name += "." + string(f.Name())
	}
	return name[1:]
}

// parentOf returns the message that holds the last field of a path, and makes those that are not there.
func parentOf(m protoreflect.Message, path fieldPath) protoreflect.Message {
	for _, f := range path[:len(path)-1] {
		if !f.IsList() {
			m = m.Mutable(f).Message()
			continue
		}
		list := m.Mutable(f).List()
		if list.Len() == 0 {
			list.AppendMutable()
		}
		m = list.Get(0).Message()
	}
	return m
}

// set gives a field a value that is not its default.
func set(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	if f.Message() != nil {
		m.Mutable(f)
		return
	}
	v, ok := map[protoreflect.Kind]protoreflect.Value{
		protoreflect.BoolKind: protoreflect.ValueOfBool(true), protoreflect.EnumKind: protoreflect.ValueOfEnum(1),
		protoreflect.StringKind: protoreflect.ValueOfString("x"), protoreflect.BytesKind: protoreflect.ValueOfBytes([]byte("x")),
		protoreflect.Uint32Kind: protoreflect.ValueOfUint32(1), protoreflect.Uint64Kind: protoreflect.ValueOfUint64(1),
		protoreflect.Int64Kind: protoreflect.ValueOfInt64(1),
	}[f.Kind()]
	if !ok {
		panic("no value for a field of kind " + f.Kind().String())
	}
	if f.IsList() {
		m.Mutable(f).List().Append(v)
		return
	}
	m.Set(f, v)
}

func meaning(b *schemas.Broadcast) []byte {
	phones := sha256.New()
	for _, p := range b.GetPhones() {
		schemas.HashText(phones, p)
	}
	return b.Meaning(b.GetSender(), false, phones.Sum(nil))
}
