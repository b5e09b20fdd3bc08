package templated_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"altavoz/schemas"
	"altavoz/whatsapp/templated"
)

func TestATemplateIsRenderedAsMetaTakesIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"nothing but its name", `{"template":{"name":"hola","language":"es"}}`, `,"type":"template","template":{"name":"hola","language":{"code":"es"}}}`},
		{
			"everything", `{"header":"HEADER_KIND_IMAGE","media":{"mediaId":"7","link":"x","filename":"a.png"},"template":{"name":"aviso","language":"es_CO","header":"HEADER_KIND_IMAGE","body":[{"name":"nombre","text":"Ana \"7\""}],` +
				`"buttons":[{"kind":"TEMPLATE_BUTTON_KIND_URL_SUFFIX","value":"pedido/77"},{"index":1,"kind":"TEMPLATE_BUTTON_KIND_QUICK_REPLY","value":"SI"},{"index":2,"kind":"TEMPLATE_BUTTON_KIND_COPY_CODE","value":"X7"}]}}`,
			`,"type":"template","template":{"name":"aviso","language":{"code":"es_CO"},"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"7"}}]},` +
				`{"type":"body","parameters":[{"type":"text","parameter_name":"nombre","text":"Ana \"7\""}]},` +
				`{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"pedido/77"}]},` +
				`{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"SI"}]},` +
				`{"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"X7"}]}]}}`,
		},
		{
			"values in order, and a document by link", `{"media":{"link":"https://x.example/a.pdf","filename":"a.pdf"},"template":{"name":"a","language":"es","header":"HEADER_KIND_DOCUMENT","body":[{"text":"1"},{"text":"2"}]}}`,
			`,"type":"template","template":{"name":"a","language":{"code":"es"},"components":[{"type":"header","parameters":[{"type":"document","document":{"link":"https://x.example/a.pdf","filename":"a.pdf"}}]},` +
				`{"type":"body","parameters":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}]}}`,
		},
		{
			"a video", `{"media":{"mediaId":"7"},"template":{"name":"a","language":"es","header":"HEADER_KIND_VIDEO"}}`,
			`,"type":"template","template":{"name":"a","language":{"code":"es"},"components":[{"type":"header","parameters":[{"type":"video","video":{"id":"7"}}]}]}}`,
		},
		{
			"a text header", `{"template":{"name":"a","language":"es","header":"HEADER_KIND_TEXT","headerValue":{"name":"t","text":"Ana"}}}`,
			`,"type":"template","template":{"name":"a","language":{"code":"es"},"components":[{"type":"header","parameters":[{"type":"text","parameter_name":"t","text":"Ana"}]}]}}`,
		},
		{"a file that is not there", `{"template":{"name":"a","language":"es","header":"HEADER_KIND_IMAGE"}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &schemas.Content{}
			if err := protojson.Unmarshal([]byte(tt.content), c); err != nil {
				t.Fatal(err)
			}
			got, err := templated.Render(c)
			if string(got) != tt.want || (tt.want == "") != errors.Is(err, schemas.ErrContent) {
				t.Errorf("%s, %v; want %s", got, err, tt.want)
			}
		})
	}
}
