// Package mutants takes one safeguard after the other out of the code and runs the test that is named for it, which must fail then
// (mutants_test.go holds the table, mutantkit_test.go changes the code at its marker). CONTRIBUTING.md says how to add one. There
// are only tests here.
package mutants
