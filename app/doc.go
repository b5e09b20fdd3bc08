// Package app puts a process together: it reads the configuration, gives the stages their clients, and starts and stops
// both in an order that loses nothing.
//
//	config.go               what can be set, and the environment it is read from
//	network.go              the one place through which everything dials and listens
//	clients.go, adapters.go the clients of a process, and what fits them to the stages' ports
//	roles.go                which parts each role needs
//	app.go, lifecycle.go    a process: Start returns when it runs, Stop when it has drained
//	web.go                  the HTTP servers, with health, readiness and metrics
//	tools.go                what commands do without a process of their own
//	numbers/                the sender numbers, which may change while it runs
//	embedded/               the Kafka, the Cloud API and the cache of a process that was given none
//
// It is the only package that knows all others, and it decides nothing about broadcasts.
package app
