package content

import "altavoz/schemas"

// Both are the messages of a task that has two: see schemas.Route. Template is by a template, or by Direct Send, for which Meta makes one.
type Both struct{ Interactive, Template schemas.Message }

// prepare renders a content, or both messages of one that has two. Own: its recipients have something of their own.
func prepare(c *schemas.Content, own bool, r Renderer) (schemas.Message, error) {
	if !c.HasBoth() {
		return prepareOne(c, own, r)
	}
	interactive, err := prepareOne(c.Interactive(), own, r)
	if err != nil {
		return nil, err
	}
	template, err := prepareOne(c, own, r)
	if err != nil {
		return nil, err
	}
	return &Both{interactive, template}, nil
}

func prepareOne(c *schemas.Content, own bool, r Renderer) (schemas.Message, error) {
	if own {
		return &Template{content: c, renderer: r}, nil
	}
	return r.Prepare(c)
}
