package schemas

import (
	"strings"

	"google.golang.org/protobuf/proto"
)

// Interactive returns a copy of the content without its template and its category: the ordinary interactive message, for whose window is open.
func (c *Content) Interactive() *Content {
	out := proto.CloneOf(c)
	out.Template, out.Route, out.Category = nil, Route_ROUTE_FIXED, ""
	return out
}

// HasBoth reports whether the content has two messages: the interactive one, and one that needs no open window, its template or, where it has none but a
// category, itself by Direct Send.
func (c *Content) HasBoth() bool {
	return c.GetRoute() == Route_ROUTE_AUTO && (c.GetTemplate() != nil || c.Exempt())
}

// Exempt reports whether people get the content who opted out: where its category says that it is a message about what they bought, or a
// code to log in. Meta judges what such a message says, and refuses it where it is something else; of a template it is not told the category, so
// whoever says it of one that its account has as marketing is not believed.
func (c *Content) Exempt() bool {
	return (c.GetCategory() == "utility" || c.GetCategory() == "authentication") && !IsMarketing(c.GetTemplate().GetCategory()) //mutant:opt-outs-hold-for-marketing-whatever-it-is-called
}

// Unprompted reports whether it may reach somebody outside their window: it has a template, or goes by Direct Send.
func (c *Content) Unprompted() bool {
	return c.GetTemplate() != nil || c.GetCategory() != "" && c.GetCategory() != "service" //mutant:service-messages-need-no-place
}

// IsMarketing reports whether a category of a template, Meta's word, is that of marketing. One that is not known is not.
func IsMarketing(category string) bool { return strings.EqualFold(category, "MARKETING") }
