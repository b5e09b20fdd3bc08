// Package pace says how fast a process may send from a number: a bucket of tokens, and a pacer that makes its rate smaller
// when Meta says that it is too fast and gives it back step by step. It knows no clock, no lock and no call: who uses it
// tells it the time and what became of calls.
package pace
