package rule

import "cel.dev/cel-go/cel"

// Var is the number of a name that conditions use, so that asking for one costs no look into a map.
type Var uint8

// The names, in the order of their words.
const (
	Protocol Var = iota
	Transport
	Port
	Live
	Planned // inside an approved maintenance window or change
	Crosses // the two stand in different zones

	KindOf
	Dir
	TextOf
	Name
	ClassOf
	Object
	CodeOf
	Unit
	Status
	Repeats
	RefusedOf // of a message whether, of a tuple how often
	Area
	FirstItem
	LastItem
	Count
	NewMaster // others wrote to this server before, this client never did

	Guess
	Established
	Sessions
	ClientPackets
	ClientBytes
	ServerPackets
	ServerBytes
	Malformed
	Lost
	Seconds

	AttrOf
	Value
	Before
	By
	Changed // another value than before
	Back    // one that it had before that
	Others  // other hosts that stated this attribute before, with another value

	Clients // what windows count
	Servers
	Ports
	Codes
	Units
	Values
	Bytes

	ClientSide // what is known of the client: ClientSide + SideIP and so on
	ServerSide = ClientSide + sideVars
	varCount   = ServerSide + sideVars
)

// What is known of a side.
const (
	SideIP Var = iota
	SideMAC
	SideName
	SideRole
	SideLevel
	SideZone
	SideKnown
	SideProgramming
	SideInternet
	SideOT
	sideVars
)

// View answers what a condition asks of what it looks at. It is asked only for names
// that the input has, with the type that they have there.
type View interface {
	Text(Var) string
	Int(Var) int64
	Bool(Var) bool
}

var allWords = words()

// words are the names as rules write them.
func words() [varCount]string {
	w := [varCount]string{
		Protocol: "protocol", Transport: "transport", Port: "port", Live: "live", Planned: "planned", Crosses: "crosses",
		KindOf: "kind", Dir: "dir", TextOf: "text", Name: "name", ClassOf: "class", Object: "object", CodeOf: "code", Unit: "unit", Status: "status",
		Repeats: "repeats", RefusedOf: "refused", Area: "area", FirstItem: "first", LastItem: "last", Count: "count", NewMaster: "new_master",
		Guess: "guess", Established: "established", Sessions: "sessions", ClientPackets: "client_packets", ClientBytes: "client_bytes",
		ServerPackets: "server_packets", ServerBytes: "server_bytes", Malformed: "malformed", Lost: "lost", Seconds: "seconds",
		AttrOf: "attr", Value: "value", Before: "before", By: "by", Changed: "changed", Back: "back", Others: "others",
		Clients: "clients", Servers: "servers", Ports: "ports", Codes: "codes", Units: "units", Values: "values", Bytes: "bytes",
	}
	for i, name := range [sideVars]string{"ip", "mac", "name", "role", "level", "zone", "known", "programming", "internet", "ot"} {
		w[ClientSide+Var(i)], w[ServerSide+Var(i)] = "client."+name, "server."+name
	}
	return w
}

// names are the variables of one input: their types by word, and their numbers.
type names struct {
	types   map[string]*cel.Type
	numbers map[string]Var
}

func namesOf(of Input) *names {
	n := &names{types: map[string]*cel.Type{}, numbers: map[string]Var{}}
	w := &allWords
	add := func(t *cel.Type, vars ...Var) {
		for _, v := range vars {
			n.types[w[v]], n.numbers[w[v]] = t, v
		}
	}
	if of == Window {
		add(cel.IntType, Count, Clients, Servers, Ports, Codes, Units, Values, RefusedOf, Bytes)
		return n
	}
	add(cel.StringType, Protocol, Transport)
	add(cel.IntType, Port)
	add(cel.BoolType, Live, Planned, Crosses)
	for _, side := range []Var{ClientSide, ServerSide} {
		add(cel.StringType, side+SideIP, side+SideMAC, side+SideName, side+SideRole, side+SideLevel, side+SideZone)
		add(cel.BoolType, side+SideKnown, side+SideProgramming, side+SideInternet, side+SideOT)
	}
	switch of {
	case Message:
		add(cel.StringType, KindOf, Dir, TextOf, Name, ClassOf, Object)
		add(cel.IntType, CodeOf, Unit, Status, Repeats)
		add(cel.BoolType, RefusedOf)
	case Tuple:
		add(cel.StringType, KindOf, Dir, TextOf, Name, ClassOf)
		add(cel.IntType, CodeOf, Unit, Area, FirstItem, LastItem, Count, RefusedOf)
		add(cel.BoolType, NewMaster)
	case Conversation:
		add(cel.StringType, Guess)
		add(cel.BoolType, Established)
		add(cel.IntType, Sessions, ClientPackets, ClientBytes, ServerPackets, ServerBytes, Malformed, Lost, Seconds)
	case Fact:
		add(cel.StringType, AttrOf, Value, Before, By)
		add(cel.BoolType, Changed, Back)
		add(cel.IntType, Others)
	}
	return n
}

// String is the name as rules write it.
func (v Var) String() string { return allWords[v] }
