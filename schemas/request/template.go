package request

import (
	"github.com/go-json-experiment/json/jsontext"

	"altavoz/schemas"
	"altavoz/schemas/content"
	"altavoz/schemas/es"
	"altavoz/schemas/personal"
	"altavoz/schemas/request/attached"
	"altavoz/schemas/rules"
	"altavoz/schemas/template/use"
)

// template reads the member of that name.
func (r *reader) template() error {
	if r.dec.PeekKind() == jsontext.KindNull {
		return r.skip()
	}
	given, err := use.Read(r.dec, r.lim.Lenient)
	if err != nil {
		return err //nolint:wrapcheck // fatal tells them apart
	}
	for _, name := range given.Strange {
		r.req.Warnings = append(r.req.Warnings, es.Say(es.FieldIgnored, name))
	}
	if r.given = given; len(given.Faults) > 0 && !r.isBad("template") {
		r.bad["template"] = given.Faults[0]
	}
	return nil
}

// templateContent puts a message by template together and holds it to the rules. Its error is the sink's.
func (r *reader) templateContent() error {
	c := r.req.Content
	c.Template = r.given.Template
	for _, field := range ownFields { // as a message has
		if r.texts[field] != "" {
			r.mixed(field)
		}
	}
	for _, name := range r.shapes {
		c.Shape = nil
		r.mixed(name)
	}
	if c.Template.GetHeader().MaxBytes() > 0 {
		c.Header = c.Template.GetHeader()
		if err := r.templateFile(); err != nil {
			return err
		}
	}
	if r.people != nil {
		r.filled()
		r.noOwnTexts()
		c = personal.Sample(c)
	}
	for _, f := range content.Faults(c, r.req.Literal) {
		if !r.isBad("template") {
			r.bad["template"] = f
		}
	}
	if !r.req.Literal {
		r.req.Warnings = append(r.req.Warnings, content.Doubts(c)...)
	}
	return nil
}

// both puts the interactive message and the template together, of which each recipient gets one; without a template the category has to say that the
// other one is the same by Direct Send. Its error is the sink's.
func (r *reader) both() error {
	c := r.req.Content
	if c.Route = schemas.Route_ROUTE_AUTO; r.given != nil {
		c.Template = r.given.Template
		if (r.given.Content != "" || r.fileAt == templateFile) && !r.isBad("template") && c.Template.GetHeader().MaxBytes() > 0 {
			f := Fault(templateFile, CodeValue, es.RouteFile, templateFile)
			f.Hint = es.Say(es.RouteFileHint)
			r.bad["template"] = f
		}
	}
	if r.people != nil && r.given != nil {
		r.noOwnTexts()
	}
	return r.content()
}

// noOwnTexts refuses texts of recipients' own beside a template.
func (r *reader) noOwnTexts() {
	if q := r.people; q.ownText.is && !r.isBad("recipients") {
		q.at = q.ownText.at
		f := Fault(r.path(q.ownTextField), CodeValue, es.UseOwn, r.path(q.ownTextField))
		f.Hint = es.Say(es.UseOwnHint)
		r.bad["recipients"] = f
	}
}

// mixed refuses a template beside a member of an interactive message.
func (r *reader) mixed(field string) {
	if !r.isBad("template") { //mutant:a-template-goes-without-an-interactive-message
		f := Fault("template", CodeValue, es.UseWith, field)
		f.Hint = es.Say(es.UseWithHint)
		r.bad["template"] = f
	}
}

const templateFile = "template.header.content"

// templateFile reads the file of a template's header. Its error is the sink's.
func (r *reader) templateFile() error {
	c, given := r.req.Content, r.given.Content
	switch none := r.file == nil && rules.Blank(given); {
	case r.isBad("template"):
	case none && (r.people == nil || r.people.noHeader.is):
		r.bad["template"] = Fault(templateFile, CodeRequired, es.UseMember, templateFile)
	case !none: // else everybody has one of its own
		media, wrong, err := attached.Media(r.file, given, r.part, c.Header, templateFile, r.given.Filename)
		if c.Media = media; wrong != nil {
			r.bad["template"] = wrong
		}
		return err //nolint:wrapcheck // the sink's
	}
	return nil
}
