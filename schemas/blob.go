package schemas

// Sizes of a broadcast and of what lies in the blobs topic.
const (
	// MaxRecipients bounds a broadcast: 16 MiB of recipients' states, 17,000 slices.
	MaxRecipients = 16 << 20
	// SliceRecipients is how many recipients a full slice holds: about 13 KB of phones.
	SliceRecipients = 1000
	// PersonalSliceRecipients is how many a full slice of a list holds whose recipients have something of their own: at MaxPersonalBytes
	// each it fits into MaxRecordBytes. So many may stand in a Broadcast too.
	PersonalSliceRecipients = 100
	// MaxPersonalBytes is how large a Personal may be.
	MaxPersonalBytes = 9 << 10
	// MaxFiles is how many files of recipients' own headers a content may have.
	MaxFiles = 100
	// InlineRecipients is how many a Broadcast may carry itself.
	InlineRecipients = 1000
	// MaxPersonal bounds a broadcast whose recipients have something of their own: 10,000 slices.
	MaxPersonal = 1_000_000
	// PartBytes is the size of a full part of a file: with key and headers well under MaxRecordBytes.
	PartBytes = 512 << 10
	// MaxRecordBytes bounds every record except those of the broadcasts topic.
	MaxRecordBytes = 1 << 20
)

// Offsets returns the offsets that the reference points at, in order.
func (r *BlobRef) Offsets() []int64 {
	out := make([]int64, len(r.GetOffsetDeltas()))
	var at int64
	for i, d := range r.GetOffsetDeltas() {
		at += int64(d)
		out[i] = at
	}
	return out
}
