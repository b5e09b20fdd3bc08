package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/schemas"
	"altavoz/schemas/request"
	"altavoz/schemas/taskids"
	"altavoz/stream"
)

// Codes in the headers of rejects.
const (
	codeDecode  = "decode"
	codeInvalid = "invalid"
	codeForeign = "foreign"
)

// refusal is why a record can never be relayed.
type refusal struct {
	code string
	error
}

func (r refusal) Unwrap() error { return r.error }

var (
	errReference = refusal{codeForeign, errors.New("it points at records of blobs: a list, or a file, stands in the record itself")}
	errMade      = refusal{codeForeign, errors.New("its task id is one that an ingress made, and so another's")}
)

// relay writes what becomes of a record, and returns when that is acknowledged. After an error all of it may be done again.
func (st *Stage) relay(ctx context.Context, rec *stream.Record) (result string, err error) {
	if normalize.Null(rec.Value) {
		return resultEmpty, nil
	}
	if st.cfg.Room != nil { //mutant:upstream-records-wait-for-room
		if err := st.cfg.Room(); err != nil {
			return "", err
		}
	}
	owner := st.cfg.Owners[rec.Topic]
	b, err := st.order(ctx, rec)
	if no, ok := errors.AsType[refusal](err); ok {
		st.cfg.Logger.Warn("a record of an upstream system was rejected", "topic", string(rec.Topic), "partition", rec.Partition, "offset", rec.Offset, "owner", owner, "code", no.code, "reason", no.Error())
		_, err = st.ports.Log.Publish(ctx, st.ports.Reject(*rec, Name, no.code, no.Error()))
		return no.code, err //nolint:wrapcheck // the log's own words
	}
	if err != nil {
		return "", err
	}
	st.cfg.Sign(b, owner) //mutant:relayed-record-is-its-topics-owners
	out := schemas.EncodeBroadcast(b)
	out.Partition = st.ports.Home(schemas.TopicBroadcasts, out.Key)
	acked, err := st.ports.Log.Publish(ctx, out)
	if err != nil {
		return "", err //nolint:wrapcheck // the log's own words
	}
	st.cfg.Logger.Info("broadcast relayed", "task", schemas.TaskID(b.GetTask()).String(), "total", b.GetTotal(), "caller", owner,
		"from", fmt.Sprintf("%s/%d at %d", rec.Topic, rec.Partition, rec.Offset), "offset", acked[0].Offset)
	return resultRelayed, nil
}

// order makes the broadcast of a record, with nothing in it that the record may not say. A refusal is an error that stays.
func (st *Stage) order(ctx context.Context, rec *stream.Record) (*schemas.Broadcast, error) {
	size := min(int64(len(rec.Value)), readingBytes)
	if err := st.reading.Acquire(ctx, size); err != nil {
		return nil, fmt.Errorf("waiting to read a record: %w", err)
	}
	defer st.reading.Release(size)
	asked, said, err := read(rec)
	if err != nil {
		return nil, err
	}
	id, earlier := st.cfg.IDs(rec)
	w := normalize.Writer{Publish: st.ports.Log.Publish, Home: st.ports.Home, Task: id, DefaultSender: st.cfg.DefaultSender(), MaxRecipients: schemas.MaxRecipients}
	b, err := w.Broadcast(ctx, asked, said)
	if field := (*request.FieldError)(nil); errors.As(err, &field) {
		return nil, refusal{codeInvalid, field}
	}
	if err != nil {
		return nil, fmt.Errorf("putting a record in order: %w", err)
	}
	named, err := schemas.TaskIDFromBytes(b.GetTask())
	if err != nil {
		return nil, refusal{codeInvalid, err}
	}
	if b.Earlier = nil; !b.GetChosen() {
		b.Earlier = taskids.Bytes(earlier)
	}
	if b.GetChosen() && st.cfg.Made(named) { //mutant:record-names-no-id-of-an-ingress
		return nil, errMade
	}
	if said != nil {
		sum := sha256.Sum256(rec.Value)
		b.RequestSha256 = sum[:]
	}
	b.Origin, b.Direct, b.AcceptedMs = nil, false, normalize.AcceptedAt(0, rec.Time, time.Now())
	return b, nil
}

// read returns a record of which only what a request may ask for is left, and what was read of it: nil where it is JSON, which holds
// nothing else.
func read(rec *stream.Record) (*stream.Record, *schemas.Broadcast, error) {
	if rec.Header(schemas.VersionHeader) == "" {
		return rec, nil, nil
	}
	b := new(schemas.Broadcast)
	if err := schemas.Decode(rec, b); err != nil {
		return nil, nil, refusal{codeDecode, err} // what a newer version wrote does not come here: the group waits for that version
	}
	if b.GetSlices() != nil || slices.ContainsFunc(b.GetContent().AllFiles(), func(m *schemas.MediaRef) bool { return m.GetParts() != nil }) { //mutant:record-points-at-nothing-in-blobs
		return nil, nil, errReference
	}
	asked := &schemas.Broadcast{
		Task: b.GetTask(), Chosen: len(b.GetTask()) > 0, Sender: b.GetSender(), Phones: b.GetPhones(), OnUnknown: b.GetOnUnknown(),
		ScheduleMs: b.GetScheduleMs(), ExpireMs: b.GetExpireMs(), Speed: b.GetSpeed(), Window: b.GetWindow(), Literal: b.GetLiteral(),
		Reference: b.GetReference(), CallbackUrl: b.GetCallbackUrl(), Events: b.GetEvents(), Personal: b.GetPersonal(),
	}
	if c := b.GetContent(); c != nil {
		asked.Content = &schemas.Content{
			Body: c.GetBody(), Footer: c.GetFooter(), ButtonText: c.GetButtonText(), ButtonUrl: c.GetButtonUrl(), Header: c.GetHeader(),
			HeaderText: c.GetHeaderText(), Category: c.GetCategory(), Variables: c.GetVariables(), Media: askedFile(c.GetMedia()), Template: c.GetTemplate(),
			Shape: c.GetShape(), Route: c.GetRoute(),
		}
		if t := asked.GetContent().GetTemplate(); t != nil {
			t.Category = "" // what it is billed as is for its account to say
		}
		for _, m := range c.GetFiles() {
			asked.Content.Files = append(asked.Content.Files, askedFile(m))
		}
	}
	clean := schemas.EncodeBroadcast(asked)
	clean.Topic, clean.Key = rec.Topic, rec.Key
	clean.Partition, clean.Offset, clean.Time = rec.Partition, rec.Offset, rec.Time
	return &clean, asked, nil
}

// askedFile is what a request may say of a file. Who names a digest without the bytes counts as having the file.
func askedFile(m *schemas.MediaRef) *schemas.MediaRef {
	if m == nil {
		return nil
	}
	return &schemas.MediaRef{
		Url: m.GetUrl(), Inline: m.GetInline(), MimeType: m.GetMimeType(), Filename: m.GetFilename(), MediaId: m.GetMediaId(), Link: m.GetLink(), Kind: m.GetKind(),
	}
}
