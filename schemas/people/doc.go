// Package people keeps a business within its messaging limit: to how many people Meta lets all its numbers together write within 24 hours outside of
// customer service windows. It makes no calls and has no clock.
//
// The processes that send share one log, the topic people. Before a message leaves to somebody outside their window, its process writes a Claim of a
// place for them, says in it how many places were free as far as it had read, and waits until it reads the claim. All read the same log, and a claim's
// verdict depends on nothing but the claim and those just before it:
//
//	read ──► free places, by who claimed within Window ──► Claim{read, free, places}
//	log:   ... │ claims that it had not read: sum │ the claim     granted if sum + places <= free
//
// So at any place of the log no more people than the limit have claims that were granted, however many processes write, wherever each one began to
// read, and however much of its beginning is gone. The limit is the writer's: whoever has not heard of a lower one yet goes by the higher. Who was claimed lately needs no other
// place. Each message needs a claim that was asked for within Fresh: it makes the person's place last for a Window from then on.
//
// A claim that was granted and came to no message costs a place for a day. Claims that are not granted are made anew; the first one behind what its
// writer had read always is.
package people
