package normalize

import (
	"cmp"

	"altavoz/schemas"
)

// WithFile returns the content with what Meta knows its file by. The file may have been resolved for another task, so
// its name is the task's own.
func WithFile(c *schemas.Content, got *schemas.MediaRef) *schemas.Content {
	m := c.GetMedia()
	return &schemas.Content{
		Body: c.GetBody(), Footer: c.GetFooter(), ButtonText: c.GetButtonText(), ButtonUrl: c.GetButtonUrl(),
		Header: c.GetHeader(), HeaderText: c.GetHeaderText(), Category: c.GetCategory(), Variables: c.GetVariables(), Files: c.GetFiles(),
		Media: &schemas.MediaRef{
			Url: m.GetUrl(), Parts: m.GetParts(), Filename: cmp.Or(m.GetFilename(), got.GetFilename()),
			Sha256: []byte(cmp.Or(string(got.GetSha256()), string(m.GetSha256()))), MimeType: cmp.Or(got.GetMimeType(), m.GetMimeType()),
			Size: cmp.Or(got.GetSize(), m.GetSize()), MediaId: got.GetMediaId(), Link: got.GetLink(),
		},
	}
}
