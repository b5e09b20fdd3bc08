// Package kafkatest is for tests of the packages below kafka: an embedded broker or a real one, a stage that records its calls (Probe), and what a
// process has open to a broker that can be stopped and killed, in fake time (Process).
package kafkatest
