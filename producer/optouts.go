package producer

import (
	"net/http"

	"altavoz/producer/access"
)

// optOuts is what is asked of who opted out: a page or the whole list, some people in, one person shown or out.
func (in *Ingress) optOuts(w http.ResponseWriter, r *http.Request, caller *access.Caller) answer {
	by := in.shareOf(caller)
	if err := by.Take(access.Lists, in.listing); err != nil {
		return bodyError(err)
	}
	defer by.Give(access.Lists, in.listing)
	body, write, err := in.people.Answer(r, caller, func(most int) ([]byte, error) { return in.readSmall(w, r, caller, most) }, func() bool { return in.holds(caller, access.OptOuts) })
	if err != nil {
		return bodyError(err)
	}
	return answer{status: http.StatusOK, body: body, stream: write}
}
