package listen

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Sentence is one thing that the mirror port's traffic says of the port, and what to do.
type Sentence struct {
	ID     string            `json:"id" enum:"silent_dead,no_summary,no_traffic,broadcast_only,one_direction,duplicates,truncated,too_long,damaged,merged,vlans,tag_one_way,dropped,sent,not_silent,filter,early,good" doc:"Names the sentence in the interface's texts"`
	Weight string            `json:"weight" enum:"alarm,mend,note,good"`
	Text   string            `json:"text" say:"true"`
	Do     string            `json:"do" doc:"What to do; empty: nothing"`
	Values map[string]string `json:"values" nullable:"false" doc:"What stands in the text"`
}

const (
	alarm = "alarm"
	mend  = "mend"
	note  = "note"
	good  = "good"

	enoughTCP     = 4 // conversations before a share of them means something
	enoughPackets = 50
	enoughSeconds = 60
	deadAfter     = time.Minute
)

func percent(part, whole float64) float64 { return math.Round(100 * part / max(whole, 1)) }

// Sentences says how a mirror port does, the gravest first. It is never empty.
func (h *Heard) Sentences(received, now time.Time) []Sentence {
	var out []Sentence
	say := func(id, weight, text, do string, values ...string) {
		s := Sentence{ID: id, Weight: weight, Do: do, Values: map[string]string{}}
		for i := 0; i+1 < len(values); i += 2 {
			v := ot.Printable(values[i+1])
			s.Values[values[i]] = v
			text = strings.ReplaceAll(text, "{{"+values[i]+"}}", v)
			s.Do = strings.ReplaceAll(s.Do, "{{"+values[i]+"}}", v)
		}
		s.Text = text
		out = append(out, s)
	}
	number := func(f float64) string { return fmt.Sprintf("%.0f", f) }
	name := "this interface"
	if h.Port != nil && h.Port.Name != "" {
		name = h.Port.Name
	}
	w := &h.Window
	if h.Transmitted > 0 {
		say("sent", alarm, "{{iface}} has sent {{count}} frames: a sensor must say nothing on the plant's network.",
			"Unplug it or take its address and services away, then find out what spoke (tcpdump -i {{iface}} -Q out).", "iface", name, "count", number(float64(h.Transmitted)))
	}
	switch age := now.Sub(received); {
	case h.Cut != "":
		say("silent_dead", alarm, "Nothing is heard: {{why}}", "", "why", h.Cut)
		return out
	case !received.IsZero() && age > deadAfter:
		say("no_summary", alarm, "Nothing has come from this sensor for {{minutes}} minutes.", "See whether its machine runs and reaches this server.", "minutes", number(age.Minutes()))
		return out
	}
	if h.Port != nil && !h.Port.Silent {
		for _, why := range h.Port.Warnings {
			say("not_silent", mend, "{{why}}", "", "why", why)
		}
	}
	switch {
	case w.Packets < 1 && h.Seconds < enoughSeconds:
		say("early", note, "Listening since {{seconds}} seconds; wait a minute before you judge the port.", "", "seconds", number(h.Seconds))
		return out
	case w.Packets < 1:
		say("no_traffic", mend, "No packet came for minutes, though the cable has a link.",
			"Check that this is the switch's mirror port, that the mirror session is on, and that it names the right source ports or VLANs.")
		return out
	}
	if h.Port != nil && h.Port.Filter != "" {
		say("filter", note, "Only packets that pass the filter are heard: {{filter}}", "", "filter", h.Port.Filter)
	}
	if w.Unicast+w.Group > enoughPackets && w.Unicast < .02*(w.Unicast+w.Group) {
		say("broadcast_only", mend, "{{percent}} % of the frames are for everybody: this is what any port of a switch gets, not a mirror.",
			"The mirror session is not configured, or this cable is in another port than its destination.", "percent", number(percent(w.Group, w.Unicast+w.Group)))
	}
	if w.TCP >= enoughTCP && w.OneSided > .2*w.TCP {
		say("one_direction", mend, "Your mirror shows one direction only: of {{percent}} % of the TCP conversations just one side is heard.",
			"Mirror received and sent traffic (both, rx and tx) of the source ports; with two cables of a tap, listen to both.", "percent", number(percent(w.OneSided, w.TCP)))
	}
	if w.Packets > enoughPackets && w.Duplicates > .05*w.Packets {
		say("duplicates", mend, "{{percent}} % of the frames come twice: both ends of a connection are mirrored.",
			"Mirror the port to the controller or the uplink, not both, or received traffic only (rx) of every port.", "percent", number(percent(w.Duplicates, w.Packets)))
	}
	if w.Short >= 1 && w.Short > .001*w.Packets {
		say("truncated", mend, "Frames are cut short before they reach us ({{count}} in the last minutes): payload is missing.",
			"Switch truncation off in the mirror session (also in an RSPAN or ERSPAN session).", "count", number(w.Short))
	}
	if w.TooLong >= 1 {
		mtu := "1500"
		if h.Port != nil && h.Port.MTU > 0 {
			mtu = fmt.Sprint(h.Port.MTU)
		}
		say("too_long", mend, "{{count}} frames were longer than the port's MTU of {{mtu}} and were dropped by the card.",
			"Give it room for tags and large frames: ip link set {{iface}} mtu 9000", "count", number(w.TooLong), "mtu", mtu, "iface", name)
	}
	if w.Damaged >= 1 {
		say("damaged", mend, "{{count}} frames came damaged: the cable, the socket or the fibre is bad.", "Change the cable, then the port.", "count", number(w.Damaged))
	}
	if w.Dropped >= 1 {
		say("dropped", mend, "{{percent}} % of the packets were lost before we could look at them ({{count}}).",
			"Narrow the filter, mirror fewer ports, or give the machine another core.", "percent", fmt.Sprintf("%.2g", 100*w.Dropped/(w.Packets+w.Dropped)), "count", number(w.Dropped))
	}
	if w.Packets > enoughPackets && w.Retagged > .02*w.Packets {
		say("tag_one_way", mend, "{{percent}} % of the frames have another VLAN tag than the rest of their conversation: tags are lost in one direction.",
			"Let the mirror session keep the tags (encapsulation replicate, or tagged), or mirror one direction of a trunk only.", "percent", number(percent(w.Retagged, w.Packets)))
	}
	if h.Port != nil && len(h.Port.Offloads) > 0 && w.Large >= 1 {
		say("merged", note, "The card puts frames together before they are heard ({{what}}): counts of packets are too low.",
			"ethtool -K {{iface}} gro off lro off", "what", strings.Join(h.Port.Offloads, ", "), "iface", name)
	}
	bad := false
	for _, s := range out {
		bad = bad || s.Weight == mend || s.Weight == alarm
	}
	if len(h.VLANs) > 0 {
		var list []string
		for _, v := range h.VLANs[:min(len(h.VLANs), 12)] {
			list = append(list, fmt.Sprint(v))
		}
		if len(h.VLANs) > 12 {
			list = append(list, "…")
		}
		say("vlans", note, "VLAN tags are seen: {{list}}.", "", "list", strings.Join(list, ", "))
	}
	if !bad {
		if h.Seconds < enoughSeconds || w.Packets < enoughPackets {
			say("early", note, "Listening since {{seconds}} seconds; wait a minute before you judge the port.", "", "seconds", number(h.Seconds))
		} else {
			say("good", good, "The mirror shows both directions, each frame once, and nothing is lost.", "")
		}
	}
	return out
}
