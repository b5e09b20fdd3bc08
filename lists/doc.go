// Package lists reads lists of phones as people keep them: a phone a line, or a table of which it finds out how it is written and where
// its phones stand. It reads in constant memory, takes every row that can be read, and can say what it understood before
// anything is sent. It knows nothing of broadcasts, files or terminals.
package lists
