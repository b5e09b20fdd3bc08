package sender

import (
	"context"
	"strconv"
	"testing"
	"time"

	"altavoz/processor/sender/content"
	"altavoz/schemas"
	"altavoz/stream"
)

// slowMedia hangs for some numbers or hosts as long as a try may take, and renews the files of others in a second.
type slowMedia struct{ hangs func(sender, url string) bool }

func (s slowMedia) Refresh(ctx context.Context, sender string, _ schemas.HeaderKind, m *schemas.MediaRef) (*schemas.MediaRef, error) {
	if s.hangs(sender, m.GetUrl()) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	time.Sleep(time.Second)
	return &schemas.MediaRef{MediaId: m.GetMediaId() + "+"}, nil
}

// TestThreePhonesDoNotWaitForOthersFiles: broadcasts whose media ids Meta does not know any more wait for uploads that hang. Three phones
// of another number do not, with text and with a file of their own; nor does who wants a file from another host.
func TestThreePhonesDoNotWaitForOthersFiles(t *testing.T) {
	t.Parallel()
	picture := func(url string) *schemas.Content {
		return &schemas.Content{Body: "hola", Header: schemas.HeaderKind_HEADER_KIND_IMAGE, Media: &schemas.MediaRef{MediaId: "old", Url: url}}
	}
	number := func(sender, _ string) bool { return sender == "2" }
	host := func(_, url string) bool { return url == "https://slow.example/a.png" }
	for name, c := range map[string]struct {
		hangs   func(sender, url string) bool
		slow    stream.TopicPartition
		sender  func(i int) string // of those that hang
		content *schemas.Content   // of the three
	}{
		"text":                          {number, expressPartition, func(int) string { return "2" }, &schemas.Content{Body: "tres"}},
		"a file":                        {number, expressPartition, func(int) string { return "2" }, picture("")},
		"a file, others being bulk":     {number, bulkPartition, func(int) string { return "2" }, picture("")},
		"a file of another host":        {host, expressPartition, func(i int) string { return strconv.Itoa(10 + i) }, picture("https://fast.example/a.png")},
		"a file of a number that hangs": {host, bulkPartition, func(int) string { return "3" }, &schemas.Content{Body: "tres"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.answer = func(c *apiCall) schemas.Reply {
					if c.message == "holaold" {
						return schemas.Reply{Verdict: schemas.VerdictMedia, Code: 100}
					}
					return schemas.Reply{Verdict: schemas.VerdictSent}
				}
				w.media = slowMedia{c.hangs}
				p := w.start(nil)
				p.Assign(expressPartition)
				p.Assign(bulkPartition)
				for i := range uint32(3 * content.MaxRenewals) {
					opt := file(picture("https://slow.example/a.png"))
					if c.slow == bulkPartition {
						task := schemas.NewTaskID()
						w.lock(func() { w.contents[task] = picture("https://slow.example/a.png") })
						w.produce(bulkPartition, task, i, by(c.sender(int(i))))
						continue
					}
					w.produce(expressPartition, schemas.NewTaskID(), i, opt, by(c.sender(int(i))))
				}
				w.rest(10 * time.Second)
				direct, began := schemas.NewTaskID(), time.Now()
				for i := range uint32(3) {
					w.produce(expressPartition, direct, i, file(c.content), by("3"), to("57301000000"+strconv.Itoa(int(i))))
				}
				w.until("the three", func() bool {
					n := 0
					for i := range uint32(3) {
						n += len(w.outcomes(who{direct, i}))
					}
					return n == 3
				})
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("three phones of another number waited %v for files of others, want at most %v", took, 5*time.Second)
				}
			})
		})
	}
}
