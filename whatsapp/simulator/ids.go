package simulator

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// mix spreads the bits of n (splitmix64): ids and chances follow from the seed and a count, so that a run can be repeated.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// hash is FNV-1a.
func hash(parts ...string) uint64 {
	h := uint64(14695981039346656037)
	for _, p := range parts {
		for i := range len(p) {
			h = (h ^ uint64(p[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // keeps ("ab","c") and ("a","bc") apart
	}
	return h
}

// wamid makes a message id of the form that Meta's have: base64 of a few framing bytes, the recipient, and 18 digits of hex.
func (s *Simulator) wamid(recipient string, n uint64) string {
	id := mix(s.cfg.Seed ^ mix(n))
	tail := strings.ToUpper(hex.EncodeToString([]byte{
		byte(id >> 56), byte(id >> 48), byte(id >> 40), byte(id >> 32), byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), byte(n),
	}))
	recipient = recipient[:min(len(recipient), 255)]
	b := make([]byte, 0, 32+len(recipient))
	b = append(b, 0x1c, 0x18, byte(len(recipient)))
	b = append(b, recipient...)
	b = append(b, 0x15, 0x02, 0x00, 0x11, 0x18, 0x12)
	b = append(b, tail...)
	b = append(b, 0x00)
	return "wamid." + base64.StdEncoding.EncodeToString(b)
}

// mediaID makes an id of 16 digits.
func (s *Simulator) mediaID(n uint64) string {
	return strconv.FormatUint(1_000_000_000_000_000+mix(s.cfg.Seed^mix(n^0x6d65646961))%9_000_000_000_000_000, 10)
}

// trace makes the id by which Meta's support finds a request.
func (s *Simulator) trace() string {
	s.mu.Lock()
	s.traces++
	n := s.traces
	s.mu.Unlock()
	id := mix(s.cfg.Seed ^ mix(n^0x7472616365))
	return "A" + base64.RawURLEncoding.EncodeToString([]byte{
		byte(id >> 56), byte(id >> 48), byte(id >> 40), byte(id >> 32), byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), byte(n >> 16), byte(n >> 8), byte(n),
	})
}
