// Package marketing is how a sender number sends marketing templates: over /messages as all else, or over Meta's Marketing Messages API, which takes
// nothing but them. It makes no calls.
package marketing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"altavoz/schemas"
)

// The paths of sends, behind the id of a number.
const (
	Messages  = "messages"
	Marketing = "marketing_messages"
)

// policies are what product_policy may be: whether what is not eligible goes out over the Cloud API all the same.
var policies = []string{"CLOUD_API_FALLBACK", "STRICT"}

// Setting is how a number sends marketing templates. The zero value sends them over /messages.
type Setting struct {
	Path string // Messages or Marketing; "": Messages
	// Policy is the member product_policy, Sharing message_activity_sharing ("true" or "false"); "": it is left out, and Meta's own setting holds.
	Policy  string
	Sharing string
}

// Validate reports what cannot be.
func (s Setting) Validate() error {
	switch {
	case !slices.Contains([]string{"", Messages, Marketing}, s.Path):
		return fmt.Errorf("its path of marketing templates is neither %s nor %s", Messages, Marketing)
	case s.Policy != "" && !slices.Contains(policies, s.Policy):
		return fmt.Errorf("its product policy is none of %s", strings.Join(policies, ", "))
	case !slices.Contains([]string{"", "true", "false"}, s.Sharing):
		return errors.New("its sharing of message activity is neither true nor false")
	case s.Path != Marketing && (s.Policy != "" || s.Sharing != ""):
		return fmt.Errorf("its product policy and sharing of message activity are for the path %s only", Marketing)
	}
	return nil
}

// Is reports whether a message of a content is by a template that its account has as one of marketing. Of one whose category is not known it is
// not: /messages takes it whatever it is.
func Is(c *schemas.Content) bool {
	return schemas.IsMarketing(c.GetTemplate().GetCategory()) //mutant:only-marketing-templates-go-to-the-marketing-api
}

// PathOf returns where a message goes, and what its body has beside that of /messages: a member with a comma before each.
func (s Setting) PathOf(marketing bool) (path, members string) {
	if !marketing || s.Path != Marketing { //mutant:free-form-goes-to-messages
		return Messages, ""
	}
	if s.Policy != "" {
		members = `,"product_policy":"` + s.Policy + `"`
	}
	if s.Sharing != "" {
		members += `,"message_activity_sharing":` + s.Sharing
	}
	return Marketing, members
}
