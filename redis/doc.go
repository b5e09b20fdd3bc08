// Package redis is the client of Redis or Valkey, which hold one thing: the media ids of files that were uploaded already.
//
//	Get, Put ─ is it left alone? ─ one call, 100 ms at most ─ id, or a miss
//	                └ yes: a miss at once
//
// What lies there may be lost at any time, and costs one more upload. So nothing here is worth waiting for: a Redis that is
// down or hangs is a miss, never an error, and it is left alone for some seconds before one single call tries it again.
package redis
