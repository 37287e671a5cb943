// Package demo is an example company: four sites, their devices, and 30 days
// of traffic with a story, synthesised as real packets that go through the
// real sensor. It shows the product; it never counts as a test of a decoder.
package demo
