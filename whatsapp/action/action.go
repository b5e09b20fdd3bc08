// Package action is what a recipient taps in an interactive message, in the JSON of the Cloud API.
package action

import "altavoz/schemas"

// Action is the member action of an interactive message.
type Action struct {
	Name       string      `json:"name,omitzero"`
	Parameters *parameters `json:"parameters,omitzero"`
	Buttons    []button    `json:"buttons,omitzero"`
	Button     string      `json:"button,omitzero"` // of a list
	Sections   []section   `json:"sections,omitzero"`
}

type (
	parameters struct {
		DisplayText string `json:"display_text"`
		URL         string `json:"url"`
	}
	button struct {
		Type  string `json:"type"`
		Reply reply  `json:"reply"`
	}
	reply struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	section struct {
		Title string `json:"title,omitzero"`
		Rows  []row  `json:"rows"`
	}
	row struct {
		ID          string `json:"id"`
		Title       string `json:"title"`
		Description string `json:"description,omitzero"`
	}
)

// Of returns the type of the interactive message that a content is, and its action.
func Of(c *schemas.Content) (kind string, a Action) {
	switch shape := c.GetShape().GetKind().(type) {
	case *schemas.Shape_Buttons:
		for _, b := range shape.Buttons.GetButtons() {
			a.Buttons = append(a.Buttons, button{"reply", reply{b.GetId(), b.GetTitle()}})
		}
		return "button", a
	case *schemas.Shape_List:
		a.Button = shape.List.GetButton()
		for _, s := range shape.List.GetSections() {
			to := section{Title: s.GetTitle()}
			for _, r := range s.GetRows() {
				to.Rows = append(to.Rows, row{r.GetId(), r.GetTitle(), r.GetDescription()})
			}
			a.Sections = append(a.Sections, to)
		}
		return "list", a
	case *schemas.Shape_Location:
		return "location_request_message", Action{Name: "send_location"}
	default:
		return "cta_url", Action{Name: "cta_url", Parameters: &parameters{c.GetButtonText(), c.GetButtonUrl()}}
	}
}
