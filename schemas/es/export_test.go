package es

// Texts are both formats of a code.
func (c Code) Texts() (spanish, english string) {
	t, _ := find(c)
	return t.spanish, t.english
}

// Codes returns all codes, those of refusals included, in no order.
func Codes() (out []Code) {
	for _, table := range tables {
		for code := range table {
			out = append(out, code)
		}
	}
	for code := range refusals {
		out = append(out, Refused(code).Code)
	}
	return out
}
