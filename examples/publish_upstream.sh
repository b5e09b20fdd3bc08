#!/usr/bin/env bash
# What an upstream system does without altavoz's HTTP: one JSON record on the topic broadcasts is a broadcast.
#
#   examples/publish_upstream.sh [BROKERS] [PHONE...]
#
# The record is the body of the HTTP request. Its task_id makes a repeat harmless: publish it again after a doubt, and
# nobody gets a second message. Follow the task by HTTP, or on the topic statuses.
set -euo pipefail
brokers=${1:-127.0.0.1:9092}
[ $# -eq 0 ] || shift
phones=("${@:-573001234577}")
topic=${ALTAVOZ_KAFKA_TOPIC_PREFIX:-altavoz.}broadcasts

command -v kcat >/dev/null || { echo "kcat is not installed (Debian: apt-get install kcat)" >&2 && exit 3; }
task=$(cat /proc/sys/kernel/random/uuid)
list=$(printf '"%s",' "${phones[@]}")
printf '{"task_id":"%s","phones":[%s],"body_text":"Hola desde Kafka","button_url":"https://example.com"}' \
	"$task" "${list%,}" | kcat -P -b "$brokers" -t "$topic"

echo "published task $task on $topic"
echo "follow it:  curl http://127.0.0.1:8080/api/messages/task-status/$task"
