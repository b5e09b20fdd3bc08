// Package topics creates the topics that are missing and checks the others, and the brokers, against what altavoz promises.
//
//	topics.go    Ensure at start; Check changes nothing
//	inspect.go   what the cluster says of topics and brokers
//	settings.go  how they must be set, and what is wrong with those that are not, in words that say what to do
package topics
