// Package ot holds the words that every part of Skanse shares: messages and
// their classes, addresses, facts, checks, severities and errors. It uses the
// standard library only and does no work; a type moves here when a second
// package needs it, not before.
package ot

// Severity says how fast a person must look. The priorities of the screen follow it.
type Severity string

// The severities, most urgent first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Topic names what changed, on the bus and in a check's Reads.
type Topic string

// The topics of the first capability. A slice owns the topics with its name.
const (
	TopicAsset   Topic = "asset"   // an asset, a binding or a fact changed
	TopicNetwork Topic = "network" // conversations or events changed
	TopicSource  Topic = "source"  // a sensor or capture delivered, started or ended
	TopicOrg     Topic = "org"     // entities, sites, realms, zones
	TopicPosture Topic = "posture" // levels were judged anew
	TopicRecord  Topic = "record"  // a record was made, changed or linked
	TopicVuln    Topic = "vuln"    // an advisory was taken in, or a finding changed
	TopicInbox   Topic = "inbox"   // somebody is asked for something, or answered
	TopicEdge    Topic = "edge"    // an edge was enrolled, fell silent, came back
	TopicAlert   Topic = "alert"   // an alert was raised, returned, or somebody did something about it
	TopicLog     Topic = "log"     // lines of log sources came, or one fell silent
	TopicSignIn  Topic = "sign-in" // what must be told of a sign-in: break-glass used
)

// Ref points at a thing that a page can open.
type Ref struct {
	Kind string `json:"kind"` // asset, conversation, zone, site, source, requirement, check, event …
	ID   string `json:"id"`
}

// PacketRef leads back to a packet: where it was seen, its number there, when,
// and where in a kept file its record starts.
type PacketRef struct {
	Source string `json:"source"`           // sensor id, or the capture's SHA-256
	Number uint64 `json:"number"`           // from 1
	Seen   int64  `json:"seen"`             // ns
	Offset int64  `json:"offset,omitempty"` // bytes from the start of the file; 0: not a file
}
