// Package chaos is the crash proof: it runs the real binary, as `altavoz up` and as many processes on a real Kafka and
// Redis, injects faults at random moments, and then compares three accounts of what became of each recipient. It holds tests
// only, and wants Linux: signals, process groups, a small file system.
//
//	deployment_test.go the processes, their Kafka and their Cloud API, in both settings
//	process_test.go   a process that can be killed, stopped, terminated and started again
//	gate_test.go      the Cloud API (whatsapp/simulator, in the test's own process) and who is calling it right now
//	servers_test.go   the real Kafka and Redis, and what can happen to them
//	load_test.go      broadcasts of many sizes, over HTTP and straight onto Kafka, for as long as faults happen
//	faults_test.go    the faults and when they come: a deck of each kind, shuffled by the seed
//	aimed_test.go     stops before and after each request by which a process belongs to its group
//	proxy_test.go     what sees these requests: a proxy between each process and the broker
//	check_test.go     the three accounts: the API's ledger, task-status, and a recount of the topic results
//	explain_test.go   why somebody was unknown, one by one: test/witness, with the commits that Kafka keeps
//	report_test.go    the table, and one line of JSON
//	chaos_test.go     the runs: `make chaos MINUTES= SEED= SETTING=`, a short one in `make test`
//	upgrade_test.go   processes of an earlier version beside those of this one: `make upgrade`
//	recovery_test.go  how soon altavoz works again after a fault: `make recovery`
//
// A fault counts only if calls to the API were under way when it came: one that meets an idle process proves nothing.
package chaos
