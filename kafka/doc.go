// Package kafka is how this program reaches a Kafka cluster: one configuration for all clients (Config), the client that they share
// (Config.NewClient), the names of topics in the cluster, the partitions of keys (Layout), and what is read committed. Only the packages below it
// call the client library, franz-go.
//
//	kafka/topics     what topics and brokers must look like: created and checked at start
//	kafka/registry   what the program keeps of topics and groups, in a topic of its own
//	kafka/records    records out, acknowledged; single records back by partition and offset; corrupt batches
//	kafka/group      a stage's membership of its consumer group: assignments, records in, fenced commits, lag
//	kafka/table      topics read whole and followed: the status of every task, and what is wanted of it
//	kafka/blocked    partitions that a group or a table does not fetch for now
//	kafka/rejects    the form in which rejected records are kept
//	kafka/health     whether Kafka answers, and whether it accepts records
//	kafka/kafkatest  for tests: clusters, a stage that records its calls, a process whose broker can be stopped
//
// None of them knows a stage or a rule of the product: what a group promises to a stage is the interface group.Stage and the methods of group.Group.
package kafka
