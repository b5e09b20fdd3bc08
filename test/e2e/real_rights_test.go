package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"altavoz/app"
	"altavoz/app/operator"
	"altavoz/app/upstream"
	"altavoz/internal/testio"
	"altavoz/kafka"
	"altavoz/kafka/topics"
	"altavoz/processor/relay"
	"altavoz/schemas"
	"altavoz/test/harness"
)

const (
	rightsPrefix   = "rights."
	rightsPassword = "a-password-of-this-test"
)

// rightsSources is an upstream system with a topic of its own.
var rightsSources = []upstream.Source{{Topic: "crm.broadcasts", Owner: "crm"}}

// authority makes certificates for a test, in PEM files of a folder.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.crt, NAME.key and, for brokers, both in NAME.pem.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	for ending, text := range map[string][]byte{".crt": cert, ".key": secret, ".pem": slices.Concat(secret, cert)} {
		if err := os.WriteFile(a.file(name+ending), text, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) tls(t *testing.T) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // that is the point
	return l.Addr().(*net.TCPAddr).Port
}

// secured is a Kafka with ACLs, of which strangers reach two listeners, and a Redis with an ACL, all over TLS.
type secured struct {
	admin, scram, mtls, redis string
	ca                        *authority
}

func startSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{ca: newAuthority(t)}
	server := &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	s.ca.issue("server", server)
	s.ca.issue("sender", &x509.Certificate{Subject: pkix.Name{CommonName: "altavoz-sender"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	plain, controller, scram, mtls := freePort(t), freePort(t), freePort(t), freePort(t)
	sets := []string{
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d,SCRAM://127.0.0.1:%d,MTLS://127.0.0.1:%d", plain, controller, scram, mtls),
		fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d,SCRAM://127.0.0.1:%d,MTLS://127.0.0.1:%d", plain, scram, mtls),
		fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", controller),
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,MTLS:SSL",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS", "allow.everyone.if.no.acl.found=false",
		"listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512",
		"listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"listener.name.mtls.ssl.client.auth=required", "ssl.keystore.type=PEM", "ssl.keystore.location=" + s.ca.file("server.pem"),
		"ssl.truststore.type=PEM", "ssl.truststore.location=" + s.ca.file("ca.crt"),
	}
	s.admin, _ = harness.StartReal(t, "kafka-local", append([]string{"--port", fmt.Sprint(plain)}, settings(sets)...)...)
	s.scram, s.mtls = fmt.Sprintf("127.0.0.1:%d", scram), fmt.Sprintf("127.0.0.1:%d", mtls)
	port := freePort(t)
	lines := []string{
		"port 0", fmt.Sprintf("tls-port %d", port), "tls-cert-file " + s.ca.file("server.crt"), "tls-key-file " + s.ca.file("server.key"),
		"tls-ca-cert-file " + s.ca.file("ca.crt"), "tls-auth-clients no", "user default off",
	}
	for _, role := range []app.Role{app.RoleFanout, app.RoleSender} {
		line := strings.NewReplacer("ACL SETUSER", "user", "'", "", "PASSWORD", rightsPassword).Replace(operator.RedisACL("altavoz-" + string(role)))
		lines = append(lines, line)
	}
	s.redis, _ = harness.StartReal(t, "redis-local", append([]string{"--port", fmt.Sprint(port)}, settings(lines)...)...)
	return s
}

func settings(lines []string) (args []string) {
	for _, l := range lines {
		args = append(args, "--set", l)
	}
	return args
}

// grant makes the users, and gives them what the command prints, line by line, and nothing else.
func (s *secured) grant(t *testing.T) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.admin))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	var users []kadm.UpsertSCRAM
	for _, u := range operator.Users(rightsPrefix, rightsSources, true) {
		users = append(users, kadm.UpsertSCRAM{User: "altavoz-" + u.Name, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: rightsPassword})
	}
	if got, err := adm.AlterUserSCRAMs(t.Context(), nil, users); err != nil || got.Error() != nil {
		t.Fatal(err, got.Error())
	}
	for _, as := range []string{"altavoz-%s", "CN=altavoz-%s"} {
		var printed strings.Builder
		if err := operator.PrintACLs(&printed, rightsPrefix, as, []string{s.admin}, rightsSources, true); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(printed.String()) {
			if words := strings.Fields(line); words[0] == "kafka-acls.sh" {
				s.add(t, adm, words[1:])
			}
		}
	}
}

func (s *secured) add(t *testing.T, adm *kadm.Client, words []string) {
	t.Helper()
	b := kadm.NewACLs().ResourcePatternType(kadm.ACLPatternLiteral)
	var topics, groups []string
	for i := 0; i < len(words); i++ {
		next := func() string { i++; return words[i] }
		switch words[i] {
		case "--bootstrap-server", "--command-config":
			next()
		case "--add":
		case "--allow-principal":
			b = b.Allow(next()).AllowHosts("*")
		case "--operation":
			op, err := kmsg.ParseACLOperation(next())
			if err != nil {
				t.Fatal(err)
			}
			b = b.Operations(op)
		case "--topic":
			topics = append(topics, next())
		case "--group":
			groups = append(groups, next())
		case "--cluster":
			b = b.Clusters()
		default:
			t.Fatalf("what is %s in %q?", words[i], words)
		}
	}
	if len(topics) > 0 {
		b = b.Topics(topics...)
	}
	if len(groups) > 0 {
		b = b.Groups(groups...)
	}
	done, err := adm.CreateACLs(t.Context(), b)
	for _, r := range done {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		t.Fatalf("%v: %q, want no error", err, words)
	}
}

func (s *secured) config(t *testing.T, role app.Role, api string) app.Config {
	t.Helper()
	cfg := harness.ConfigOf(t, api)
	cfg.Process.Roles, cfg.Process.InstanceID = app.Roles{role}, string(role)+"-0"
	cfg.Kafka.Brokers, cfg.Kafka.TopicPrefix = []string{s.scram}, rightsPrefix
	cfg.Kafka.UpstreamTopics = []string{"crm.broadcasts=crm"}
	cfg.Kafka.TrimSends = time.Hour
	cfg.Kafka.TLS, cfg.Kafka.CAFile = true, s.ca.file("ca.crt")
	if role == app.RoleSender { // one of them shows a certificate
		cfg.Kafka.Brokers, cfg.Kafka.CertFile, cfg.Kafka.KeyFile = []string{s.mtls}, s.ca.file("sender.crt"), s.ca.file("sender.key")
	} else {
		cfg.Kafka.SASLMechanism, cfg.Kafka.SASLUser, cfg.Kafka.SASLPassword = "SCRAM-SHA-512", "altavoz-"+string(role), rightsPassword
	}
	if role == app.RoleFanout || role == app.RoleSender {
		cfg.Redis.Addrs, cfg.Redis.TLS, cfg.Redis.CAFile = []string{s.redis}, true, s.ca.file("ca.crt")
		cfg.Redis.Username, cfg.Redis.Password = "altavoz-"+string(role), rightsPassword
	}
	return cfg
}

// TestRealLeastRights is one user a role with exactly the rights that `altavoz topics acls` prints, on a Kafka with SASL_SSL and mTLS and a Redis
// with TLS: a broadcast with a file goes through, and each of the users is refused what is another's.
func TestRealLeastRights(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	if _, err := topics.Ensure(t.Context(), kafka.Config{Brokers: []string{s.admin}, Prefix: rightsPrefix, Topics: upstream.Topics(rightsSources)}, true); err != nil {
		t.Fatal(err)
	}
	s.grant(t)
	sim := harness.StartSimulator(t)
	h := &deployment{simulator: sim.URL()}
	var apps []*app.App
	for _, role := range []app.Role{app.RoleAggregator, app.RoleSender, app.RoleFanout, app.RoleProducer} {
		apps = append(apps, harness.Start(t, s.config(t, role, sim.URL())))
	}
	h.URL = apps[len(apps)-1].URL()
	body := `{"phones":["573007770001","573007770002"],"body_text":"b","header_type":"image","header_content":"data:image/png;base64,` + harness.OnePixel + `"}`
	if code, got := h.Post(t, body); code != 200 || !strings.Contains(got, `"successful":2`) {
		t.Fatalf("%d %s; want 200, %q in it", code, got, `"successful":2`)
	}
	task := h.Queued(t, strings.Replace(body, `"body_text"`, `"use_queue":true,"body_text"`, 1))
	h.Finished(t, task)
	if n := h.ledger(t).Uploads.Files; n != 1 {
		t.Errorf("%d uploads: Redis did not remember, want 1", n)
	}
	s.relays(t, h)
	for _, a := range apps {
		if n := refusedHere(t, a.URL()); n != 0 {
			t.Errorf("%s: %v refusals, want none", a.URL(), n)
		}
	}
	for _, u := range operator.Users(rightsPrefix, rightsSources, true) {
		t.Run(u.Name, func(t *testing.T) { t.Parallel(); s.refuses(t, u) })
	}
	t.Run("redis", func(t *testing.T) { t.Parallel(); s.redisRefuses(t) })
	t.Run("passwords", func(t *testing.T) { t.Parallel(); s.wrongPasswords(t, sim.URL()) })
}

// relays has the upstream system write to its own topic, with its own user: the broadcast is its owner's.
func (s *secured) relays(t *testing.T, h *deployment) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.scram), kgo.DialTLSConfig(s.ca.tls(t)), kgo.DisableIdempotentWrite(),
		kgo.SASL(scram.Auth{User: "altavoz-upstream-crm", Pass: rightsPassword}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	id := schemas.NewTaskID().String()
	rec := &kgo.Record{Topic: rightsPrefix + "crm.broadcasts", Value: fmt.Appendf(nil, `{"task_id":%q,"phones":["573007770003"],"body_text":"b"}`, id)}
	if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := h.Finished(t, id); got.Result.Successful != 1 {
		t.Errorf("got %+v, want 1 sent", got)
	}
}

// refusedHere is how often Kafka and Redis refused a process.
func refusedHere(t *testing.T, url string) float64 {
	t.Helper()
	text := (&harness.API{URL: url}).Metrics(t)
	return harness.MetricSum(t, text, "altavoz_kafka_refusals_total") + harness.MetricSum(t, text, "altavoz_redis_refusals_total")
}

// refuses tries what the user has no right to: each topic, each group and making a topic.
func (s *secured) refuses(t *testing.T, u operator.User) {
	t.Helper()
	may := func(operation string, kind operator.Kind, name string) bool {
		return slices.ContainsFunc(u.Grants, func(g operator.Grant) bool {
			return g.Operation == operation && g.Kind == kind && slices.Contains(g.Names, name)
		})
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.scram), kgo.DialTLSConfig(s.ca.tls(t)), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite(),
		kgo.SASL(scram.Auth{User: "altavoz-" + u.Name, Pass: rightsPassword}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(t.Context(), harness.SettleTime)
	defer cancel()
	tried := 0
	for _, spec := range upstream.Topics(rightsSources) {
		name := rightsPrefix + string(spec.Topic)
		if !may("Write", operator.OnTopic, name) {
			tried++
			if err := cl.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte("x")}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
				t.Errorf("writing to %s: %v; want %v", name, err, kerr.TopicAuthorizationFailed)
			}
		}
		if !may("Delete", operator.OnTopic, name) {
			tried++
		}
		beginning := make(kadm.Offsets)
		beginning.AddOffset(name, 0, 0, -1)
		deleted, err := adm.DeleteRecords(ctx, beginning)
		if err = errors.Join(err, deleted.Error()); errors.Is(err, kerr.TopicAuthorizationFailed) == may("Delete", operator.OnTopic, name) {
			t.Errorf("removing the beginning of %s: %v; may it: %v", name, err, may("Delete", operator.OnTopic, name))
		}
		if !may("Read", operator.OnTopic, name) {
			tried++
			cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().At(0)}})
			if err := cl.PollFetches(ctx).Err(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
				t.Errorf("reading %s: %v; want %v", name, err, kerr.TopicAuthorizationFailed)
			}
			cl.RemoveConsumePartitions(map[string][]int32{name: {0}})
		}
	}
	for _, other := range operator.Users(rightsPrefix, rightsSources, true) {
		group := rightsPrefix + other.Name
		if other.Name == operator.Upstream {
			group = rightsPrefix + relay.Name
		}
		if !may("Read", operator.OnGroup, group) {
			tried++
			if _, err := adm.FetchOffsets(ctx, group); !errors.Is(err, kerr.GroupAuthorizationFailed) {
				t.Errorf("the group %s: %v; want %v", group, err, kerr.GroupAuthorizationFailed)
			}
		}
	}
	if got, err := adm.CreateTopic(ctx, 1, 1, nil, rightsPrefix+"mine"); !errors.Is(errors.Join(err, got.Err), kerr.TopicAuthorizationFailed) && !errors.Is(errors.Join(err, got.Err), kerr.ClusterAuthorizationFailed) {
		t.Errorf("making a topic: %v, %v", err, got.Err)
	}
	t.Logf("%s was refused %d times", u.Name, tried+1)
}

func (s *secured) redisRefuses(t *testing.T) {
	t.Helper()
	conn, err := tls.Dial("tcp", s.redis, s.ca.tls(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for _, c := range []struct{ command, want string }{
		{"GET altavoz:media:x", "-NOAUTH"},
		{"AUTH altavoz-sender wrong", "-WRONGPASS"},
		{"AUTH altavoz-sender " + rightsPassword, "+OK"},
		{"SET altavoz:media:x 1", "+OK"},
		{"GET altavoz:other", "-NOPERM"},
		{"SET other 1", "-NOPERM"},
		{"DEL altavoz:media:x", "-NOPERM"},
		{"KEYS *", "-NOPERM"},
		{"FLUSHALL", "-NOPERM"},
		{"CONFIG GET *", "-NOPERM"},
		{"CLIENT LIST", "-NOPERM"},
	} {
		if _, err := fmt.Fprintf(conn, "%s\r\n", c.command); err != nil {
			t.Fatal(err)
		}
		if got, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, %v; want %q at its beginning", strings.ReplaceAll(c.command, rightsPassword, "..."), got, err, c.want)
		}
	}
}

// wrongPasswords starts a process that Kafka and Redis refuse: it says so, and counts it, and goes on when nobody mends it.
func (s *secured) wrongPasswords(t *testing.T, api string) {
	t.Helper()
	cfg := s.config(t, app.RoleFanout, api)
	cfg.Process.InstanceID, cfg.Kafka.SASLPassword = "", "canary"
	var log testio.Buffer
	var at harness.Listeners
	a, err := app.New(cfg, app.Options{Logger: app.NewLogger(cfg.Process, &log, false), Network: app.Network{Listen: at.Listen}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.SettleTime)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- a.Start(ctx) }()
	for url := ""; url == "" || refusedHere(t, url) == 0; url = at.URL(0) {
		if ctx.Err() != nil {
			t.Fatalf("no refusal is counted; the log says %s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	for !strings.Contains(log.String(), "kafka refuses this process") && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	if err := <-started; err == nil || !strings.Contains(app.Hint(err), "ALTAVOZ_KAFKA_SASL_USER") {
		t.Errorf("started with a wrong password: %v, hint %q; want an error, %q in it", err, app.Hint(err), "ALTAVOZ_KAFKA_SASL_USER")
	}
	if said := log.String(); !strings.Contains(said, "kafka refuses this process") || strings.Contains(said, "canary") {
		t.Errorf("the log must say that Kafka refuses this process, and not with which password: %s, want %q in it, no %q in it", said, "kafka refuses this process", "canary")
	}
}
