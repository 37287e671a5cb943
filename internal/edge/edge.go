// Package edge is what the box at a site and its centre say to each other: batches
// of messages, a hello with the box's health, its configuration, an enrolment
// token, and files that carry the same batches where no connection may be. Package
// box is the half at the site, package centre the other one. It knows no message's
// inside: what a "summary" is, app knows.
package edge

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Capability is a thing that an edge may do.
type Capability string

// The capabilities. Enrolment grants them.
const (
	Sense   Capability = "sense"   // listen to the plant's networks
	Gateway Capability = "gateway" // carry remote access
	Collect Capability = "collect" // fetch backups
)

// Message is one thing that an edge tells: its kind says who reads the body.
type Message struct {
	Kind string
	Body []byte
}

// Bounds of what crosses.
const (
	MaxKind    = 32
	MaxRaw     = 32 << 20 // of a message
	MaxBody    = 16 << 20 // of a message, compressed
	MaxRequest = 20 << 20 // of batches sent together
)

// Interface is one network that an edge listens to, as the centre configures it.
type Interface struct {
	Name      string            `json:"name" maxLength:"64" doc:"As the edge's machine calls it: eth1"`
	SiteID    string            `json:"site_id"`
	RealmID   string            `json:"realm_id" doc:"Empty: the site's default realm"`
	VLANs     map[string]string `json:"vlans,omitempty" doc:"Realm (id) of a VLAN, by its number"`
	Filter    string            `json:"filter" maxLength:"2000" doc:"Which packets are looked at, as tcpdump writes it; empty: all"`
	RingBytes int64             `json:"ring_bytes" minimum:"0" doc:"Memory for the packets of the last while; 0: what the program takes by itself"`
	Ring      string            `json:"ring,omitempty" enum:"memory,disk,off," doc:"Where they are kept; empty: as before, and in memory at first"`
	DiskMiB   int64             `json:"disk_mib,omitempty" minimum:"0" maximum:"16777216" doc:"Disk that they may take; 0: as before"`
	Beyond    int               `json:"beyond,omitempty" minimum:"0" maximum:"65535" doc:"Payload bytes that are kept of traffic that is not the plant's own"`

	// Given by the centre; who configures leaves them.
	Sensor string `json:"sensor,omitempty" readOnly:"true" doc:"Id of the source in the centre"`
	Site   string `json:"site,omitempty" readOnly:"true"`
	// Own are the networks of the site's OT zones: of all others only headers are kept.
	Own []string `json:"own,omitempty" readOnly:"true" doc:"Networks of the site's OT zones; of all others only headers and the first bytes are kept"`
}

// Element is a value's place in a protocol's table, of whatever station.
type Element struct {
	Protocol string `json:"protocol"`
	Space    uint16 `json:"space,omitempty"`
	Area     uint32 `json:"area,omitempty"`
	Item     uint32 `json:"item"`
	Width    uint8  `json:"width,omitempty"`
	Name     string `json:"name,omitempty"`
}

// Config is what an edge shall do. The centre counts its versions.
type Config struct {
	Version         int64       `json:"version"`
	Interfaces      []Interface `json:"interfaces" nullable:"false" maxItems:"32"`
	Follow          []Element   `json:"follow,omitempty" readOnly:"true" doc:"Values that are looked for wherever they stand in a request: the tags of plant states"`
	IntervalSeconds int         `json:"interval_seconds" minimum:"1" maximum:"3600" doc:"How often an interface tells what it heard"`
	OutboxBytes     int64       `json:"outbox_bytes" minimum:"16777216" doc:"Disk that what waits for the centre may take; then the oldest counters go first"`
}

// DefaultConfig is what an edge starts with: it listens to nothing yet.
func DefaultConfig() Config {
	return Config{Interfaces: []Interface{}, IntervalSeconds: 10, OutboxBytes: 2 << 30}
}

// Port is an interface of the edge's machine, and how listening to it goes.
type Port struct {
	Name        string `json:"name"`
	Up          bool   `json:"up"`
	Silent      bool   `json:"silent" doc:"It has no address and sends nothing by itself"`
	Listening   bool   `json:"listening"`
	Error       string `json:"error,omitempty" doc:"Why it does not listen" say:"true"`
	Packets     uint64 `json:"packets" doc:"Since the edge started"`
	Dropped     uint64 `json:"dropped"`
	Transmitted uint64 `json:"transmitted" doc:"Must stay 0"`
}

// Queue is what waits in an edge's outbox.
type Queue struct {
	Waiting      int64 `json:"waiting" doc:"Batches that the centre has not confirmed"`
	Bytes        int64 `json:"bytes" doc:"On disk, confirmed ones that are still kept included"`
	OldestAt     int64 `json:"oldest_at" doc:"When the oldest of them was made, µs; 0: none waits"`
	Budget       int64 `json:"budget"`
	DroppedBulk  int64 `json:"dropped_bulk" doc:"Counters left out because the disk was full, by the edge's life"`
	DroppedWhole int64 `json:"dropped_whole" doc:"Batches left out whole, with facts and events"`
	DroppedBytes int64 `json:"dropped_bytes"`
}

// Health is how an edge is.
type Health struct {
	Version   string       `json:"version"`
	Host      string       `json:"host"`
	UptimeS   int64        `json:"uptime_s"`
	CPU       float64      `json:"cpu" doc:"Share of one core that the program took since the last hello"`
	Memory    int64        `json:"memory" doc:"Resident bytes"`
	DiskFree  int64        `json:"disk_free"`
	DiskTotal int64        `json:"disk_total"`
	Queue     Queue        `json:"queue"`
	Ports     []Port       `json:"ports" nullable:"false"`
	Can       []Capability `json:"can" nullable:"false"`
	CertUntil int64        `json:"cert_until" doc:"µs"`
	Witness   string       `json:"witness,omitempty" doc:"What is wrong with the centre's audit log, as the edge sees it"`
	Rules     RuleState    `json:"rules"`
}

// Hello is what an edge says every few seconds, and first after a silence.
type Hello struct {
	Sent    int64  `json:"sent"`    // µs by the edge's clock
	BootNo  int64  `json:"boot_no"` // counts the starts of this edge's data
	Boot    string `json:"boot"`    // nonce of this start: two machines with the same data differ here
	Epoch   string `json:"epoch"`   // of its outbox
	Oldest  int64  `json:"oldest"`  // first batch that it still has, 0: none; smaller ones it cannot send again
	Newest  int64  `json:"newest"`
	Health  Health `json:"health"`
	Config  int64  `json:"config"` // version applied
	Error   string `json:"error"`  // why the version before the applied one is not
	Failed  int64  `json:"failed"` // the version that could not be applied
	Witness int64  `json:"witness"`
}

// Proof is the centre's audit log at its newest, and that it continues what the
// edge saw last.
type Proof struct {
	From  int64    `json:"from"` // the edge's size
	Note  string   `json:"note"` // signed checkpoint
	Steps []string `json:"steps,omitempty"`
	Key   string   `json:"key"` // the verifier of the note
}

// Welcome answers a hello.
type Welcome struct {
	Now      int64     `json:"now"`      // µs by the centre's clock
	Received int64     `json:"received"` // last batch of the epoch that the centre has, without a gap before it
	Config   *Signed   `json:"config,omitempty"`
	Rules    *Signed   `json:"rules,omitempty"`  // a Rules, where the edge runs others
	Orders   []*Signed `json:"orders,omitempty"` // each an Order that the edge has not answered
	Proof    *Proof    `json:"proof,omitempty"`
	Rechain  bool      `json:"rechain,omitempty"` // begin the outbox's chain anew: somebody decided which of two machines is the right one
}

// Range is a run of batches, both ends included.
type Range struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Ack answers batches.
type Ack struct {
	Received int64 `json:"received"`
	Now      int64 `json:"now"`
	New      int   `json:"new"`
}

// Problem is how the centre refuses: the code says what the edge must do.
type Problem struct {
	Code     ot.Code `json:"code"`
	Reason   string  `json:"reason"` // one of the reasons below, or empty
	Detail   string  `json:"detail"`
	Received int64   `json:"received"` // with ReasonGap
}

// Why the centre refuses an edge.
const (
	ReasonRevoked     = "revoked"
	ReasonQuarantined = "quarantined" // two machines speak as this edge
	ReasonUsed        = "token-used"
	ReasonExpired     = "expired" // renew first
	ReasonGap         = "gap"     // send again from Received+1
	ReasonUnknown     = "unknown"
)

// Life of a certificate, of what may be renewed after its end, and of a silence.
const (
	CertLife   = 30 * 24 * time.Hour
	RenewGrace = 90 * 24 * time.Hour
	RenewAfter = CertLife * 2 / 3
	HelloEvery = 15 * time.Second
	SilentFor  = 2 * time.Minute
	MaxSkew    = 2 * time.Second
)

// Enrol is what a new edge asks with its token's certificate.
type Enrol struct {
	CSR     []byte `json:"csr"` // DER: its public key, and that it has the private one
	Host    string `json:"host"`
	Version string `json:"version"`
}

// Enrolled answers it.
type Enrolled struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Cert []byte `json:"cert"` // DER
	Now  int64  `json:"now"`
}

// Renew asks for a new certificate of the same key.
type Renew struct {
	CSR []byte `json:"csr"`
}

// Waiting is what an edge has when it waits for news.
type Waiting struct {
	Config int64 `json:"config"`
	Order  int64 `json:"order"` // the last one that it answered
}

// News answers it: whether a hello is worth while.
type News struct {
	News bool `json:"news"`
}

// The paths of the edges' listener. There are no others.
const (
	PathEnrol   = "/edge/v1/enrol"
	PathRenew   = "/edge/v1/renew"
	PathHello   = "/edge/v1/hello"
	PathBatches = "/edge/v1/batches"
	PathWait    = "/edge/v1/wait"
	HeaderSent  = "Skanse-Sent" // µs by the edge's clock
)
