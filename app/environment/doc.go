// Package environment reads settings from variables of the environment and prints them for people: secrets from files, sizes, and
// the nearest name to one that is not ours. It does not know which settings there are; app does.
package environment
