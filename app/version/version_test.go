package version

import (
	"encoding/json"
	"runtime/debug"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestBuildInfoIsAMetric(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	Register(reg)
	all, err := reg.Gather()
	if err != nil || len(all) != 1 || all[0].GetName() != "altavoz_build_info" || all[0].GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Fatalf("%v, %v; want 1 of them", all, err)
	}
	got := make(map[string]string)
	for _, l := range all[0].GetMetric()[0].GetLabel() {
		got[l.GetName()] = l.GetValue()
	}
	if got["version"] != String() || got["goversion"] == "" {
		t.Errorf("got %v, want version %s and a version of Go", got, String())
	}
}

func TestVersionIsTheCommitWhereNothingIsStamped(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	if got := of(info); got != "(devel)" {
		t.Errorf("version %s, want %q", got, "(devel)")
	}
	info.Main.Version = "v0.0.0-20261128-abc"
	if got, commit := of(info), revision(info); got != info.Main.Version || commit != "abc+changed" {
		t.Errorf("version %s of %s; want %v, %q", got, commit, info.Main.Version, "abc+changed")
	}
}

func TestThreatS25SBOMNamesWhatIsLinked(t *testing.T) {
	t.Parallel()
	b, err := sbom(&debug.BuildInfo{GoVersion: "go1.26.7", Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:x="},
		{Path: "example.com/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.1+incompatible"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got bom
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	var purls []string
	for _, c := range got.Components {
		purls = append(purls, c.PURL)
	}
	want := []string{"pkg:golang/std@1.26.7", "pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/fork@v2.0.1+incompatible"}
	if len(purls) != len(want) {
		t.Fatalf("got %v, want %v of them", purls, len(want))
	}
	for i := range want {
		if purls[i] != want[i] {
			t.Errorf("%s, not %s", purls[i], want[i])
		}
	}
	if got.Format != "CycloneDX" || got.Components[1].Properties[0].Value != "h1:x=" {
		t.Errorf("got %+v, want Format %q", got, "CycloneDX")
	}
}
