// Package numbers holds the sender numbers: those of the environment and of a file, which may change while the process runs.
//
//	environment, file ──► Read ──► Book ──► Number, asked for by everybody at every use
//	                                 ▲
//	                                 └── Watch: the file, or a file with a token, is another one than it was; or SIGHUP
//
// Who asks never waits and never sees half a change. A file that can't be used changes nothing.
package numbers
