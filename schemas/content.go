package schemas

import "google.golang.org/protobuf/proto"

// WithMedia returns a copy of the content that has another file.
func (x *Content) WithMedia(m *MediaRef) *Content {
	c := proto.CloneOf(x)
	c.Media = m
	return c
}
