package es

// Texts are both formats of a code.
func (c Code) Texts() (spanish, english string) {
	t, _ := find(c)
	return t.spanish, t.english
}
