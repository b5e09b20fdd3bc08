// Package prepare gets open tasks ready for their next quantum: it reads what is missing, one thing after the other, on goroutines
// of the partition's engine, and gives back the memory of tasks that wait.
//
//	broadcast ──► template, file known to Meta ──► pending recipients of a lease ──► list ──► set of those seen ──► next slice ──► ready
//	 (log)            (Media)                  (marks)                    (blobs)      (blobs)            (blobs)
//
// It decides nothing of a task but that it fails because something can't ever be read. All of it runs on the goroutine of the
// partition that owns the tasks. In that order: prepare.go, media.go, pending.go, memory.go.
package prepare
