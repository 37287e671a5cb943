package rule

import "github.com/skanse/skanse/internal/ot"

// End is one side of what was met, as stored: the MAC's usual form, the IP without zone. Either may be empty.
type End struct {
	MAC string `json:"mac,omitempty"`
	IP  string `json:"ip,omitempty"`
}

// Name is what the end is known by.
func (e End) Name() string {
	if e.IP != "" {
		return e.IP
	}
	return e.MAC
}

// Hit is one time, or several of one kind put together, that a rule was met. Whoever
// finds it fills it; the alerts of package detect are made of hits.
type Hit struct {
	Rule    string // its id; the rule stands in the catalogue, with On: state where code finds it
	SiteNo  int64
	RealmNo int64
	ZoneNo  int64 // of what was acted upon; 0: none known
	Conv    int64 // conv_no in network_conversation; 0: no single one
	Client  End   // who acted
	Server  End   // what was acted upon; empty where one host alone is meant (then it is Client)

	Transport string
	Port      uint16
	Protocol  string

	// Group are the values that make two hits one alert, in the rule's own order.
	// nil: taken from the fields above as the rule's group says.
	Group []string

	First   int64 // seen, ns
	Last    int64
	Count   uint64 // at least 1
	Live    bool   // false: from a capture, an observation with two dates
	Packets []ot.PacketRef
	Proof   []byte // head of the first of them, ≤ ot.MaxProof

	Facts    []Say       // for the story, the most telling first; at most MaxSay are kept
	Severity ot.Severity // where it differs from the rule's; empty: the rule's
	Cause    string      // what it has in common with other hits, where the finder knows: they become one group
}

// Say is one thing worth telling about a hit: "function" "write multiple registers".
// Name is a key that the page translates (detect.fact.*), Value is printable text.
type Say struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MaxSay bounds what is told about one hit.
const MaxSay = 12
