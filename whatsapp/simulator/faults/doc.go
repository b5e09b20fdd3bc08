// Package faults says how the simulator misbehaves: rules that are switched on, and phones that ask for it by their last digits. It
// only decides; the simulator does it.
package faults
