// Package turns says whose turn it is: the pure part of the fanout's scheduler. It knows numbers and times that it is given,
// and no clock, no broadcast and no log.
package schedule
