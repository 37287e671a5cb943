package baseline

import (
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// endOf is an address as alerts name it.
func endOf(address string) rule.End {
	if _, err := netip.ParseAddr(address); err == nil {
		return rule.End{IP: address}
	}
	return rule.End{MAC: address}
}

// hitOf makes the hit of one departure, with the packet that its conversation begins with.
func hitOf(t *talk, h *heard, n news) rule.Hit {
	f := h.flow
	hit := rule.Hit{
		Rule: n.rule, SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, RealmNo: t.RealmNo, Client: endOf(t.Client), Server: endOf(t.Server), Transport: t.Transport, Port: uint16(t.Port), Protocol: t.Protocol,
		First: f.First, Last: f.Last, Count: 1, Live: h.live, Packets: []ot.PacketRef{f.FirstRef}, Proof: f.Proof,
	}
	if n.rule == RuleDevice && n.now == t.Server { // the stranger is the one that is meant
		hit.Client, hit.Server = hit.Server, hit.Client
	}
	say := func(name, value string) {
		if value != "" {
			hit.Facts = append(hit.Facts, rule.Say{Name: name, Value: ot.Printable(value)})
		}
	}
	if x := n.fn; x != nil {
		hit.Protocol = x.Protocol
		say("function", x.called())
		switch n.rule {
		case RuleFunction: // a download is four functions and one thing
			hit.Group = []string{t.Client, t.Server, x.Protocol, x.Class}
		case RuleDenied:
			hit.Group = []string{t.Client, t.Server, x.Protocol, number(x.Code)}
		}
		if n.rule == RuleRange {
			hit.Group = []string{t.Client, t.Server, x.Protocol, number(x.Unit)}
		}
	}
	if n.rule == RuleRange || n.rule == RuleRate {
		say("was", n.was)
		say("now", n.now)
	}
	say("state", t.State)
	return hit
}
