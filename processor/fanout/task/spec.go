package task

import (
	"bytes"
	"time"

	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/schemas/standing"
	"altavoz/schemas/taskids"
)

// Spec is what was asked for, and where. It does not change once the task is open.
type Spec struct {
	ID         schemas.TaskID
	Owner      string
	Sender     string
	Lane       schemas.Lane
	Offset     int64 // of its record on this partition
	Origin     *schemas.Origin
	Claimed    *schemas.Origin // another origin, which the record claims and nobody proves
	SHA        []byte
	Earlier    []schemas.TaskID // other ids of the request
	Contested  bool             // other records may have the id too: a caller chose it, or this is one of several copies of a record
	Accepted   int64            // unix milliseconds, as are the other two
	Schedule   int64
	Expire     int64
	Window     *schemas.Window
	Asked      uint32         // sends a second; 0: as fast as its number goes
	Reference  string         // what the caller calls it
	RetryOf    []byte         // the task that it retries
	Callback   string         // where what happens to it is posted
	Events     schemas.Events // what the topic events has of it
	Unprompted bool           // its message may reach who did not write; false where its record was not read
	Template   string         // that its message uses (standing.TemplateKey); "": none, or its record was not read
}

// Fill takes over what the broadcast says of itself.
func (s *Spec) Fill(b *schemas.Broadcast) {
	s.Sender, s.Lane, s.SHA = b.GetSender(), b.Lane(), b.GetRequestSha256()
	s.Asked, s.Window, s.Events = b.GetSpeed(), b.GetWindow(), b.GetEvents()
	if s.Callback = ""; len(b.GetCallbackUrl()) <= schemas.MaxCallback {
		s.Callback = b.GetCallbackUrl()
	}
	if s.Reference = ""; schemas.ValidReference(b.GetReference()) { // of a record that is refused it may be of any size
		s.Reference = b.GetReference()
	}
	s.Accepted, s.Schedule, s.Expire = b.GetAcceptedMs(), b.GetScheduleMs(), b.GetExpireMs()
	s.RetryOf = b.GetRetry().GetOf()
	s.Template = standing.TemplateKey(b.GetContent().GetTemplate())
	s.Unprompted = b.GetContent().Unprompted()
}

// FillOpened takes over what a task that is known by its Status says of itself.
func (s *Spec) FillOpened(p *schemas.TaskOpened) {
	s.Fill(&schemas.Broadcast{
		Sender: p.GetSender(), Total: p.GetTotal(), Direct: p.GetDirect(), RequestSha256: p.GetRequestSha256(),
		AcceptedMs: p.GetAcceptedMs(), ScheduleMs: p.GetScheduleMs(), ExpireMs: p.GetExpireMs(), Window: p.GetWindow(), Speed: p.GetSpeed(),
		Reference: p.GetReference(), CallbackUrl: p.GetCallbackUrl(), Events: p.GetEvents(),
	})
	s.Origin, s.Owner, s.Earlier, s.RetryOf = p.GetOrigin(), p.GetOwner(), taskids.Read(p.GetEarlier()), p.GetRetryOf()
}

// TaskOpened is what the log is told of a task that starts.
func (s *Spec) TaskOpened(partition int32, total uint32, direct bool) *schemas.TaskOpened {
	return &schemas.TaskOpened{
		Total: total, Origin: s.Origin, RequestSha256: s.SHA, Sender: s.Sender, Owner: s.Owner, AcceptedMs: s.Accepted, ScheduleMs: s.Schedule,
		ExpireMs: s.Expire, Direct: direct, Window: s.Window, Speed: s.Asked, Home: &schemas.Origin{Partition: partition, Offset: s.Offset},
		Earlier: taskids.Bytes(s.Earlier), Reference: s.Reference, CallbackUrl: s.Callback, Events: s.Events, RetryOf: s.RetryOf,
	}
}

// ExpiresAt returns when nothing more of the task is dispatched.
func (s *Spec) ExpiresAt() time.Time {
	at := time.UnixMilli(s.Accepted).Add(schemas.TaskLife)
	if s.Expire > 0 && time.UnixMilli(s.Expire).Before(at) {
		at = time.UnixMilli(s.Expire)
	}
	return at
}

// GraceAfter is how long a task that is dispatched may stay undecided beyond its life, or beyond a takeover if that was
// later: long enough for the marks to show everything that was said.
const GraceAfter = 10 * time.Minute

// GraceEnd returns when a dispatched task that is still not decided never will be.
func (s *Spec) GraceEnd(now time.Time) time.Time {
	at := time.UnixMilli(s.Accepted).Add(schemas.TaskLife)
	if at.Before(now) {
		at = now
	}
	return at.Add(GraceAfter)
}

// IsFirst reports whether p opened the task of this record, read on a partition: another's may name the same place. What a fanout
// of an earlier version moved has no proof of where it was first, but a TaskOpened that names its copy. The owner may be another one
// since, as the topic's may, where p names the record's own place. A record has copies on two partitions where the default number was another
// one when it was read again: the one that p names is the task.
func (s *Spec) IsFirst(p *schemas.TaskOpened, partition int32) bool {
	here := &schemas.Origin{Partition: partition, Offset: s.Offset}
	if status.SameOrigin(p.GetHome(), here) && status.SameOrigin(p.GetOrigin(), s.Claimed) {
		s.BelieveClaim()
	}
	if s.IsOfRefused(p, partition) {
		return true
	}
	if !status.SameOrigin(p.GetOrigin(), s.Origin) || !bytes.Equal(p.GetRequestSha256(), s.SHA) { //mutant:plan-is-of-the-same-request
		return false
	}
	if home := p.GetHome(); home != nil && home.GetPartition() != partition { //mutant:copy-on-another-partition-is-not-the-task
		return false
	}
	return p.GetOwner() == "" || p.GetOwner() == s.Owner || status.SameOrigin(status.Position(p), here)
}

// IsOfRefused reports whether p opened the task of a record of which this is a copy: it was refused when it was first read, so the task fails. A record
// that has a copy is itself no task otherwise.
func (s *Spec) IsOfRefused(p *schemas.TaskOpened, partition int32) bool {
	return status.SameOrigin(p.GetHome(), s.Origin) && status.SameOrigin(p.GetOrigin(), s.Origin) && //mutant:copy-of-a-refused-record-fails
		!status.SameOrigin(s.Origin, &schemas.Origin{Partition: partition, Offset: s.Offset})
}

// BelieveClaim takes the origin that the record claims for the true one.
func (s *Spec) BelieveClaim() { s.Origin, s.Claimed = s.Claimed, nil }
