// Package sim runs the whole of altavoz in fake time: some processes, a Kafka and a Cloud API in one bubble of testing/synctest, and
// faults from a seed. `make sim SEED=17` runs one history again.
//
//	world_test.go                                        the processes, the Kafka and the Cloud API of one history
//	tasks_test.go, steer_test.go                         what is asked for, and what is paused and cancelled
//	faults_test.go, broker_test.go, redis_test.go, ...   what goes wrong
//	check_test.go, unknown_test.go                       who got what in the end, and whether it may be so
//	limits_test.go, outage_test.go, numbers_test.go ...  histories with one subject
//
// There are only tests here.
package sim
