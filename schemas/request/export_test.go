package request

// MemberNames are all members that a request may have.
func MemberNames() []string { return memberNames }
