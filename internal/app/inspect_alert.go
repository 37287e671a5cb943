package app

import (
	"cmp"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// alert is one rule's hits on what the rule calls one thing.
type alert struct {
	rule           *rule.Rule
	client, server ot.Host
	protocol       string
	class          string
	packet, count  uint64
	first, last    int64
}

// alertKey is what makes two hits one alert.
type alertKey struct {
	rule           string
	client, server ot.Host
	protocol       string
	code, unit     uint32
}

// add puts one of the rule's group fields into the key.
func (k *alertKey) add(field string, e *sensor.Event) {
	switch field {
	case "client":
		k.client = e.Flow.Client
	case "server":
		k.server = e.Flow.Server
	case "protocol":
		k.protocol = e.Protocol
	case "code":
		k.code = e.Code
	case "unit":
		k.unit = e.Unit
	}
}

// alerts groups the rule hits, most urgent first.
func (r *report) alerts() []alert {
	at := map[alertKey]int{}
	var out []alert
	for i := range r.sum.Events {
		e := &r.sum.Events[i]
		for _, id := range e.Rules {
			found := r.in.rules.Lookup(id)
			k := alertKey{rule: id}
			for _, g := range found.Group {
				k.add(g, e)
			}
			n, have := at[k]
			if !have {
				n = len(out)
				at[k] = n
				out = append(out, alert{
					rule: found, client: e.Flow.Client, server: e.Flow.Server, protocol: e.Protocol, class: e.Class,
					packet: e.Ref.Number, first: e.Ref.Seen,
				})
			}
			out[n].count += 1 + e.Repeats
			out[n].last = max(out[n].last, e.Ref.Seen)
		}
	}
	order := []ot.Severity{ot.Critical, ot.High, ot.Medium, ot.Low, ot.Info}
	slices.SortStableFunc(out, func(x, y alert) int {
		return cmp.Or(cmp.Compare(slices.Index(order, x.rule.Severity), slices.Index(order, y.rule.Severity)), cmp.Compare(x.packet, y.packet))
	})
	return out
}
