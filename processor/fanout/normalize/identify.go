package normalize

import (
	"bytes"

	json "github.com/go-json-experiment/json/v1"

	"altavoz/schemas"
	"altavoz/stream"
)

// Identify returns as much of a refused record as its task needs to fail; b is what was read of it, nil if it is JSON. It returns nil
// where no id can be read.
func Identify(rec *stream.Record, b *schemas.Broadcast) *schemas.Broadcast {
	if b != nil {
		return &schemas.Broadcast{
			Task: b.GetTask(), Sender: b.GetSender(), Total: b.GetTotal(), RequestSha256: b.GetRequestSha256(), Chosen: b.GetChosen(),
			AcceptedMs: b.GetAcceptedMs(), Owner: b.GetOwner(), OwnerMac: b.GetOwnerMac(),
		}
	}
	id, ok := Named(rec)
	if !ok {
		return nil
	}
	return &schemas.Broadcast{Task: id.Bytes(), Chosen: true}
}

// Forged returns what a broadcast under an id says of itself that only an ingress may say; none where nothing, or where it was one. made: an
// ingress made the id; signed: one signed the broadcast.
func Forged(b *schemas.Broadcast, id schemas.TaskID, made, signed bool) string {
	if made && (!signed || b.GetChosen()) { //mutant:id-that-an-ingress-made-is-proved
		return "an ingress made the task id " + id.String() + ", and did not write this record"
	}
	if r := b.GetRetry(); r != nil && (!signed || !bytes.Equal(r.Digest(), b.GetRequestSha256())) { //mutant:retry-is-proved
		return "it says that it is a retry, and no ingress made it"
	}
	return ""
}

// Named returns the task that a record of broadcasts names, in either form.
func Named(rec *stream.Record) (schemas.TaskID, bool) {
	if rec.Header(schemas.VersionHeader) != "" {
		var b schemas.Broadcast
		err := schemas.Decode(rec, &b)
		id, bad := schemas.TaskIDFromBytes(b.GetTask())
		return id, err == nil && bad == nil
	}
	var named struct {
		ID string `json:"task_id"`
	}
	// As earlier versions read it: a name in capitals is one, and of several the last. A task_id that can't be read is none.
	_ = json.Unmarshal(JSON(rec.Value), &named)
	id, err := schemas.ParseTaskID(named.ID)
	return id, err == nil
}
