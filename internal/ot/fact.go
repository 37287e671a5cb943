package ot

// Attr names what a protocol states about a device, as protocol.field in the
// protocol's own terms: "s7comm.order_code", "cip.product_name",
// "lldp.system_desc". catalog/attributes.yaml says which of them feed which
// readable field of an asset, and how far each is trusted.
type Attr string

// MaxFact is the longest fact value kept, bytes; longer values are cut.
const MaxFact = 512

// MaxProof is how much of the proving frame travels with a fact or an event, bytes.
const MaxProof = 256

// SourceName is what people call a source of references, and what it is: a sensor or
// capture of ours, or whose log or records it holds.
type SourceName struct{ Name, Kind string }
