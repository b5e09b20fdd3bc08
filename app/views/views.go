// Package views opens the tables that a process reads whole: statuses, controls, opt-outs and when people wrote last.
package views

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"altavoz/app/numbers"
	"altavoz/app/optouts"
	"altavoz/kafka"
	"altavoz/kafka/table"
	"altavoz/stream"
)

// Views are the tables of a process; what none of its roles needs is nil.
type Views struct {
	Statuses *table.Statuses
	Controls *table.Controls
	OptOuts  *optouts.Book
	Inbound  *table.Inbound
	Sent     *table.Sent
	People   *table.People

	reads   bool   // opt-outs, and completes none
	working func() // ends what goes on beside the reading, and waits for that
}

// Needs is what a process reads. Names is of OptOuts only which user ids are whose phone: nothing of them is written then.
type Needs struct{ Statuses, Controls, OptOuts, Names, Inbound, Sent, People bool }

// Open opens the tables that are needed. Start starts them, when all who listen to them are made.
func Open(c kafka.Config, l kafka.Layout, n *numbers.Book, needs Needs) (v Views, err error) {
	if needs.Statuses {
		if v.Statuses, err = table.NewStatuses(c, l); err != nil {
			return Views{}, fmt.Errorf("opening the view of statuses: %w", err)
		}
	}
	if needs.Controls {
		if v.Controls, err = table.NewControls(c, l); err != nil {
			v.Stop()
			return Views{}, fmt.Errorf("opening the view of controls: %w", err)
		}
	}
	v.reads = !needs.OptOuts
	if needs.OptOuts || needs.Names {
		if v.OptOuts, err = optouts.Open(c, l, n); err != nil {
			v.Stop()
			return Views{}, err
		}
	}
	if needs.Inbound {
		if v.Inbound, err = table.NewInbound(c, l); err != nil {
			v.Stop()
			return Views{}, fmt.Errorf("opening the view of inbound messages: %w", err)
		}
	}
	if needs.Sent {
		if v.Sent, err = table.NewSent(c, l); err != nil {
			v.Stop()
			return Views{}, fmt.Errorf("opening the view of messages that can be answered: %w", err)
		}
	}
	if needs.People {
		v.People = table.NewPeople(c, l)
	}
	return v, nil
}

// Start begins to read. Who sends has it confirmed again and again up to when opt-outs are known. Records of these that lack something are
// written to log.
func (v *Views) Start(ctx context.Context, sends bool, log stream.Publisher) error {
	var errs []error
	if v.Statuses != nil {
		errs = append(errs, v.Statuses.Start(ctx))
	}
	if v.Controls != nil {
		errs = append(errs, v.Controls.Start(ctx))
	}
	life, stop := context.WithCancel(ctx)
	var works sync.WaitGroup
	v.working = func() { stop(); works.Wait() }
	if v.OptOuts != nil {
		errs = append(errs, v.OptOuts.Start(ctx))
		if !v.reads {
			works.Go(func() { v.OptOuts.Complete(life, log) })
		}
		if sends {
			works.Go(func() { v.OptOuts.Confirm(life) })
		}
	}
	if v.Inbound != nil {
		errs = append(errs, v.Inbound.Start(ctx))
		works.Go(func() { v.Inbound.Forget(life) })
	}
	if v.People != nil {
		v.People.Start(life)
		works.Go(v.People.Wait)
	}
	if v.Sent != nil {
		errs = append(errs, v.Sent.Start(ctx))
	}
	return errors.Join(errs...)
}

// Stop ends them; what they have in memory can still be read.
func (v *Views) Stop() {
	if v.working != nil {
		v.working()
	}
	if v.Sent != nil {
		v.Sent.Stop()
	}
	if v.Inbound != nil {
		v.Inbound.Stop()
	}
	if v.OptOuts != nil {
		v.OptOuts.Stop()
	}
	if v.Controls != nil {
		v.Controls.Stop()
	}
	if v.Statuses != nil {
		v.Statuses.Stop()
	}
}
