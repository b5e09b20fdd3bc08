package request

// The paths of the public contract. PathStatus and PathTasks + "/" are followed by a task id, PathRecipients by a phone.
const (
	PathSend   = "/api/messages/send-broadcast-interactive"
	PathBulk   = "/api/messages/send-bulk-interactive"
	PathStatus = "/api/messages/task-status/"
	PathTasks  = "/api/messages/tasks"

	PathSenders    = "/api/messages/senders"
	PathRecipients = "/api/messages/recipients/"
)
