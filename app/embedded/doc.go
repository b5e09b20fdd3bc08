// Package embedded is what a process brings along where nothing is configured: a Kafka, a Cloud API and a media cache, all in
// this process and on this machine only.
//
//	Kafka       the protocol of the real one, its log in a folder: a restart goes on where the last process was
//	Simulator   the Cloud API double, which sends nothing
//	Cache       media ids in memory
//
// What is tested and tried on them is the code that runs on the real ones. Nothing outside of app knows that they exist.
package embedded
