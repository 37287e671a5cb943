package rule

// LogLine is a line of a log as a rule on logs sees it: a Windows event, or text.
type LogLine struct {
	SiteNo, RealmNo int64
	Source          string // id of the log source
	Name            string // what people call it
	Asset           string // id of what it stands for; empty: no asset
	Address         string // empty: behind a relay, or by file
	At              int64  // ns: received, of an event in a file when the machine wrote it
	Live            bool   // it came over the network

	Host, App string
	Facility  int // of syslog; -1: the line does not say
	Severity  int // 0 emergency to 7 debug; -1: the line does not say
	Text      string
	Event     *LogEvent // nil: it is text
}

// LogEvent is a Windows event.
type LogEvent struct {
	ID                                uint32
	Provider, Channel, Computer, User string
	Level                             uint8
	Keywords, Record                  uint64
	Values                            []Say // of EventData and UserData; names may be empty
}
