package list

import (
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
