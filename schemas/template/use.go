package template

import (
	"altavoz/schemas"
	"altavoz/schemas/personal"
)

var headers = map[schemas.HeaderKind]string{
	schemas.HeaderKind_HEADER_KIND_TEXT: KindText, schemas.HeaderKind_HEADER_KIND_IMAGE: KindImage, schemas.HeaderKind_HEADER_KIND_VIDEO: KindVideo,
	schemas.HeaderKind_HEADER_KIND_DOCUMENT: KindDocument,
}

var buttons = map[schemas.TemplateButtonKind]string{
	schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_URL_SUFFIX: KindURL, schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_QUICK_REPLY: KindQuickReply,
	schemas.TemplateButtonKind_TEMPLATE_BUTTON_KIND_COPY_CODE: KindCopyCode,
}

// UseOf returns how a content uses a template; nil where it uses none.
func UseOf(c *schemas.Content) *Use {
	t := c.GetTemplate()
	if t == nil {
		return nil
	}
	open := func(text string) bool { return len(c.GetVariables()) > 0 && len(personal.Placeholders(text)) > 0 }
	u := &Use{Name: t.GetName(), Language: t.GetLanguage(), Header: headers[t.GetHeader()]}
	if v := t.GetHeaderValue(); v != nil {
		u.HeaderValue = &Value{v.GetName(), v.GetText(), open(v.GetText())}
	}
	for _, v := range t.GetBody() {
		u.Body = append(u.Body, Value{v.GetName(), v.GetText(), open(v.GetText())})
	}
	for _, b := range t.GetButtons() {
		u.Buttons = append(u.Buttons, ButtonValue{int(b.GetIndex()), buttons[b.GetKind()], b.GetValue(), open(b.GetValue())})
	}
	return u
}
