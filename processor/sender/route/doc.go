// Package route decides, call by call, which message of a broadcast with two a recipient gets: the interactive one, which Meta delivers only
// within 24 hours of the person's last message to the number, or the template.
//
//	known to have written less than 24 hours less Margin ago ──► interactive ──► refused for the window (131047) ──► template, once
//	everybody else ──► template
//
// Nobody of whom nothing is known gets the interactive one. The package makes no calls and writes nothing.
package route
