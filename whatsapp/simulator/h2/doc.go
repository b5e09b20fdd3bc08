// Package h2 serves HTTP/2 to a handler that may also do what net/http's server keeps to itself: refuse a stream (REFUSED_STREAM), or end
// the whole connection (GOAWAY), before or after it took the request. Both are how Meta's edge, and any proxy, takes a connection out of
// service under load, and they say something about the request that no HTTP status can say: whether it was processed.
//
// It knows no more of HTTP/2 than a Cloud API needs: no push, no trailers, no priorities. Frames and header compression are those of
// golang.org/x/net/http2.
package h2
