package schemas

// Exempt reports whether people get the content who opted out: where its category says that it is a message about what they bought, or a
// code to log in. Meta judges what such a message says, and refuses it where it is something else.
func (c *Content) Exempt() bool {
	return c.GetCategory() == "utility" || c.GetCategory() == "authentication"
}
