package rule

import "github.com/skanse/skanse/internal/ot"

// Fixture is a small piece of traffic, as what a sensor tells of it: with one a rule
// shows that it fires, with the other that it keeps quiet. Tests play both.
type Fixture struct {
	Say     string               `yaml:"say"`     // one line: what happens here
	Planned bool                 `yaml:"planned"` // inside an approved window
	Hosts   map[string]FixtureOf `yaml:"hosts"`   // what the inventory knows, by address
	Steps   []Step               `yaml:"steps"`
	Times   int                  `yaml:"times"` // plays the steps so often; their "{n}" becomes a number; 0: once
	Every   Span                 `yaml:"every"` // between two times
}

// FixtureOf is what the inventory knows of a host.
type FixtureOf struct {
	Role        string `yaml:"role"`
	Level       string `yaml:"level"`
	Zone        string `yaml:"zone"`
	Programming bool   `yaml:"programming"`
	Internet    bool   `yaml:"internet"`
}

// Step is one thing that a sensor tells: exactly one of message, tuple, conversation and
// fact. Client and server are addresses, 10.0.0.9 and 10.0.0.1 where nobody says.
type Step struct {
	Message      *Told   `yaml:"message"`
	Tuple        *Told   `yaml:"tuple"`
	Conversation *Talk   `yaml:"conversation"`
	Fact         *Stated `yaml:"fact"`
	Client       string  `yaml:"client"`
	Server       string  `yaml:"server"`
	After        Span    `yaml:"after"` // since the first step
}

// Told is a message, or a kind of messages.
type Told struct {
	Protocol string   `yaml:"protocol"`
	Kind     string   `yaml:"kind"` // the protocol's first where nobody says
	Code     Code     `yaml:"code"`
	Dir      string   `yaml:"dir"`   // request where nobody says
	Class    string   `yaml:"class"` // as the catalogue has it where nobody says
	Flags    []string `yaml:"flags"`
	Object   string   `yaml:"object"`
	Unit     uint32   `yaml:"unit"`
	Area     uint32   `yaml:"area"`
	First    uint32   `yaml:"first"`
	Last     uint32   `yaml:"last"`
	Count    uint64   `yaml:"count"` // 1 where nobody says
	Status   uint32   `yaml:"status"`
}

// Talk is a conversation.
type Talk struct {
	Protocol    string `yaml:"protocol"`
	Guess       string `yaml:"guess"`
	Transport   string `yaml:"transport"` // tcp where nobody says
	Port        uint16 `yaml:"port"`
	Packets     uint64 `yaml:"packets"` // each way
	Bytes       uint64 `yaml:"bytes"`   // of the client
	Answer      uint64 `yaml:"answer"`  // bytes of the server
	Sessions    uint64 `yaml:"sessions"`
	Malformed   uint64 `yaml:"malformed"`
	Lost        uint64 `yaml:"lost"`
	Unanswered  bool   `yaml:"unanswered"`
	Established bool   `yaml:"established"`
	Lasts       Span   `yaml:"lasts"`
}

// Stated is a fact about the server.
type Stated struct {
	Attr  ot.Attr `yaml:"attr"`
	Value string  `yaml:"value"`
	By    string  `yaml:"by"` // who said it; the one whom it is about where nobody says
}
