package cloudevents

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// kindReply is the kind of the events that tell what a recipient tapped.
const kindReply = "reply"

// Reply is what a recipient tapped. Who that is its index says.
type Reply struct {
	TaskID      string    `json:"task_id"`
	Reference   string    `json:"reference,omitzero"`
	Owner       string    `json:"owner,omitzero"`
	Sender      string    `json:"sender,omitzero"`
	Index       uint32    `json:"index"`
	Kind        string    `json:"kind"` // as Meta calls it: button_reply, list_reply, button or location
	ID          string    `json:"id,omitzero"`
	Title       string    `json:"title,omitzero"`
	Description string    `json:"description,omitzero"`
	Location    *Location `json:"location,omitzero"`
	MessageID   string    `json:"message_id"` // of the recipient's message
	Wamid       string    `json:"wamid"`      // of ours, which it answers
}

// Location is where a recipient is, in degrees.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitzero"`
	Address   string  `json:"address,omitzero"`
}

// Tapped makes the record of topic events that tells what a recipient tapped. Its id follows from the id of the recipient's message: however
// often Meta tells of it, it is one event.
func Tapped(s *schemas.Status, r *schemas.Tap) stream.Record {
	task, p := schemas.TaskID(s.GetTask()).String(), s.GetPlan()
	data := Reply{
		TaskID: task, Reference: p.GetReference(), Owner: p.GetOwner(), Sender: p.GetSender(), Index: r.GetIndex(),
		Kind: strings.ToLower(strings.TrimPrefix(r.GetKind().String(), "TAP_KIND_")), ID: r.GetId(), Title: r.GetTitle(), Description: r.GetDescription(),
		MessageID: r.GetMessage(), Wamid: r.GetWamid(),
	}
	if r.GetKind() == schemas.TapKind_TAP_KIND_LOCATION {
		data.Location = &Location{Latitude: r.GetLatitude(), Longitude: r.GetLongitude(), Name: r.GetName(), Address: r.GetAddress()}
	}
	sum := sha256.Sum256([]byte(r.GetMessage()))
	event := envelope(task, kindReply+"-"+hex.EncodeToString(sum[:16]), kindReply, time.UnixMilli(r.GetAtMs()).UTC(), data)
	return called(record(task, written(event)), p, event.ID)
}

// called names the callback that an event is posted to, if there is one.
func called(rec stream.Record, p *schemas.TaskOpened, id string) stream.Record {
	if to := p.GetCallbackUrl(); to != "" {
		rec.Headers = append(rec.Headers,
			stream.Header{Key: schemas.CallbackHeader, Value: []byte(to)}, stream.Header{Key: schemas.EventHeader, Value: []byte(id)},
			stream.Header{Key: schemas.OwnerHeader, Value: []byte(p.GetOwner())})
	}
	return rec
}
