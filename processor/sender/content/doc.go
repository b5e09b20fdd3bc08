// Package content hands out the places at which messages are read, rendered and renewed, so that one source that hangs keeps only
// its own tasks waiting. It is pure: no clock, no lock, no call.
package content
