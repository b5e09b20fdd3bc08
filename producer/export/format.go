package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// ContentType returns that of a format.
func (f Format) ContentType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case NDJSON:
		return "application/x-ndjson"
	case JSON:
	}
	return "application/json; charset=utf-8"
}

// Writer writes rows one behind the other.
type Writer struct {
	to  io.Writer
	csv *csv.Writer // nil: lines of JSON
}

// NewWriter returns what writes rows as CSV or NDJSON.
func NewWriter(f Format, to io.Writer) *Writer {
	w := &Writer{to: to}
	if f == CSV {
		w.csv = csv.NewWriter(to)
		w.csv.UseCRLF = true // RFC 4180
		_ = w.csv.Write([]string{"index", "phone", "outcome", "code", "reason", "retryable", "route"})
	}
	return w
}

// Row writes a row. In CSV the digits of a phone stand bare: a spreadsheet takes them for a number, which holds the 15 digits that a phone has at
// most exactly, and no country code begins with a zero that it would lose. An entry that is no phone, which may have any form, stands
// behind an apostrophe, so that it is neither a formula nor a number or date that is written differently.
func (w *Writer) Row(r *Row) error {
	if w.csv == nil {
		if err := json.MarshalWrite(w.to, r); err != nil {
			return fmt.Errorf("writing a row: %w", err)
		}
		_, err := io.WriteString(w.to, "\n")
		return err
	}
	phone, code := plain(r.Phone), ""
	if r.invalid { //mutant:what-is-no-phone-is-text-in-csv
		phone = "'" + r.Phone
	}
	if r.Code != 0 {
		code = strconv.Itoa(r.Code)
	}
	return w.csv.Write([]string{strconv.FormatUint(uint64(r.Index), 10), phone, string(r.Outcome), code, plain(r.Reason), strconv.FormatBool(r.Retryable), string(r.Route)})
}

// Close writes what is left.
func (w *Writer) Close() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(text string) string {
	if strings.IndexAny(strings.TrimLeft(text, " "), "=+-@\t\r\n") == 0 { //mutant:no-cell-is-a-formula
		return "'" + text
	}
	return text
}
