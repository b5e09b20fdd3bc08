// Package split keeps one long string out of a JSON decoder, which would hold it whole: a file of 100 MB inside a request.
//
//	body ──► Reader ──► decoder     sees "" where the file stood
//	            │
//	            └─────► Writer      takes the file's text as it comes
//
// It knows nothing of requests: which members these are, and what becomes of the text, is its user's business.
package split
