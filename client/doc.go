// Package client is altavoz for Go programs: it sends broadcasts and follows them.
//
// A Draft is a broadcast as a program writes it: a free-form message, or the use of a message template. There are two ways in, with one set of rules:
//
//	Client.Send    over HTTP, to a process with the role producer. It can be answered with the result.
//	Publish        straight to Kafka, for systems that have no HTTP at hand. It needs WRITE on the topics broadcasts and blobs.
//
// Both return once the broadcast is accepted (Send, unless it is queued, once it is done): from then on it goes out whether the program
// lives or not. Give a draft a TaskID of its own (schemas.NewTaskID) and keep it: whoever does not know what became of a request or a
// publication repeats it with the same id, and nobody gets a second message.
//
//	Client.Follow  asks for a task's status until it is over
//	Client.Task    everything that is known of one task, Client.List of many
//	Client.Pause, Resume, Cancel, SetSpeed
//	Client.Retry   sends to whom a task did not reach
//
// Lists and files are streamed: memory is constant whatever their size. Texts that come from the server (reasons, errors) are in Spanish.
//
// It imports no Kafka client and no server. A stream.Publisher for Publish is made by altavoz/kafka.
package client
