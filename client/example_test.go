package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"altavoz/app"
	"altavoz/client"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/topics"
	"altavoz/schemas"
	"altavoz/schemas/request"
)

// The examples run against one process with everything embedded, as `altavoz up` starts it.
var (
	service = "http://127.0.0.1:8080"
	brokers = []string{"127.0.0.1:9092"}
)

func TestMain(m *testing.M) {
	code, err := withService(m.Run)
	if err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

func withService(run func() int) (code int, err error) {
	cfg := app.Default()
	if cfg.Embedded.DataDir, err = os.MkdirTemp("", "altavoz"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Embedded.DataDir)) }()
	for _, addr := range []*string{&cfg.HTTP.Addr, &cfg.Embedded.KafkaAddr, &cfg.Embedded.SimulatorAddr} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		*addr = l.Addr().String()
		if err := l.Close(); err != nil {
			return 0, err
		}
	}
	service, brokers = "http://"+cfg.HTTP.Addr, []string{cfg.Embedded.KafkaAddr}
	a, err := app.New(cfg, app.Options{})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := errors.Join(a.Start(ctx), a.AwaitReady(ctx)); err != nil {
		return 0, err
	}
	code = run()
	stop, cancel := context.WithTimeout(context.Background(), app.StopTimeout)
	defer cancel()
	return code, a.Stop(stop)
}

// A broadcast over HTTP. A direct one is answered when everybody has been sent to.
func ExampleClient_Send() {
	c := client.New(service, "") // the API key; none for a service on this machine
	draft := &client.Draft{
		TaskID:   schemas.NewTaskID().String(), // of your own, so that a repeat is harmless
		BodyText: "Nuevas fechas", ButtonText: "Ver fechas", ButtonURL: "https://example.com/fechas",
		Phones: slices.Values([]string{"573991234567", "+57 399 765 4321", "not a phone"}),
	}
	answer, err := c.Send(context.Background(), draft.WriteJSON, true)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(answer.Result.Total, "recipients,", answer.Result.Successful, "sent,", answer.Result.Failed, "failed")
	fmt.Println(strings.Join(answer.Result.Errors, "\n"))
	// Output:
	// 3 recipients, 2 sent, 1 failed
	// Error para not a phone: Invalid phone number format: tiene letras
}

// Each recipient's name in one text. Who has none gets nothing, and the others do.
func ExamplePerson() {
	c := client.New(service, "")
	people := []client.Person{
		{Phone: "573991234572", Variables: map[string]string{"nombre": "Ana"}},
		{Phone: "573991234573", Variables: map[string]string{"nombre": "Luis"}},
		{Phone: "573991234574"},
	}
	draft := &client.Draft{BodyText: "Hola {{nombre}}", Recipients: slices.Values(people)}
	answer, err := c.Send(context.Background(), draft.WriteJSON, true)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(answer.Result.Successful, "sent,", answer.Result.Failed, "failed")
	// Output:
	// 2 sent, 1 failed
}

// A message of each recipient's own: what one does not say is the draft's.
func ExampleClient_Bulk() {
	c := client.New(service, "").Bulk()
	people := []client.Person{
		{Phone: "573991234575", BodyText: "Ana, tu pedido va en camino"},
		{Phone: "573991234576", BodyText: "Luis, tu pedido está listo", ButtonText: "Ver pedido", ButtonURL: "https://example.com/pedidos/7"},
	}
	draft := &client.Draft{FooterText: "Responde BAJA para salir", Recipients: slices.Values(people)}
	answer, err := c.Send(context.Background(), draft.WriteJSON, true)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(answer.Result.Successful, "sent")
	// Output:
	// 2 sent
}

// What a broadcast would do, and nothing of it.
func ExampleClient_DryRun() {
	c := client.New(service, "")
	draft := &client.Draft{BodyText: "Hola", Speed: 10, Phones: slices.Values([]string{"573991234567", "+57 399 123 4567", "28/11/2026"})}
	d, err := c.DryRun(context.Background(), draft.WriteJSON, true)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(d.Recipients.Pending, "of", d.Recipients.Total, "would be sent to, at", d.Sending.Rate, "a second")
	for _, r := range d.Recipients.Rows {
		fmt.Println(r.Index, r.Phone, r.Outcome, r.Reason)
	}
	// Output:
	// 1 of 3 would be sent to, at 10 a second
	// 1 573991234567 skipped Número repetido en la lista
	// 2 28/11/2026 failed Invalid phone number format: parece una fecha
}

// A request that is refused says why, and nothing was sent.
func ExampleRefusedError() {
	c := client.New(service, "")
	draft := &client.Draft{BodyText: "Hola {{1}}", Phones: slices.Values([]string{"573991234567"})}
	_, err := c.Send(context.Background(), draft.WriteJSON, true)
	if refused, ok := errors.AsType[*client.RefusedError](err); ok {
		fmt.Println(refused.Status, refused.Code)
	}
	// Output:
	// 400 unfilled_placeholder
}

// A broadcast that is queued, followed to its end.
func ExampleClient_Follow() {
	ctx := context.Background()
	c := client.New(service, "")
	task := schemas.NewTaskID()
	draft := &client.Draft{TaskID: task.String(), BodyText: "Hola", UseQueue: true, Phones: slices.Values([]string{"573991234568", "573991230030"})}
	if _, err := c.Send(ctx, draft.WriteJSON, true); err != nil {
		log.Print(err)
		return
	}
	end, err := c.Follow(ctx, task, client.Observer{Status: func(s *client.Task) {
		if s.Why != "" {
			log.Print("it waits: ", s.Why)
		}
	}})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(end.Status, end.Result.Successful, "sent", end.Result.Failed, "failed")
	// Output:
	// SUCCESS 1 sent 1 failed
}

// A task is paused, slowed down and cancelled. Each answer says how many messages may still leave.
func ExampleClient_Pause() {
	ctx := context.Background()
	c := client.New(service, "")
	task := schemas.NewTaskID()
	draft := &client.Draft{
		TaskID: task.String(), BodyText: "Hola", UseQueue: true, ScheduleAt: time.Now().Add(time.Hour),
		Phones: slices.Values([]string{"573991234567", "573997654321"}),
	}
	if _, err := c.Send(ctx, draft.WriteJSON, true); err != nil {
		log.Print(err)
		return
	}
	if _, err := c.Pause(ctx, task); err != nil {
		log.Print(err)
		return
	}
	if _, err := c.SetSpeed(ctx, task, 10); err != nil { // messages a second
		log.Print(err)
		return
	}
	if _, err := c.Cancel(ctx, task); err != nil {
		log.Print(err)
		return
	}
	end, err := c.Follow(ctx, task, client.Observer{})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(end.Status, end.Result.Cancelled, "cancelled")
	// Output:
	// REVOKED 2 cancelled
}

// A broadcast straight onto Kafka. The topics are there already: `altavoz topics create` makes them.
func ExamplePublish() {
	ctx := context.Background()
	cfg := kafka.Config{Brokers: brokers, Prefix: "altavoz."}
	layout, err := topics.Check(ctx, cfg)
	if err != nil {
		log.Print(err)
		return
	}
	topics, err := records.NewPublisher(cfg, layout, 0)
	if err != nil {
		log.Print(err)
		return
	}
	defer topics.Close(ctx)
	published, err := client.Publish(ctx, topics, &client.Draft{
		TaskID:   schemas.NewTaskID().String(), // of your own: after any doubt publish it again
		BodyText: "Hola desde Kafka", Phones: slices.Values([]string{"573991234569", "573991234570"}),
	})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(published.Total, "recipients")

	// Over HTTP, or with the topics statuses and results, it can be followed.
	end, err := client.New(service, "").Follow(ctx, published.Task, client.Observer{})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(end.Status, end.Result.Successful, "sent")
	// Output:
	// 2 recipients
	// SUCCESS 2 sent
}

// What is wrong with a draft is a field's error, before anything is published.
func ExamplePublish_refused() {
	_, err := client.Publish(context.Background(), nil, &client.Draft{Phones: slices.Values([]string{"573991234567"})})
	if field, ok := errors.AsType[*request.FieldError](err); ok {
		fmt.Println(field.Field, field.Code)
	}
	// Output:
	// body_text required
}

// Who did not get the message is sent to again: here whom WhatsApp refused, which the simulator does of this phone each time.
func ExampleClient_Retry() {
	ctx := context.Background()
	c := client.New(service, "")
	task := schemas.NewTaskID()
	draft := &client.Draft{TaskID: task.String(), BodyText: "Hola", UseQueue: true, Phones: slices.Values([]string{"573991234568", "573991230030"})}
	if _, err := c.Send(ctx, draft.WriteJSON, true); err != nil {
		log.Print(err)
		return
	}
	if _, err := c.Follow(ctx, task, client.Observer{}); err != nil {
		log.Print(err)
		return
	}
	if _, err := c.Retry(ctx, task, client.Retry{}); err != nil { // nobody who may get it then
		refused, _ := errors.AsType[*client.RefusedError](err)
		fmt.Println(refused.Status, refused.Code)
	}
	retry, err := c.Retry(ctx, task, client.Retry{Codes: []int{131030}})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(retry.Total, "of", task.String() == retry.RetryOf)
	// Output:
	// 409 nothing_to_retry
	// 1 of true
}
