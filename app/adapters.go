package app

import (
	"context"
	"errors"

	"altavoz/app/embedded"
	"altavoz/app/optouts"
	"altavoz/blob"
	"altavoz/kafka/group"
	"altavoz/kafka/records"
	"altavoz/kafka/table"
	"altavoz/processor/aggregator"
	"altavoz/processor/callbacks"
	"altavoz/processor/callbacks/post"
	"altavoz/processor/fanout"
	"altavoz/processor/fanout/prepare"
	"altavoz/processor/sender"
	"altavoz/producer"
	"altavoz/producer/dryrun"
	"altavoz/producer/export"
	"altavoz/producer/history"
	people "altavoz/producer/optouts"
	listed "altavoz/producer/templates"
	"altavoz/producer/webhooks"
	"altavoz/redis"
	"altavoz/stream"
	"altavoz/whatsapp"
	"altavoz/whatsapp/media"
	"altavoz/whatsapp/templates"
)

// Every port and what implements it. A stage names what it needs; that a client has it is checked here and nowhere else.
var (
	_ stream.Committer    = (*group.Group)(nil)
	_ stream.Pauser       = (*group.Group)(nil)
	_ stream.Log          = (*records.Publisher)(nil)
	_ stream.RecordReader = (*records.Reader)(nil)

	_ producer.Statuses = (*table.Statuses)(nil)
	_ producer.Tasks    = (*table.Statuses)(nil)
	_ producer.Numbers  = (*table.Controls)(nil)
	_ webhooks.Hooks    = (*whatsapp.Webhooks)(nil)
	_ export.Records    = (*records.Reader)(nil)
	_ dryrun.Media      = (*media.Resolver)(nil)
	_ dryrun.People     = (*optouts.Book)(nil)
	_ history.Records   = (*records.Reader)(nil)

	_ prepare.Records   = (*records.Reader)(nil)
	_ fanout.Statuses   = (*table.Statuses)(nil)
	_ fanout.Controls   = (*table.Controls)(nil)
	_ prepare.Media     = (*media.Resolver)(nil)
	_ prepare.Templates = (*templates.Book)(nil)

	_ sender.Records   = held{}
	_ sender.Contents  = blob.Reader{}
	_ sender.Media     = (*media.Resolver)(nil)
	_ sender.Messenger = (*whatsapp.Client)(nil)
	_ sender.Numbers   = (*table.Controls)(nil)
	_ sender.OptOuts   = (*optouts.Book)(nil)
	_ sender.Inbound   = optouts.Windows{}
	_ people.Book      = (*optouts.Book)(nil)
	_ listed.Book      = (*templates.Book)(nil)

	_ aggregator.Table = (*records.Reader)(nil)

	_ callbacks.Table  = (*records.Reader)(nil)
	_ callbacks.Poster = (*post.Client)(nil)

	_ media.Uploader = (*whatsapp.Client)(nil)
	_ media.Parts    = blob.Reader{}
	_ media.Cache    = (*redis.Cache)(nil)
	_ media.Cache    = (*embedded.Cache)(nil)
)

// recordAt is where blobs reads: one record by its place.
type recordAt interface {
	// Record returns stream.ErrGone for a record that is not there any more.
	Record(ctx context.Context, slot stream.TopicPartition, offset int64) (stream.Record, error)
}

// held tells a record that is not in its log from one that could not be read.
type held struct{ records recordAt }

func (h held) Record(ctx context.Context, slot stream.TopicPartition, offset int64) (rec stream.Record, found bool, err error) {
	rec, err = h.records.Record(ctx, slot, offset)
	if errors.Is(err, stream.ErrGone) {
		return rec, false, nil
	}
	return rec, err == nil, err
}
