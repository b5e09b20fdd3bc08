// Package rate limits and measures rates, for every stage: Bucket lets so many events pass a second, Meter samples how many did, Recent
// is how many did in the last seconds, for people. It knows no clock: the caller passes the time.
package rate
