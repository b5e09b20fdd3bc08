package optouts

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"altavoz/schemas/optout"
)

const (
	// rowsAtOnce are written between two looks at whether the client takes them and its key still may.
	rowsAtOnce = 1000
	// patience is how long a client may take to read as many.
	patience = 30 * time.Second
)

// write writes the whole list as it was when it was asked for, but for who came back meanwhile. An answer that is cut off does not end well.
func (s *Service) write(w http.ResponseWriter, business string, names *optout.Names, may func() bool) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="optouts.csv"`)
	conn, rows := http.NewResponseController(w), csv.NewWriter(w)
	failed := rows.Write([]string{"phone", "opted_out", "since", "source"}) != nil
	for i := 0; i < names.Len() && !failed; i++ {
		if i%rowsAtOnce == 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(patience)) // not there in tests without a connection
			failed = !may()
		}
		if r := rowOf(s.Book.Get(business, names.At(i))); r.OptedOut && !failed {
			failed = rows.Write([]string{r.Phone, strconv.FormatBool(r.OptedOut), r.Since, r.Source}) != nil
		}
	}
	rows.Flush()
	if failed || rows.Error() != nil {
		panic(http.ErrAbortHandler) // only a broken connection says that a list is not all
	}
	_ = conn.SetWriteDeadline(time.Time{}) // the connection may serve others
}
