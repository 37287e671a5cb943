package comply

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// The questions of "could we have seen it?".
const (
	AskProgram  = "program"
	AskMode     = "mode"
	AskWrite    = "write"
	AskFirmware = "firmware"
)

func sightQuestions() []string { return []string{AskProgram, AskMode, AskWrite, AskFirmware} }

func classAsked(question string) ot.Class {
	switch question {
	case AskProgram:
		return ot.ProgramDownload
	case AskMode:
		return ot.Control
	case AskFirmware:
		return ot.Firmware
	}
	return ot.Write
}

// The answers, worst first.
const (
	SightUnknown = "unknown" // nobody listens at the site
	SightNo      = "no"
	SightPartly  = "partly"
	SightYes     = "yes"
)

func sightRank(answer string) int64 {
	return int64(slices.Index([]string{SightUnknown, SightNo, SightPartly, SightYes}, answer)) - 1
}

// SightReason is why an answer is not yes. Code is for a catalogue of texts, Detail
// fills it, Text is the sentence in English.
type SightReason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Text   string `json:"text"`
}

// SightAnswer answers one question of one asset.
type SightAnswer struct {
	Question string        `json:"question" enum:"program,mode,write,firmware"`
	Answer   string        `json:"answer" enum:"yes,partly,no,unknown"`
	Reasons  []SightReason `json:"reasons" nullable:"false"`
}

// controller is an entry of catalog/controllers: how a family is programmed.
type controller struct {
	Match     string   `yaml:"match"`
	Title     string   `yaml:"title"`
	Protocols []string `yaml:"protocols"`
	Encrypted string   `yaml:"encrypted"` // since when, or where
	Local     []string `yaml:"local"`     // ports past any sensor

	form *regexp.Regexp
}

// readControllers reads them strictly.
func readControllers(files fs.FS) ([]controller, error) {
	const name = "controllers/controllers.yaml"
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read how controllers are programmed: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var out []controller
	if err := dec.Decode(&out); err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: %w", name, err)
	}
	for i := range out {
		c := &out[i]
		if c.form, err = regexp.Compile("(?i)" + c.Match); err != nil || c.Match == "" || c.Title == "" {
			return nil, ot.Errorf(ot.Invalid, "%s: entry %d (%s) needs a title and a pattern that compiles: %w", name, i+1, c.Title, err)
		}
	}
	return out, nil
}

// ProtocolClasses says what the running sensor recognises in a protocol; false: it does not read it.
type ProtocolClasses func(protocol string) (ot.Class, bool)

// sightAsset is what the answers of one asset are judged from.
type sightAsset struct {
	watched   bool    // the site has a live sensor
	zoned     bool    // it is in a zone
	share     float64 // of the last week in which its zone (or the site's sensors) listened; 0: never
	heard     bool    // live, in the last week
	told      bool    // another sensor's flow records name it, in the last week
	toIt      int64   // conversations in which something was heard that was sent to it
	fromIt    int64   // … that it sent
	readable  []string
	encrypted []string
	unread    []string // ports of answered conversations that nobody recognised
	family    *controller
}

// hides says that a protocol's content cannot be read by anybody on the wire.
func hides(protocol string) bool {
	switch protocol {
	case "tls", "https", "ssh", "quic", "dtls", "wireguard", "openvpn", "ipsec", "esp":
		return true
	}
	return false
}

// answers judges the four questions.
func (a *sightAsset) answers(reads ProtocolClasses) []SightAnswer {
	out := make([]SightAnswer, 0, 4)
	for _, q := range sightQuestions() {
		j := &sightJudge{a: a, out: SightAnswer{Question: q, Answer: SightYes, Reasons: []SightReason{}}}
		if j.listening() {
			j.content(reads)
			j.past()
		}
		out = append(out, j.out)
	}
	return out
}

type sightJudge struct {
	a   *sightAsset
	out SightAnswer
}

// worse lowers the answer and says why.
func (j *sightJudge) worse(answer, code, detail, text string) {
	if sightRank(answer) < sightRank(j.out.Answer) {
		j.out.Answer = answer
	}
	j.out.Reasons = append(j.out.Reasons, SightReason{Code: code, Detail: detail, Text: text})
}

// listening judges whether its packets reach a sensor at all; false: no more to say.
func (j *sightJudge) listening() bool {
	a := j.a
	switch {
	case !a.watched:
		j.worse(SightUnknown, "no_sensor", "", "No live sensor listens at this site.")
		return false
	case !a.heard && a.share <= 0:
		j.worse(SightNo, "zone_blind", "", "No live sensor heard its zone in the last 7 days.")
		return false
	case !a.heard:
		j.worse(SightNo, "device_blind", "", "Its zone is listened to, but the device itself was not heard in the last 7 days: its switch may not be mirrored.")
		return false
	case a.toIt+a.fromIt == 0 && a.told:
		j.worse(SightNo, "told", "", "Only another sensor's flow records name it (NetFlow, IPFIX, sFlow): they say who spoke with whom, not what was said.")
		return false
	case a.toIt+a.fromIt == 0:
		j.worse(SightNo, "switch_blind", "", "Only what it sends to everybody is heard, no conversation of its own: its switch is not mirrored.")
		return false
	case a.toIt == 0:
		j.worse(SightNo, "one_sided_out", "", "Only its answers are heard, never what is sent to it: the mirror port shows one direction.")
		return false
	case a.fromIt == 0:
		j.worse(SightPartly, "one_sided_in", "", "What is sent to it is heard, its answers are not: whether it did what it was told stays open.")
	}
	if a.share < .99 {
		percent := strconv.Itoa(int(a.share * 100))
		j.worse(SightPartly, "outage", percent, "The sensors listened to "+percent+" % of the last 7 days; what happened in the rest was not seen.")
	}
	return true
}

// content judges whether such a message would be understood.
func (j *sightJudge) content(reads ProtocolClasses) {
	a, class := j.a, classAsked(j.out.Question)
	does := func(names []string) bool {
		return slices.ContainsFunc(names, func(p string) bool { c, ok := reads(p); return ok && c&class != 0 })
	}
	// What is known of a family outweighs what it was heard to speak: a controller that
	// serves Modbus is not programmed by it, whatever Modbus may have a code for.
	switch {
	case does(a.readable) && (a.family == nil || j.out.Question == AskWrite): // heard, and understood when it comes
	case a.family != nil && does(a.family.Protocols):
	case a.family != nil && len(a.family.Protocols) > 0:
		names := strings.Join(a.family.Protocols, ", ")
		j.worse(SightNo, "not_read", a.family.Title+": "+names, a.family.Title+" takes this over "+names+", in which this release does not recognise it.")
	case a.family != nil:
		j.worse(SightNo, "encrypted", a.family.Title, a.family.Title+" takes this encrypted only.")
	default:
		j.worse(SightNo, "model_unknown", "", "Its model is not known, and in no protocol that was heard would this be recognised.")
	}
	if f := a.family; f != nil && f.Encrypted != "" && len(f.Protocols) > 0 && j.out.Question != AskWrite {
		j.worse(SightPartly, "may_encrypt", f.Title+": "+f.Encrypted, f.Title+" can hide it: "+f.Encrypted+".")
	}
	if len(a.encrypted) > 0 {
		names := strings.Join(a.encrypted, ", ")
		j.worse(SightPartly, "encrypted_heard", names, "It is spoken to in "+names+", whose content nobody on the wire can read.")
	}
	if len(a.unread) > 0 {
		ports := strings.Join(a.unread, ", ")
		j.worse(SightPartly, "unread", ports, "It answers on "+ports+" in protocols that are not recognised.")
	}
}

// past judges what goes past any sensor.
func (j *sightJudge) past() {
	if j.out.Question == AskWrite || j.a.family == nil || len(j.a.family.Local) == 0 {
		return
	}
	ports := strings.Join(j.a.family.Local, ", ")
	j.worse(SightPartly, "local", ports, "It can be done at the device itself, past any sensor: "+ports+".")
}
