package offsets

import "altavoz/stream"

// How a log and what was committed disagree.
const (
	kindEnd     = "end"     // the log ends below
	kindGone    = "gone"    // there is no offset, and there was one
	kindForeign = "foreign" // somebody else set the offset
	kindBegin   = "begin"   // the log begins above
)

// Kinds are the ways in which they may disagree.
func Kinds() []string { return []string{kindEnd, kindGone, kindForeign, kindBegin} }

// Disagreement returns how a log disagrees with what was committed: the label of the metric, and a sentence; nothing if they agree.
func Disagreement(pos stream.Position) (kind, says string) {
	switch {
	case pos.Offset > pos.End:
		return kindEnd, "the log ends below what was committed: it lost its end (a broker that lost its page cache, an unclean election), or was made anew"
	case pos.Begun && pos.Offset == stream.NoOffset:
		return kindGone, "the group's offset is gone: it expired, or was deleted"
	case pos.Begun && pos.Metadata == "":
		return kindForeign, "the group's offset was set by somebody else"
	case pos.Offset != stream.NoOffset && pos.Offset < pos.Begin:
		return kindBegin, "records were removed before they were read"
	}
	return "", ""
}
