package client

// Button is a reply button. Its id is what a tap says to programs, at most 256 characters; its title what the recipient reads, at most 20.
type Button struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// List is a list of at most ten rows in all, behind a button that opens it, of at most 20 characters.
type List struct {
	Button   string        `json:"button"`
	Sections []ListSection `json:"sections"`
}

// ListSection is a part of a list. Its title, at most 24 characters, is needed where there are several.
type ListSection struct {
	Title string    `json:"title,omitzero"`
	Rows  []ListRow `json:"rows"`
}

// ListRow is a line of a list that can be tapped: an id of at most 200 characters, a title of 24 and a description of 72.
type ListRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitzero"`
}

// Texts are the texts of the draft in which {{name}} is filled in.
func (d *Draft) Texts() []string {
	all := []string{d.BodyText, d.FooterText, d.ButtonText, d.ButtonURL}
	if d.HeaderType == "text" {
		all = append(all, d.HeaderContent)
	}
	if d.Template != nil {
		all = append(all, d.Template.texts()...)
	}
	for _, b := range d.Buttons {
		all = append(all, b.ID, b.Title)
	}
	if d.List == nil {
		return all
	}
	all = append(all, d.List.Button)
	for _, s := range d.List.Sections {
		all = append(all, s.Title)
		for _, r := range s.Rows {
			all = append(all, r.ID, r.Title, r.Description)
		}
	}
	return all
}
