// Package version says which altavoz this is, and what it was built from.
package version

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// stamped is what the linker writes: -ldflags "-X altavoz/app/version.stamped=v1.2.3". An image is built without the repository.
var stamped string

// String returns the version: as stamped, or the one that the toolchain took from the repository.
func String() string { return of(build()) }

func build() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return new(debug.BuildInfo)
}

func of(info *debug.BuildInfo) string { return cmp.Or(stamped, info.Main.Version, "(devel)") }

// revision returns the commit, and whether something was changed since; "" where the repository was not there.
func revision(info *debug.BuildInfo) (commit string) {
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += "+changed"
		}
	}
	return commit
}

// Register has altavoz_build_info say it.
func Register(reg prometheus.Registerer) {
	info := build()
	promauto.With(reg).NewGauge(prometheus.GaugeOpts{
		Name: "altavoz_build_info", Help: "Always 1; the labels say which version runs here.",
		ConstLabels: prometheus.Labels{"version": of(info), "revision": revision(info), "goversion": info.GoVersion},
	}).Set(1)
}

// The members of CycloneDX 1.6 that are written.
type (
	bom struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		PURL       string     `json:"purl,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// SBOM returns what is linked into this binary, as CycloneDX JSON. It is made from what the toolchain wrote into the binary, so it can't
// name what is not in it, nor miss what is.
func SBOM() ([]byte, error) { return sbom(build()) }

func sbom(info *debug.BuildInfo) ([]byte, error) {
	out := bom{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{component{Type: "application", Ref: "altavoz", Name: "altavoz", Version: of(info)}},
		Components: []component{{
			Type: "library", Ref: "std", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"),
			PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
		}},
	}
	if commit := revision(info); commit != "" {
		out.Metadata.Component.Properties = []property{{"vcs.revision", commit}}
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
		if m.Sum != "" {
			c.Properties = []property{{"go.sum", m.Sum}}
		}
		out.Components = append(out.Components, c)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the SBOM: %w", err)
	}
	return append(b, '\n'), nil
}
