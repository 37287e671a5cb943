// Package rule says what a detection is: a mask that the sensor runs on every
// message, and later a condition that runs on the few which pass. It reads
// catalog/detections; it keeps no alerts and knows no assets.
package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Input says what a rule looks at, and with it where it runs.
type Input string

// The inputs. The masks of message rules run in the sensor, on every message; all else
// runs on summaries: at the centre, and when a capture is inspected.
const (
	Message      Input = "message"      // a message that the sensor told whole
	Tuple        Input = "tuple"        // a kind of message between two hosts, counted
	Conversation Input = "conversation" // what two hosts said to each other, counted
	Fact         Input = "fact"         // what a device said of itself or of another
	Window       Input = "window"       // many of one of these within a time
	State        Input = "state"        // found by code: the baseline, conduits
)

// Inputs lists them.
func Inputs() []Input { return []Input{Message, Tuple, Conversation, Fact, Window, State} }

// Silent is the severity of a hit that nobody is told of; it is counted.
const Silent ot.Severity = "silent"

// Rule is one detection as catalog/detections writes it.
type Rule struct {
	ID         string      `yaml:"id"`
	Title      string      `yaml:"title"`
	Severity   ot.Severity `yaml:"severity"`
	Technique  string      `yaml:"technique"` // MITRE ATT&CK for ICS
	Why        string      `yaml:"why"`
	FalseAlarm string      `yaml:"false_alarm"` // how to tell that it is none
	First      string      `yaml:"first"`       // what to do first
	References []string    `yaml:"references"`
	On         Input       `yaml:"on"`
	Mask       Mask        `yaml:"mask"`
	When       string      `yaml:"when"`    // a condition after the mask, in CEL
	Value      string      `yaml:"value"`   // a text in CEL that "value" in group means, and that a window counts the different ones of
	Group      []string    `yaml:"group"`   // what makes two hits one alert: client, server, protocol …
	Adjust     []Adjust    `yaml:"adjust"`  // another severity; the first that holds
	Of         Input       `yaml:"of"`      // a window: what is counted
	Per        Span        `yaml:"per"`     // a window: its length
	Having     string      `yaml:"having"`  // a window: a condition on its counts, in CEL
	Yields     bool        `yaml:"yields"`  // it makes no alert of its own where another one just began about the same two
	Returns    Span        `yaml:"returns"` // quiet for so long, it is over; 0: 8 hours
	Fires      *Fixture    `yaml:"fires"`
	Silent     *Fixture    `yaml:"silent"`
}

// Adjust gives a hit another severity where a condition holds.
type Adjust struct {
	When     string      `yaml:"when"`
	Severity ot.Severity `yaml:"severity"`
}

// Span is a time as Go writes it: 90s, 10m, 8h.
type Span time.Duration

// UnmarshalYAML reads it.
func (s *Span) UnmarshalYAML(n *yaml.Node) error {
	d, err := time.ParseDuration(n.Value)
	if err != nil || d < 0 {
		return fmt.Errorf("line %d: %q is no time such as 90s, 10m or 8h", n.Line, n.Value)
	}
	*s = Span(d)
	return nil
}

// Mask is what the sensor compares with each message. An empty list means any.
type Mask struct {
	Protocols []string          `yaml:"protocols"`
	Classes   []string          `yaml:"classes"`
	Kinds     []string          `yaml:"kinds"` // "s7comm.function": of one protocol
	Codes     map[string][]Code `yaml:"codes"` // by kind, as above
	Flags     []string          `yaml:"flags"` // all of them
	Without   []string          `yaml:"without"`
	Dir       string            `yaml:"dir"`    // request, response; empty: both
	Ports     []uint16          `yaml:"ports"`  // conversations: the server's port
	Public    string            `yaml:"public"` // conversations: client or server has an address of the internet
	Attrs     []ot.Attr         `yaml:"attrs"`  // facts: which of them
}

// Code is one code: a number, or text where the protocol uses names.
type Code struct {
	Number uint32
	Text   string
}

// UnmarshalYAML reads a number (decimal or 0x…) or a name.
func (c *Code) UnmarshalYAML(n *yaml.Node) error {
	if n.Tag == "!!int" {
		return n.Decode(&c.Number)
	}
	return n.Decode(&c.Text)
}

// groups are the parts of an alert's key.
func groups() []string {
	return []string{"client", "server", "protocol", "port", "code", "unit", "value"}
}

// File is one file of rules.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Files reads every .yaml file in a folder, by name.
func Files(folder fs.FS) ([]File, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list detections: %w", err)
	}
	slices.Sort(names)
	var out []File
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read detections: %w", err)
		}
		out = append(out, File{name, string(raw)})
	}
	return out, nil
}

// Read reads the rules of every .yaml file in a folder, strictly. A mistake
// names the file and what to change.
func Read(folder fs.FS) ([]Rule, error) {
	files, err := Files(folder)
	if err != nil {
		return nil, err
	}
	return ReadFiles(files)
}

// ReadFiles does the same with files that came from elsewhere.
func ReadFiles(files []File) ([]Rule, error) {
	var rules []Rule
	from := map[string]string{}
	for _, f := range files {
		got, err := Parse(f.Name, []byte(f.Text))
		if err != nil {
			return nil, err
		}
		for _, r := range got {
			if first, twice := from[r.ID]; twice {
				return nil, ot.Errorf(ot.Invalid, "detections/%s: rule %q is already in %s; give it another id", f.Name, r.ID, first)
			}
			from[r.ID] = f.Name
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// maxFile bounds one file, because YAML with aliases can unfold to anything.
const maxFile = 256 << 10

// Parse reads one file: one rule a YAML document.
func Parse(name string, raw []byte) ([]Rule, error) {
	if len(raw) > maxFile {
		return nil, ot.Errorf(ot.Invalid, "detections/%s: %d bytes; a file may have %d", name, len(raw), maxFile)
	}
	var rules []Rule
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	for {
		var r Rule
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			return rules, nil
		}
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "detections/%s: %w", name, err)
		}
		if err := r.check(); err != nil {
			return nil, ot.Errorf(ot.Invalid, "detections/%s: rule %q: %w", name, r.ID, err)
		}
		rules = append(rules, r)
	}
}

var (
	idForm        = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)
	techniqueForm = regexp.MustCompile(`^T\d{4}$`)
)

func (r *Rule) check() error {
	switch {
	case !idForm.MatchString(r.ID):
		return wrong("id", "must be lower-case words joined by hyphens or dots, such as night-stop")
	case r.Title == "" || r.Why == "":
		return wrong("title", "a title and a why are needed: a person has to understand the alert")
	case !isSeverity(r.Severity):
		return wrong("severity", "%q is none of critical, high, medium, low, info", r.Severity)
	case r.Technique != "" && !techniqueForm.MatchString(r.Technique):
		return wrong("technique", "%q is no ATT&CK identifier such as T0843", r.Technique)
	case !slices.Contains(Inputs(), r.On):
		return wrong("on", "%q is none of message, tuple, conversation, fact, window, state", r.On)
	case r.On == State && r.When+r.Having+r.Value != "":
		return wrong("on", "state is found by code; it takes no when, value or having")
	case r.On != Window && (r.Of != "" || r.Per != 0 || r.Having != ""):
		return wrong("on", "of, per and having belong to on: window")
	}
	for _, g := range r.Group {
		if !slices.Contains(groups(), g) {
			return wrong("group", "%q is none of %s", g, strings.Join(groups(), ", "))
		}
	}
	if slices.Contains(r.Group, "value") && r.Value == "" && r.On != State {
		return wrong("group", "value needs a value: a text in CEL, such as value: \"object\"")
	}
	for _, a := range r.Adjust {
		if a.When == "" || a.Severity != Silent && !isSeverity(a.Severity) {
			return wrong("adjust", "each entry needs when, and a severity of critical, high, medium, low, info or silent; %q is none", a.Severity)
		}
	}
	return r.checkInput()
}

// maxPer bounds a window: what is in it is held in memory.
const maxPer = Span(24 * time.Hour)

func (r *Rule) checkInput() error {
	of := r.On
	if r.On == Window {
		if r.Of == "" {
			r.Of = Message
		}
		of = r.Of
		switch {
		case r.Of == Window || r.Of == State || !slices.Contains(Inputs(), r.Of):
			return wrong("of", "%q is none of message, tuple, conversation, fact", r.Of)
		case r.Per <= 0 || r.Per > maxPer:
			return wrong("per", "a window needs its length, at most 24h, such as per: 10m")
		case r.Having == "":
			return wrong("having", "a window needs a condition on how many are too many, such as having: count > 5")
		}
	}
	switch of {
	case Message, Tuple:
		return r.Mask.check()
	case Conversation:
		if len(r.Mask.Protocols)+len(r.Mask.Ports) == 0 && r.Mask.Public == "" && r.When == "" {
			return wrong("mask", "it lets every conversation through; name protocols, ports or public, or give a when")
		}
		if p := r.Mask.Public; p != "" && p != "client" && p != "server" {
			return wrong("mask", "public: %q is neither client nor server", p)
		}
	case Fact:
		if len(r.Mask.Attrs) == 0 {
			return wrong("mask", "a rule on facts needs attrs: which facts it looks at, such as attrs: [modbus.revision]")
		}
	}
	return nil
}

func isSeverity(s ot.Severity) bool {
	return slices.Contains([]ot.Severity{ot.Critical, ot.High, ot.Medium, ot.Low, ot.Info}, s)
}

func (m *Mask) check() error {
	for _, c := range m.Classes {
		if ot.ParseClass(c) == 0 {
			return wrong("mask", "no class is called %q; use %s", c, strings.Join(ot.ClassNames[:], ", "))
		}
	}
	for _, f := range slices.Concat(m.Flags, m.Without) {
		if Flag(f) == 0 {
			return wrong("mask", "no flag is called %q; use refused, midstream, inner, forced, clear_text", f)
		}
	}
	if m.Dir != "" && m.Dir != "request" && m.Dir != "response" {
		return wrong("mask", "dir %q is neither request nor response", m.Dir)
	}
	if len(m.Classes)+len(m.Kinds)+len(m.Codes)+len(m.Flags) == 0 {
		return wrong("mask", "it lets every message through; name classes, kinds, codes or flags")
	}
	for kind := range m.Codes {
		if !strings.Contains(kind, ".") {
			return wrong("mask", "codes: %q must be protocol.kind", kind)
		}
	}
	for _, kind := range m.Kinds {
		if !strings.Contains(kind, ".") {
			return wrong("mask", "kinds: %q must be protocol.kind", kind)
		}
	}
	return nil
}

// Flag returns the message flag of that name, or 0.
func Flag(name string) ot.Flags {
	switch name {
	case "refused":
		return ot.Refused
	case "midstream":
		return ot.Midstream
	case "inner":
		return ot.Inner
	case "forced":
		return ot.Forced
	case "clear_text":
		return ot.ClearText
	}
	return 0
}
