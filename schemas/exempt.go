package schemas

import "google.golang.org/protobuf/proto"

// Interactive returns a copy of the content without its template: the interactive message alone.
func (c *Content) Interactive() *Content {
	out := proto.CloneOf(c)
	out.Template, out.Route = nil, Route_ROUTE_FIXED
	return out
}

// Exempt reports whether people get the content who opted out: where its category says that it is a message about what they bought, or a
// code to log in. Meta judges what such a message says, and refuses it where it is something else.
func (c *Content) Exempt() bool {
	return c.GetCategory() == "utility" || c.GetCategory() == "authentication"
}
