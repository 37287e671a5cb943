// Package windows reads Windows events: from EVTX files as a machine keeps them, and from XML
// as it forwards and exports them. It has no message texts, which lie in the DLLs of the
// machine: an event is its number, its provider and its values.
package windows

import (
	"strconv"
	"strings"
	"time"
)

// Event is one event.
type Event struct {
	Record   uint64    `json:"record,omitempty"`
	ID       uint32    `json:"id"`
	Provider string    `json:"provider,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	Computer string    `json:"computer,omitempty"`
	User     string    `json:"user,omitempty"` // SID
	Level    uint8     `json:"level,omitempty"`
	Keywords uint64    `json:"keywords,omitempty"`
	Told     time.Time `json:"told,omitzero"`
	Data     []Value   `json:"data,omitempty"`
}

// Value is one value of an event; of an old one without name.
type Value struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text"`
}

const auditFailure = 1 << 52 // keyword of the security log

// Severity is the level as syslog counts it.
func (e *Event) Severity() int {
	switch {
	case e.Level == 1:
		return 2
	case e.Level == 2:
		return 3
	case e.Level == 3, e.Keywords&auditFailure != 0:
		return 4
	case e.Level == 5:
		return 7
	}
	return 6
}

// Text is the event in one line: what its number stands for, where we know it, and its values.
func (e *Event) Text() string {
	var b strings.Builder
	b.WriteString("Event " + strconv.FormatUint(uint64(e.ID), 10))
	if title := Title(e.Provider, e.ID); title != "" {
		b.WriteString(", " + title)
	}
	for i, v := range e.Data {
		if v.Text == "" || v.Text == "-" {
			continue
		}
		if i == 0 || b.Len() < 1 {
			b.WriteString(":")
		} else {
			b.WriteString(",")
		}
		b.WriteString(" ")
		if v.Name != "" {
			b.WriteString(v.Name + "=")
		}
		b.WriteString(v.Text)
	}
	return b.String()
}

// Title says what the events that matter most in a plant stand for; empty: not known.
func Title(provider string, id uint32) string {
	switch {
	case strings.EqualFold(provider, "Microsoft-Windows-Security-Auditing"):
		switch id {
		case 4624:
			return "somebody signed in"
		case 4625:
			return "a sign-in failed"
		case 4634, 4647:
			return "somebody signed out"
		case 4648:
			return "a sign-in with given credentials"
		case 4672:
			return "a sign-in with administrator's rights"
		case 4688:
			return "a program was started"
		case 4697:
			return "a service was installed"
		case 4698:
			return "a task was scheduled"
		case 4719:
			return "the audit policy was changed"
		case 4720:
			return "an account was made"
		case 4726:
			return "an account was deleted"
		case 4728, 4732, 4756:
			return "somebody was added to a group"
		case 4740:
			return "an account was locked"
		case 4616:
			return "the clock was changed"
		}
	case strings.EqualFold(provider, "Microsoft-Windows-Eventlog"):
		switch id {
		case 1102, 104:
			return "the log was cleared"
		}
	case strings.EqualFold(provider, "Service Control Manager") && id == 7045:
		return "a service was installed"
	case strings.EqualFold(provider, "EventLog"):
		switch id {
		case 6005:
			return "the machine started"
		case 6006:
			return "the machine was shut down"
		case 6008:
			return "the machine went down unexpectedly"
		}
	}
	return ""
}

// node is an element of either form.
type node struct {
	name  string
	attrs []Value
	kids  []*node
	text  strings.Builder
}

func (n *node) child(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return &node{}
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name == name {
			return a.Text
		}
	}
	return ""
}

func (n *node) said() string { return strings.TrimSpace(n.text.String()) }

// event reads <Event><System>…</System><EventData>…</EventData></Event>.
func (n *node) event() (e Event, ok bool) {
	if n.name != "Event" {
		return e, false
	}
	sys := n.child("System")
	id, err := strconv.ParseUint(sys.child("EventID").said(), 10, 32)
	if err != nil {
		return e, false
	}
	e.ID = uint32(id)
	e.Provider = sys.child("Provider").attr("Name")
	if e.Provider == "" {
		e.Provider = sys.child("Provider").attr("EventSourceName")
	}
	e.Channel, e.Computer, e.User = sys.child("Channel").said(), sys.child("Computer").said(), sys.child("Security").attr("UserID")
	if v, err := strconv.ParseUint(sys.child("Level").said(), 10, 8); err == nil {
		e.Level = uint8(v)
	}
	if v, err := strconv.ParseUint(sys.child("Keywords").said(), 0, 64); err == nil {
		e.Keywords = v
	}
	if v, err := strconv.ParseUint(sys.child("EventRecordID").said(), 10, 64); err == nil {
		e.Record = v
	}
	if v, err := time.Parse(time.RFC3339Nano, sys.child("TimeCreated").attr("SystemTime")); err == nil {
		e.Told = v.UTC()
	}
	for _, k := range n.kids {
		switch k.name {
		case "EventData":
			for _, d := range k.kids {
				name := d.attr("Name")
				if name == "" && d.name != "Data" {
					name = d.name
				}
				e.Data = append(e.Data, Value{name, d.said()})
			}
		case "UserData", "DebugData", "ProcessingErrorData":
			e.Data = append(e.Data, k.leaves()...)
		}
	}
	return e, true
}

// leaves are the elements that hold text, wherever they stand.
func (n *node) leaves() (out []Value) {
	for _, k := range n.kids {
		if len(k.kids) == 0 {
			out = append(out, Value{k.name, k.said()})
			continue
		}
		out = append(out, k.leaves()...)
	}
	return out
}
