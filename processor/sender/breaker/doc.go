// Package breaker says when calls stop because they lead nowhere, and how it is found out that they do again. It knows no clock, no
// lock and no call: who uses it tells it the time and what became of calls.
package breaker
