// Package bench measures the whole of altavoz beside a bare loop over net/http in the same run (`make bench`), and who waits for
// whom (`make bench-fair`). There are only benchmarks here.
package bench
