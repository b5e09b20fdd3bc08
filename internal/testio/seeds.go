package testio

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// Seeds runs a history of each seed from 1 to n, as a parallel subtest. SIM_SEEDS in the environment says how many instead of n, SIM_SEED
// which single one. A history that fails says how to see it again.
func Seeds(t *testing.T, n uint64, history func(t *testing.T, seed uint64)) {
	t.Helper()
	first := uint64(1)
	if many, err := strconv.ParseUint(os.Getenv("SIM_SEEDS"), 10, 64); err == nil {
		n = many
	}
	if one, err := strconv.ParseUint(os.Getenv("SIM_SEED"), 10, 64); err == nil {
		first, n = one, 1
	}
	again := "SIM_SEED=%d go test -run '^" + t.Name() + "$'"
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf(again, seed)
				}
			})
			history(t, seed)
		})
	}
}
