package places_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"altavoz/internal/testio"
	"altavoz/schemas/places"
)

func TestPlacesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	testio.Seeds(t, 50, func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		total := 1 + r.Uint32N(math.MaxUint32)
		set := make(map[uint32]bool)
		for range r.IntN(1001) {
			set[r.Uint32N(total)] = true
		}
		var want []uint32
		for p := range set {
			want = append(want, p)
		}
		slices.Sort(want)
		got, err := places.Unpack(places.Pack(want), total)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("of %d: %v, %v; want %v", total, got, err, want)
		}
	})
}

func TestPlacesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		distances []uint32
		total     uint32
		ok        bool
	}{
		"none":                             {nil, 0, true},
		"the first":                        {[]uint32{0}, 1, true},
		"the last":                         {[]uint32{1, 1}, 3, true},
		"one beyond":                       {[]uint32{1, 2}, 3, false},
		"the first one beyond":             {[]uint32{3}, 3, false},
		"twice":                            {[]uint32{1, 0}, 3, false},
		"the first one twice":              {[]uint32{0, 0}, 3, false},
		"round the end of what is a place": {[]uint32{2, math.MaxUint32}, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := places.Unpack(tt.distances, tt.total); (err == nil) != tt.ok || err != nil && !errors.Is(err, places.ErrOrder) {
				t.Errorf("%v of %d: %v, want them to be taken: %v", tt.distances, tt.total, err, tt.ok)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0, 1, 1, 200}, uint32(300))
	f.Add([]byte{0, 0}, uint32(3))
	f.Fuzz(func(t *testing.T, distances []byte, total uint32) {
		in := make([]uint32, len(distances))
		for i, d := range distances {
			in[i] = uint32(d) << (d % 25)
		}
		got, err := places.Unpack(in, total)
		if err != nil {
			return
		}
		for i, p := range got {
			if p >= total || i > 0 && p <= got[i-1] {
				t.Fatalf("%v of %d: %v", in, total, got)
			}
		}
		if !slices.Equal(places.Pack(got), in) {
			t.Errorf("%v comes back as %v", in, places.Pack(got))
		}
	})
}
