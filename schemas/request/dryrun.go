package request

import "altavoz/schemas/es"

// dryRun reads whether nothing is to happen. What the sink took by then is written, so it has to come first where there is so much.
func (r *reader) dryRun(name string) error {
	var dry bool
	if err := r.flag(name, &dry); err != nil || !dry {
		return err
	}
	switch {
	case r.lim.DryRun == nil: //mutant:dry-run-is-never-sent
		r.refuse(name, CodeValue, es.DryRunElsewhere)
	case r.sunk: //mutant:dry-run-comes-before-what-is-written
		r.refuse(name, CodeValue, es.DryRunLate)
	default:
		sink, err := r.lim.DryRun()
		r.sink, r.req.DryRun = sink, true
		return err
	}
	return nil
}
