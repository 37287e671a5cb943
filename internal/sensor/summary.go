package sensor

import "github.com/skanse/skanse/internal/ot"

// Summary is all that leaves a sensor: what one interval added. Applying it
// twice changes nothing: it is idempotent on (Sensor, Epoch, Seq). Counters are
// deltas; first and last are absolute. Times are ns since 1970 UTC.
type Summary struct {
	Sensor string `json:"sensor"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"` // from 1
	From   int64  `json:"from"`
	To     int64  `json:"to"`   // packet time covered
	Sent   int64  `json:"sent"` // the sensor's clock at sending: the centre computes skew
	Live   bool   `json:"live"` // false: an observation with two dates, never feeds freshness
	Last   bool   `json:"last"` // the source ended with this summary

	Hosts    []HostDelta  `json:"hosts,omitempty"`
	Flows    []FlowDelta  `json:"flows,omitempty"`
	Tuples   []TupleDelta `json:"tuples,omitempty"`
	Events   []Event      `json:"events,omitempty"`
	Facts    []Fact       `json:"facts,omitempty"`
	Programs []Program    `json:"programs,omitempty"`
	Health   Health       `json:"health"`
}

// HostDelta is one (realm, MAC, IP) pairing seen as a sender. The same IP may
// appear behind a router's MAC and its own: package asset decides whose it is.
type HostDelta struct {
	ot.Host
	VLAN        uint16 `json:"vlan,omitempty"`
	First       int64  `json:"first"`
	Last        int64  `json:"last"`
	FirstPacket uint64 `json:"first_packet"`
	Packets     uint64 `json:"packets"`
	Bytes       uint64 `json:"bytes"`
	ARP         bool   `json:"arp,omitempty"` // the pairing was stated by ARP (or neighbour discovery), not only by a frame's source
	TTLMin      uint8  `json:"ttl_min,omitempty"`
	TTLMax      uint8  `json:"ttl_max,omitempty"` // 64, 128, 255: a neighbour; less: came through routers
}

// ClientBy says why one side is taken for the client, weakest last.
type ClientBy string

// The reasons, strongest first.
const (
	BySYN      ClientBy = "syn"
	ByProtocol ClientBy = "protocol"
	ByPort     ClientBy = "port"
	ByGuess    ClientBy = "guess"
)

// FlowDelta is one conversation: unordered endpoints, written with the client
// first. The client may be revised by a later delta; A is always the
// numerically smaller endpoint, so (Realm, A, B, Transport, Port, Protocol) is its natural key.
// Flows that differ only in the client's ephemeral port are one conversation.
type FlowDelta struct {
	Realm         string       `json:"realm,omitempty"`
	VLAN          uint16       `json:"vlan,omitempty"`
	Client        ot.Host      `json:"client"`
	Server        ot.Host      `json:"server"`
	ClientBy      ClientBy     `json:"client_by"`
	Transport     string       `json:"transport"` // tcp, udp, icmp, ether, ip-<number>
	Port          uint16       `json:"port,omitempty"`
	Protocol      string       `json:"protocol,omitempty"` // as the catalogue names it; empty: not recognised
	Guess         string       `json:"guess,omitempty"`    // by port only, where content did not tell
	First         int64        `json:"first"`
	Last          int64        `json:"last"`
	Sessions      uint64       `json:"sessions"`    // TCP connections or UDP port pairs opened
	Established   bool         `json:"established"` // data or a handshake went both ways
	ClientPackets uint64       `json:"client_packets"`
	ClientBytes   uint64       `json:"client_bytes"`
	ServerPackets uint64       `json:"server_packets"`
	ServerBytes   uint64       `json:"server_bytes"`
	Malformed     uint64       `json:"malformed,omitempty"`
	Lost          uint64       `json:"lost,omitempty"`   // bytes of stream never seen
	Again         uint64       `json:"again,omitempty"`  // TCP segments that came again
	Resets        uint64       `json:"resets,omitempty"` // TCP connections torn down
	FirstRef      ot.PacketRef `json:"first_ref"`
	Print         *Print       `json:"print,omitempty"` // where nobody recognised it
	Proof         []byte       `json:"proof,omitempty"` // head of the first packet that carried payload (or the first packet), ≤ ot.MaxProof
}

// FlowKey names a conversation inside one summary and in the store.
type FlowKey struct {
	Realm     string  `json:"realm,omitempty"`
	Client    ot.Host `json:"client"`
	Server    ot.Host `json:"server"`
	Transport string  `json:"transport"`
	Port      uint16  `json:"port,omitempty"`
	Protocol  string  `json:"protocol,omitempty"`
}

// TupleDelta counts one kind of message of one conversation.
type TupleDelta struct {
	Flow      FlowKey      `json:"flow"`
	Protocol  string       `json:"protocol"` // may be an inner protocol of the flow's (cip in enip)
	Kind      string       `json:"kind"`
	Dir       string       `json:"dir,omitempty"`
	Code      uint32       `json:"code"`
	Text      string       `json:"text,omitempty"` // the code where it is a name
	Name      string       `json:"name,omitempty"` // what the catalogue calls it
	Class     string       `json:"class"`
	Also      bool         `json:"also,omitempty"` // a further code in a PDU that was counted as another tuple
	Unit      uint32       `json:"unit,omitempty"`
	Space     uint16       `json:"space,omitempty"`
	Area      uint32       `json:"area,omitempty"`
	FirstItem uint32       `json:"first_item,omitempty"` // lowest element touched
	LastItem  uint32       `json:"last_item,omitempty"`  // highest
	Refused   uint64       `json:"refused,omitempty"`
	Count     uint64       `json:"count"`
	First     int64        `json:"first"`
	Last      int64        `json:"last"`
	FirstRef  ot.PacketRef `json:"first_ref"`
	Values    []Value      `json:"values,omitempty"` // of a few elements, each the newest; by element
	Pace      *Pace        `json:"pace,omitempty"`   // of requests
}

// Value is what an element of a tuple was last heard to hold.
type Value struct {
	Item  uint32  `json:"item"`
	Name  string  `json:"name,omitempty"` // the tag, where the protocol names what it reads
	Value float64 `json:"value"`
	Seen  int64   `json:"seen"`
}

// Event is one message reported whole: of a class in ot.Rare, a rule hit, or a flow's first of a tuple.
// Of a transfer (ot.Transfer) the first message is, and the others that are like it are counted.
type Event struct {
	Flow     FlowKey      `json:"flow"`
	Ref      ot.PacketRef `json:"ref"`
	Protocol string       `json:"protocol"`
	Kind     string       `json:"kind"`
	Dir      string       `json:"dir,omitempty"`
	Code     uint32       `json:"code"`
	Text     string       `json:"text,omitempty"`
	Name     string       `json:"name,omitempty"`
	Class    string       `json:"class"`
	Refused  bool         `json:"refused,omitempty"`
	Status   uint32       `json:"status,omitempty"`
	Unit     uint32       `json:"unit,omitempty"`
	Object   string       `json:"object,omitempty"` // tag, block, path: printable
	Rules    []string     `json:"rules,omitempty"`
	Repeats  uint64       `json:"repeats,omitempty"` // further messages alike: of a transfer, or hits on the same tuple where Config.Brief only counts them
	Until    int64        `json:"until,omitempty"`   // of a transfer: when the last of them came
	Bytes    uint64       `json:"bytes,omitempty"`   // of a transfer: in all of them
	Began    uint64       `json:"began,omitempty"`   // of a transfer that an earlier summary told of: the packet of its first message
	Proof    []byte       `json:"proof,omitempty"`
}

// Fact is one statement of a device about itself (or of a peer about it).
type Fact struct {
	About    ot.Host      `json:"about"`
	Attr     ot.Attr      `json:"attr"`
	Value    string       `json:"value"`         // ot.Printable
	Raw      []byte       `json:"raw,omitempty"` // where Printable changed it
	Protocol string       `json:"protocol"`
	By       ot.Host      `json:"by"` // who said it
	Ref      ot.PacketRef `json:"ref"`
	Proof    []byte       `json:"proof,omitempty"`
}

// Print is what unrecognised traffic looks like: enough to name it and to know it again.
type Print struct {
	Client PrintSide `json:"client"`
	Server PrintSide `json:"server"`
	Period int64     `json:"period,omitempty"` // ns between two of the client's messages, where that is regular
}

// PrintSide is what one side says.
type PrintSide struct {
	Messages uint64 `json:"messages,omitempty"` // segments or datagrams with payload
	Shortest uint16 `json:"shortest,omitempty"`
	Longest  uint16 `json:"longest,omitempty"`
	// Head is the first bytes, as far as they are the same in all messages: bytes that change are '?', because what
	// differs from message to message may be what nobody may read. Empty below a few messages.
	Head string `json:"head,omitempty"` // "03 00 ?? ?? 02"
}

// Program is a block or file that others transferred past the sensor.
type Program struct {
	Flow     FlowKey      `json:"flow"`
	Ref      ot.PacketRef `json:"ref"` // of its first piece
	Ended    int64        `json:"ended"`
	Protocol string       `json:"protocol"`
	Kind     string       `json:"kind"` // block, file, firmware
	Name     string       `json:"name"` // printable
	Up       bool         `json:"up"`   // out of the server; else into it
	Size     uint64       `json:"size"` // bytes seen
	SHA256   string       `json:"sha256,omitempty"`
	Missing  string       `json:"missing,omitempty"` // why it is not whole; then there is no hash
	// Content is there once a run for each hash, within Budget.Program; Without says why it is not.
	Content []byte `json:"content,omitempty"`
	Without string `json:"without,omitempty"`
}

// Health is what the sensor could not do. Every budget that was hit is here.
type Health struct {
	Packets     uint64            `json:"packets"` // deltas, as all counters here
	Bytes       uint64            `json:"bytes"`
	Malformed   uint64            `json:"malformed"`
	Truncated   uint64            `json:"truncated"` // frames that the capture cut
	Dropped     uint64            `json:"dropped"`   // before us
	Transmitted uint64            `json:"transmitted"`
	Lost        uint64            `json:"lost"`               // stream bytes never seen
	Quarantined uint64            `json:"quarantined"`        // flows set aside after a decode panic
	Repeated    uint64            `json:"repeated,omitempty"` // segments taken for retransmissions: their acknowledgement came first
	Copies      uint64            `json:"copies,omitempty"`   // frames that came a moment before too: counted once
	Pieces      uint64            `json:"pieces,omitempty"`   // of blocks and files whose beginning nobody saw
	Unknown     uint64            `json:"unknown"`            // payload bytes of no recognised protocol
	OTBytes     uint64            `json:"ot_bytes"`           // payload bytes of recognised protocols
	BudgetHit   map[string]uint64 `json:"budget_hit,omitempty"`
	OneSided    float64           `json:"one_sided"` // share of TCP conversations heard in one direction only
	RuleSet     string            `json:"rule_set,omitempty"`
	Cut         string            `json:"cut,omitempty"` // where the capture ended early
	Mirror      *Mirror           `json:"mirror,omitempty"`
	Port        *Port             `json:"port,omitempty"`
	Ring        *RingState        `json:"ring,omitempty"`
	Told        *Told             `json:"told,omitempty"` // another sensor's words; nil: packets of our own
}
