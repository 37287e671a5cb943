package sensor

import "fmt"

// walker takes packets apart, with what they carry through tunnels, and gives each frame to
// its lane. Where several goroutines decode, each walks all packets and minds its own
// lanes: to look at a header twice costs less than to hand each packet over.
type walker struct {
	lanes  [lanes]*lane // nil: another walker's
	frame  frame
	inner  [maxTunnels]Packet
	joint  joint
	health Health // of frames that no lane sees
}

func newWalker(all []*lane, mine func(int) bool) walker {
	w := walker{joint: newJoint(), health: Health{BudgetHit: map[string]uint64{}}}
	for i, l := range all {
		if mine(i) {
			w.lanes[i] = l
		}
	}
	return w
}

// take decodes a packet. It returns the innermost packet and the lane that saw it.
func (w *walker) take(p *Packet, m *mirror) (*Packet, *lane) {
	for q, depth := p, 0; ; depth++ {
		l := w.lane(q)
		in := w.within(q, depth) // before the lane puts fragments together
		if l != nil {
			l.packet(q.Iface)
		}
		if m != nil && depth == 0 {
			m.see(p, &w.frame)
		}
		if in == nil {
			return q, l
		}
		q = in
	}
}

// lane decodes a frame and says whose it is; nil when nobody's.
func (w *walker) lane(p *Packet) *lane {
	switch w.frame.decode(p) {
	case good:
		return w.lanes[laneOf(&w.frame)]
	case bad:
		w.health.Malformed++
	case foreign:
		w.health.BudgetHit[fmt.Sprintf("link type %d is not read", p.Link)]++
	}
	return nil
}

// within is the packet that a decoded one carries through a tunnel, nil without one.
func (w *walker) within(p *Packet, depth int) *Packet {
	f := &w.frame
	if f.fragment {
		if f = w.joint.whole(f); f == nil {
			return nil
		}
	}
	if len(f.inner) == 0 {
		return nil
	}
	if depth >= maxTunnels {
		w.health.BudgetHit["tunnels in tunnels"]++
		return nil
	}
	in := &w.inner[depth]
	f.unwrap(p, in)
	in.joined = in.joined || f == &w.joint.frame
	return in
}

// tell adds what it counted, and begins anew.
func (w *walker) tell(h *Health) {
	h.Malformed += w.health.Malformed
	for k, n := range w.health.BudgetHit {
		if h.BudgetHit == nil {
			h.BudgetHit = map[string]uint64{}
		}
		h.BudgetHit[k] += n
	}
	w.health = Health{BudgetHit: map[string]uint64{}}
}
