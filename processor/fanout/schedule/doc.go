// Package schedule is fair queueing: the pure part of the fanout's scheduler. It knows numbers and times that it is given,
// and no clock, no broadcast and no log.
package schedule
