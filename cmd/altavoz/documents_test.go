package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"altavoz/app"
)

// documents are the files that show commands and name settings, by their paths from here.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../deploy/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(text)
		}
	}
	if len(texts) == 0 {
		t.Fatal("there are no documents")
	}
	return texts
}

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	// shellWord is a word of a shell: quoted, or up to the next space.
	shellWord = regexp.MustCompile(`'[^']*'|[^\s']+(?:'[^']*')?`)
)

func TestDocumentsShowCommandsAndFlagsThatExist(t *testing.T) {
	t.Parallel()
	shown := 0
	for path, text := range documents(t) {
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				line, _, _ = strings.Cut(line, "#")
				line = strings.TrimPrefix(strings.TrimSpace(line), "go run ./cmd/")
				args, ok := strings.CutPrefix(line, "altavoz ")
				if !ok {
					continue
				}
				shown++
				words := shellWord.FindAllString(args, -1)
				cmd, rest, err := rootCommand().Find(words)
				switch {
				case err != nil:
					t.Errorf("%s shows %q: %v", path, line, err)
				case cmd.Name() == "altavoz" || !cmd.Runnable():
					t.Errorf("%s shows %q, and there is no such command", path, line)
				default:
					if err := cmd.ParseFlags(rest); err != nil {
						t.Errorf("%s shows %q: %v", path, line, err)
					}
				}
			}
		}
	}
	if shown == 0 {
		t.Error("no document shows a command")
	}
}

var setting = regexp.MustCompile(`\bALTAVOZ_[A-Z0-9_]*[A-Z0-9]\b`)

func TestDocumentsNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	var names []string
	def := app.Default()
	for _, s := range def.Settings() {
		names = append(names, s.Name, s.Name+"_FILE")
	}
	for path, text := range documents(t) {
		for _, name := range setting.FindAllString(text, -1) {
			if !slices.Contains(names, name) {
				t.Errorf("%s names the setting %s, which does not exist", path, name)
			}
		}
	}
}
