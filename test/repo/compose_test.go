package repo

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"altavoz/app"
)

// composeFile is as much of docker-compose.yml as is checked.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Networks map[string]struct {
		Internal bool `yaml:"internal"`
	} `yaml:"networks"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
	Volumes map[string]any `yaml:"volumes"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Profiles    []string          `yaml:"profiles"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	SecurityOpt []string          `yaml:"security_opt"`
	MemLimit    string            `yaml:"mem_limit"`
	Pids        int               `yaml:"pids_limit"`
	Environment map[string]string `yaml:"environment"`
	Secrets     []string          `yaml:"secrets"`
	Networks    names             `yaml:"networks"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	GroupAdd    []string          `yaml:"group_add"`
	HealthCheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// names is a list, or the keys of a map.
type names []string

// UnmarshalYAML is yaml.Unmarshaler's.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i++ {
		*n = append(*n, node.Content[i].Value)
		if node.Kind == yaml.MappingNode {
			i++ // its value
		}
	}
	return nil
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var c composeFile
	if err := yaml.Unmarshal([]byte(readFile(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Services) < 8 {
		t.Fatalf("%d services: is it still read right?, want at least 8", len(c.Services))
	}
	return c
}

// What a container may not do, whoever gets into it.
func TestThreatS24ComposeConfinesEveryContainer(t *testing.T) {
	t.Parallel()
	c := compose(t)
	for name, s := range c.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.MemLimit == "" || s.Pids == 0 {
			t.Errorf("%s is not confined: %+v; want one, Pids other than 0", name, s)
		}
		if len(s.Networks) == 0 {
			t.Errorf("%s is in the network of everybody", name)
		}
		for _, n := range s.Networks {
			if _, ok := c.Networks[n]; !ok {
				t.Errorf("%s is in the network %s, which there is not", name, n)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") && name != "caddy" {
				t.Errorf("%s listens for everybody: %s", name, p)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[source]; !ok && !strings.HasSuffix(v, ":ro") {
				t.Errorf("%s can write to %s", name, source)
			}
		}
		if tag := regexp.MustCompile(`^[^@]+:(v?\d[^@]*|local)(@sha256:[0-9a-f]{64})?$`); !tag.MatchString(s.Image) {
			t.Errorf("%s runs %s, which may be another image tomorrow", name, s.Image)
		}
	}
	for _, name := range []string{"kafka", "valkey", "metrics", "simulator"} {
		if !c.Networks[name].Internal {
			t.Errorf("the network %s leads out", name)
		}
	}
	if proxies := c.Services["producer"].Environment["ALTAVOZ_TRUSTED_PROXIES"]; proxies != "172.30.88.2" ||
		!strings.Contains(readFile(t, "docker-compose.yml"), "{front: {ipv4_address: "+proxies+"}") {
		t.Errorf("whose X-Forwarded-For the producer believes: %s, want %q", proxies, "172.30.88.2")
	}
	for _, name := range []string{"producer", "aggregator"} {
		if slices.Contains(c.Services[name].Networks, "out") {
			t.Errorf("%s can call strangers", name)
		}
	}
}

// A misspelt variable is an error of the binary, which nobody sees before a deploy.
func TestComposeSetsOnlyVariablesThatThereAre(t *testing.T) {
	t.Parallel()
	cfg := app.Default()
	known := make(map[string]bool)
	for _, s := range cfg.Settings() {
		known[s.Name] = true
	}
	for name, s := range compose(t).Services {
		for key, value := range s.Environment {
			if !strings.HasPrefix(key, "ALTAVOZ_") {
				continue
			}
			if !known[strings.TrimSuffix(key, "_FILE")] {
				t.Errorf("%s sets %s, which altavoz does not know", name, key)
			}
			if secret, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, secret) {
				t.Errorf("%s has no secret %s for %s", name, secret, key)
			}
			if strings.HasSuffix(strings.TrimSuffix(key, "_FILE"), "PASSWORD") && key == strings.TrimSuffix(key, "_FILE") {
				t.Errorf("%s has the secret %s in its environment", name, key)
			}
		}
	}
}

// The simulator signs whatever it is told to. With the secret of the real app it would sign forged receipts.
func TestThreatS11ComposeSimulatorHasASecretOfItsOwn(t *testing.T) {
	t.Parallel()
	c := compose(t)
	s := c.Services["simulator"]
	if !slices.Equal(s.Profiles, []string{"simulated"}) || !slices.Equal(s.Secrets, []string{"simulator_app_secret"}) {
		t.Errorf("profiles %v, secrets %v", s.Profiles, s.Secrets)
	}
	if file := c.Secrets["simulator_app_secret"].File; strings.Contains(file, "WHATSAPP") || !strings.HasSuffix(file, "/simulated/app_secret") {
		t.Errorf("its secret is %s, whatever the others have, want no %q in it, %q at its end", file, "WHATSAPP", "/simulated/app_secret")
	}
	for name, s := range c.Services {
		if name != "simulator" && slices.Contains(s.Secrets, "simulator_app_secret") {
			t.Errorf("%s has the simulator's secret too", name)
		}
	}
}

func TestComposeSecretsAreMadeAndReadable(t *testing.T) {
	t.Parallel()
	c, script := compose(t), readFile(t, "deploy/new-secrets")
	for name, s := range c.Secrets {
		for _, mode := range []string{"simulated", "real"} {
			file := strings.ReplaceAll(strings.TrimPrefix(s.File, "${SECRETS:-./deploy/secrets}/"), "${WHATSAPP:-simulated}", mode)
			if !strings.Contains(script, "\nput "+file+" ") {
				t.Errorf("deploy/new-secrets does not make %s, the file of %s", file, name)
			}
		}
	}
	for name, s := range c.Services {
		if len(s.Secrets) > 0 && s.Image != "altavoz:local" && !slices.Contains(s.GroupAdd, "65532") {
			t.Errorf("%s is not in the group that can read its secrets", name)
		}
	}
	used := slices.Concat(slices.Collect(func(yield func([]string) bool) {
		for _, s := range c.Services {
			if !yield(s.Secrets) {
				return
			}
		}
	})...)
	for name := range maps.Keys(c.Secrets) {
		if !slices.Contains(used, name) {
			t.Errorf("nobody uses the secret %s", name)
		}
	}
}

// A Java for every look at whether Kafka lives costs more than what is looked at.
func TestComposeLooksAtKafkaWithoutAJVM(t *testing.T) {
	t.Parallel()
	test := strings.Join(compose(t).Services["kafka"].HealthCheck.Test, " ")
	if test == "" || strings.Contains(test, ".sh") || strings.Contains(test, "java") {
		t.Errorf("got %q, want one, no %q in it, no %q in it", test, ".sh", "java")
	}
	if config := readFile(t, "deploy/kafka/server.properties"); strings.Contains(config, "CLIENT:PLAINTEXT") || strings.Contains(config, "LOCAL://:") {
		t.Error("Kafka takes clients without a password")
	}
}
