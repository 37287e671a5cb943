package app

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// alert is one rule's hits on what the rule calls one thing.
type alert struct {
	rule           *rule.Rule
	severity       ot.Severity
	client, server ot.Host
	protocol       string
	class          string // of the message that was met; empty: it was more than one
	packet, count  uint64
	first, last    int64
}

// alerts are what the rules found in the capture, judged once.
func (r *report) alerts() []alert {
	r.once.Do(func() { r.found = r.judge() })
	return r.found
}

// judge goes through the capture with all rules that need no more than it, and puts the hits
// of one thing together, most urgent first.
func (r *report) judge() []alert {
	classes := map[uint64]string{} // by packet
	for i := range r.sum.Events {
		classes[r.sum.Events[i].Ref.Number] = r.sum.Events[i].Class
	}
	at := map[string]int{}
	var out []alert
	look := detect.NewJudge(r.in.rules, r.in.protocols).Begin(detect.Seen{Delivery: sensor.Delivery{Source: r.file}, Sum: r.sum})
	err := look.Judge(detect.Around{}, func(h *rule.Hit, _ detect.TalkKey) {
		if h.Severity == rule.Silent {
			return
		}
		found := r.in.rules.Lookup(h.Rule)
		k := detect.KeyOf(found, h)
		n, have := at[k]
		if !have {
			n = len(out)
			at[k] = n
			a := alert{rule: found, severity: found.Severity, client: sideOf(h.Client), server: sideOf(h.Server), protocol: h.Protocol, first: h.First}
			if len(h.Packets) > 0 {
				a.packet = h.Packets[0].Number
				a.class = classes[a.packet]
			}
			if h.Severity != "" {
				a.severity = h.Severity
			}
			out = append(out, a)
		}
		out[n].count += h.Count
		out[n].last = max(out[n].last, h.Last)
	})
	if err != nil {
		r.in.log.Warn("a condition of a detection failed", "error", err)
	}
	order := []ot.Severity{ot.Critical, ot.High, ot.Medium, ot.Low, ot.Info}
	slices.SortStableFunc(out, func(x, y alert) int {
		return cmp.Or(cmp.Compare(slices.Index(order, x.severity), slices.Index(order, y.severity)), cmp.Compare(x.packet, y.packet))
	})
	return out
}

func sideOf(e rule.End) (h ot.Host) {
	h.IP, _ = netip.ParseAddr(e.IP)
	_ = h.MAC.UnmarshalText([]byte(e.MAC)) // it was written by the same type
	return h
}
