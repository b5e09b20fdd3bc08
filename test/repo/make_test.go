package repo

import (
	"errors"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tools is a folder with a copy of some files of the repository, and programs that stand in for those that need a network.
func tools(t *testing.T, programs map[string]string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(readFile(t, name)), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range programs {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte("#!/bin/sh\n"+text+"\n"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, dir string, env []string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "MAKEFLAGS=", "CI="), env...)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Skipf("#### SKIPPING: %v", err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// aSuite is the name of a test that `make unit` leaves to the other suites.
var aSuite = regexp.MustCompile(`^Test(EndToEnd|Real|Sim|Mutants$)`)

// suites are the tests that the Makefile runs in a package beside unit, by the variable with the pattern of their names.
var suites = regexp.MustCompile(`\$\(TEST\)[^\n]* -run '\$\((\w+)\)' (\./[^)\n]*)`)

// suitesOf returns the patterns of the suites that the Makefile runs in each package.
func suitesOf(makefile string) map[string][]*regexp.Regexp {
	out := make(map[string][]*regexp.Regexp)
	add := func(variable, pkg string) {
		if m := regexp.MustCompile(`(?m)^` + variable + ` *:= (.+)$`).FindStringSubmatch(makefile); m != nil {
			out[pkg] = append(out[pkg], regexp.MustCompile(strings.ReplaceAll(m[1], "$$", "$")))
		}
	}
	for _, m := range suites.FindAllStringSubmatch(makefile, -1) {
		for pkg := range strings.FieldsSeq(m[2]) {
			add(m[1], strings.TrimPrefix(pkg, "./"))
		}
	}
	// The simulation is built before it runs.
	for _, m := range regexp.MustCompile(`\$\(TEST\) -c [^\n]*-o \S+ \./(test/\w+)\n(?s:.*?)-test\.run '\$\((\w+)\)'`).FindAllStringSubmatch(makefile, -1) {
		add(m[2], m[1])
	}
	return out
}

// runByNobody reports whether `make unit` leaves a test to the suites, and none of them runs it in this package.
func runByNobody(of map[string][]*regexp.Regexp, pkg, name string) bool {
	return aSuite.MatchString(name) && !slices.ContainsFunc(of[pkg], func(p *regexp.Regexp) bool { return p.MatchString(name) })
}

func TestSuitesOfAPackage(t *testing.T) {
	t.Parallel()
	of := suitesOf(readFile(t, "Makefile"))
	for name, c := range map[string]struct {
		pkg  string
		want bool
	}{
		"TestEndToEndX": {"test/e2e", false}, "TestRealX": {"test/chaos", false}, "TestSimX": {"test/sim", false}, "TestMutants": {"test/mutants", false}, "TestX": {"kafka", false}, "TestSimZ": {"processor/sender", false},
		"TestSimY": {"test/e2e", true}, "TestRealY": {"test/sim", true}, "TestEndToEndY": {"test/bench", true}, "TestRealZ": {"kafka", true},
	} {
		if got := runByNobody(of, c.pkg, name); got != c.want {
			t.Errorf("%s in %s: run by nobody %v, want %v", name, c.pkg, got, c.want)
		}
	}
}

// TestOnlyTheSuitesHaveTheirNames: `make unit` skips tests by name, in every package, and a suite runs its own packages only. A test of
// another package with such a name would never run.
func TestOnlyTheSuitesHaveTheirNames(t *testing.T) {
	t.Parallel()
	of := suitesOf(readFile(t, "Makefile"))
	for _, s := range Tests(t) {
		for _, d := range s.Tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && runByNobody(of, s.Package, f.Name.Name) {
				t.Errorf("%s: %s has the name of a suite, so nothing runs it", s.Path, f.Name.Name)
			}
		}
	}
}

// TestThreatS25NothingCheckedDoesNotLookLikeNothingFound: without the vulnerability database `make vuln` says so, and fails where nobody reads what it says.
func TestThreatS25NothingCheckedDoesNotLookLikeNothingFound(t *testing.T) {
	t.Parallel()
	const away = `echo 'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index": no such host' >&2; exit 1`
	for name, c := range map[string]struct {
		program, ci   string
		fails         bool
		says, notSays string
	}{
		"nothing found":            {"echo 'No vulnerabilities found.'", "true", false, "No vulnerabilities", "NOT CHECKED"},
		"something found":          {"echo 'Vulnerability #1'; exit 3", "", true, "Vulnerability #1", "NOT CHECKED"},
		"no database":              {away, "", false, "**** NOT CHECKED: no vulnerability database at ", "found"},
		"no database, in CI":       {away, "true", true, "**** NOT CHECKED: no vulnerability database at ", "found"},
		"it does not build at all": {"echo 'no required module provides package' >&2; exit 1", "", true, "no required module", "NOT CHECKED"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tools(t, map[string]string{"bin/govulncheck": c.program}, "Makefile", "tools/go.mod", "tools/go.sum")
			code, said := run(t, dir, []string{"CI=" + c.ci}, "make", "-o", "bin/govulncheck", "vuln")
			if (code != 0) != c.fails || !strings.Contains(said, c.says) || strings.Contains(strings.ReplaceAll(said, "No vulnerabilities found.", ""), c.notSays) {
				t.Errorf("exit code %d\n%s", code, said)
			}
		})
	}
}

// TestThreatS25ImagesArePinnedAllOrNone: without docker, buildx or one of the registries nothing is changed, and the reason is said.
func TestThreatS25ImagesArePinnedAllOrNone(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct {
		docker string
		code   int
		says   string
	}{
		"no buildx":        {`[ "$1 $2" != "buildx version" ] && exit 0; echo "docker: 'buildx' is not a docker command" >&2; exit 1`, 3, "docker has no buildx"},
		"one is away":      {`case "$*" in *kafka*) echo "dial tcp: no such host" >&2; exit 1 ;; *) echo sha256:` + digest + ` ;; esac`, 1, "kafka"},
		"a strange digest": {`echo latest`, 1, "has no digest: latest"},
		"all of them":      {`echo sha256:` + digest, 0, "@sha256:" + digest},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tools(t, map[string]string{"path/docker": c.docker}, "deploy/digests", "docker-compose.yml", "deploy/Dockerfile")
			code, said := run(t, dir, []string{"PATH=" + filepath.Join(dir, "path") + ":" + os.Getenv("PATH")}, "bash", "deploy/digests", "docker-compose.yml", "deploy/Dockerfile")
			if code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, want %d, with %q\n%s", code, c.code, c.says, said)
			}
			for _, file := range []string{"docker-compose.yml", "deploy/Dockerfile"} {
				text, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				pinned := strings.Contains(string(text), "@sha256:"+digest)
				if pinned != (c.code == 0) || !pinned && string(text) != readFile(t, file) {
					t.Errorf("%s was changed: %v; want %v", file, pinned, c.code == 0)
				}
			}
		})
	}
}
