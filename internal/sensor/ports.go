package sensor

import "github.com/skanse/skanse/internal/dissect"

// Ports knows which protocols usually have which port: all that is known of a
// conversation whose content nobody showed.
type Ports struct{ h *hints }

// NewPorts reads them from the dissectors.
func NewPorts(set *dissect.Set) *Ports { return &Ports{newHints(set)} }

// Guess names the protocol that usually has a port; "": none is known.
func (p *Ports) Guess(transport string, port uint16) string {
	return p.h.guess(protoOf(transport), port)
}

// Client says whether the side with port a looks like the client, and why, of a
// conversation whose first record was sent by that side.
func (p *Ports) Client(transport string, a, b uint16) (bool, ClientBy) {
	server, by := p.h.server(&flowKey{proto: protoOf(transport), ap: a, bp: b}, 0)
	return server == 1, by.word()
}

func protoOf(transport string) uint8 {
	switch transport {
	case "tcp":
		return ipTCP
	case "udp":
		return ipUDP
	}
	return 0
}
