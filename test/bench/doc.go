// Package bench measures the whole of altavoz beside a bare loop over net/http in the same run (`make bench`), takes profiles under
// the same loads (`make profile`), and measures who waits for whom (`make bench-fair`). There are only benchmarks here.
//
//	table_test.go       `make bench`: which rows, how many rounds, and the table
//	rows_test.go        the rows: how altavoz is deployed for each, and what one round measures
//	bare_test.go        the bare loops beside them
//	profile_test.go     `make profile`
//	fair_test.go        `make bench-fair`, with its report in fairreport_test.go
//	deployment_test.go  altavoz deployed as processes, on a real Kafka or embedded, and the account of what it was asked for
//	requests_test.go    how many requests a broker has answered
//	process_test.go     one process, and the CPU that processes use
//	follow_test.go      a task over time, direct broadcasts, and series of times
package bench
