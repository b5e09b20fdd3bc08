// Package e2e runs the whole of altavoz, as its users meet it: every promise of the path in one process with the embedded Kafka
// (embedded_test.go) and in a process for each role on a real Kafka and Redis (real_test.go). The scenarios of both are in
// endtoend_test.go. There are only tests here.
package e2e
