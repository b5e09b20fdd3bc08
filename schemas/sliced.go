package schemas

import "slices"

// IsPersonal reports whether recipients may have something of their own.
func (x *Broadcast) IsPersonal() bool {
	return len(x.GetPersonal()) > 0 || x.GetSliceRecipients() != 0 || len(x.GetContent().GetVariables()) > 0
}

// IsOwn reports whether a recipient has something of its own.
func (x *Personal) IsOwn() bool {
	return len(x.GetVariables()) > 0 || x.GetOwn() != nil || x.GetUserId() != ""
}

// Owned returns what recipients have of their own; nil: nobody has anything.
func Owned(all []*Personal) []*Personal {
	if slices.ContainsFunc(all, (*Personal).IsOwn) {
		return all
	}
	return nil
}

// SliceSize is how many recipients every slice but the last has.
func (x *Broadcast) SliceSize() uint32 { return sliceSize(x.GetSliceRecipients()) }

// InlineMost is how many recipients the broadcast may carry itself.
func (x *Broadcast) InlineMost() int {
	if x.IsPersonal() {
		return PersonalSliceRecipients
	}
	return InlineRecipients
}

// SliceSize is how many recipients every slice but the last has of the list in which the retry has places.
func (x *Retry) SliceSize() uint32 { return sliceSize(x.GetSliceRecipients()) }

func sliceSize(said uint32) uint32 {
	if said == 0 {
		return SliceRecipients
	}
	return said
}

// ValidSliceSize reports whether slices may have so many recipients; 0: SliceRecipients. Any other number would make slices of any size, and
// references of any length.
func ValidSliceSize(said uint32) bool {
	return slices.Contains([]uint32{0, PersonalSliceRecipients}, said)
}

// SlicesOf is how many slices a list has.
func SlicesOf(total, size uint32) int { return int((uint64(total) + uint64(size) - 1) / uint64(size)) }

// AllFiles returns the files of a content: that of its header, if it has one, and those of recipients' own.
func (x *Content) AllFiles() (all []*MediaRef) {
	if m := x.GetMedia(); m != nil {
		all = append(all, m)
	}
	return append(all, x.GetFiles()...)
}

// HasInline reports whether a file stands in the content itself.
func (x *Content) HasInline() bool {
	return slices.ContainsFunc(x.AllFiles(), func(m *MediaRef) bool { return len(m.GetInline()) > 0 })
}

// Aligned reports whether each recipient of the slice has its place among what they have of their own, or nobody has anything.
func (x *Slice) Aligned() bool {
	return len(x.GetPersonal()) == 0 || len(x.GetPersonal()) == len(x.GetPhones())
}
