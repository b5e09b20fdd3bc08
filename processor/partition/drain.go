package partition

// Drain counts what of a partition is under way, and tells when nothing is. The zero value is ready; it has no lock.
type Drain struct {
	n    int
	idle chan struct{}
}

// InFlight is how much is under way.
func (d *Drain) InFlight() int { return d.n }

// Enter counts one more.
func (d *Drain) Enter() { d.n++ }

// Leave counts one less.
func (d *Drain) Leave() {
	d.n--
	if d.n == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// Drained returns a channel that is closed once nothing is under way; nil if nothing is.
func (d *Drain) Drained() <-chan struct{} {
	if d.n > 0 && d.idle == nil {
		d.idle = make(chan struct{})
	}
	return d.idle
}
