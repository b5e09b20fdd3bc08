// Package access says who may do what: which keys there are, whose they are, and what each of them may ask for, of which
// tasks, from which numbers and how much of it.
//
//	keys file, ALTAVOZ_API_KEYS ──► Table ── secret ──► Caller ── scope, owner, sender, shares ──► yes or no
//
// It keeps digests of secrets and never a secret, knows no HTTP and no files, and decides nothing about tasks but whose they are.
package access
