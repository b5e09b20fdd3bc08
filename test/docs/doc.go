// Package docs holds the tests of the documents: what they link to, name and show exists, and the two READMEs say the same. It has no code
// of its own. The requests that README.md and docs/api.md show are run by cmd/altavoz.
//
//	documents_test.go  reads every document: headings, links, code blocks, names in backticks
//	links_test.go      links, anchors, files and packages that are named
//	packages_test.go   the table of packages in DESIGN.md, what package comments name, tests that are named
//	readme_test.go     README.md beside README.es.md
package docs
