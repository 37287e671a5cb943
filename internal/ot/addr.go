package ot

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// MAC is a hardware address. The zero value means "none known".
type MAC [6]byte

func (m MAC) String() string {
	if m == (MAC{}) {
		return ""
	}
	b := make([]byte, 0, 17)
	for i, x := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, []byte{x})
	}
	return string(b)
}

// Group says whether the address is a multicast or broadcast address, which no host owns.
func (m MAC) Group() bool { return m[0]&1 == 1 }

// Local says whether the address was given by software rather than by a manufacturer.
func (m MAC) Local() bool { return m[0]&2 == 2 }

// OUI returns the manufacturer's prefix.
func (m MAC) OUI() [3]byte { return [3]byte{m[0], m[1], m[2]} }

// MarshalText writes the usual colon form, empty for none.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the usual forms, empty for none.
func (m *MAC) UnmarshalText(b []byte) error {
	*m = MAC{}
	if len(b) == 0 {
		return nil
	}
	hw, err := net.ParseMAC(strings.TrimSpace(string(b)))
	if err != nil || len(hw) != len(m) {
		return fmt.Errorf("%q is not a MAC address", b)
	}
	copy(m[:], hw)
	return nil
}

// Endpoint is one side of a conversation above the link layer. Port 0 means "any" or "none".
type Endpoint struct {
	IP   netip.Addr `json:"ip,omitzero"`
	Port uint16     `json:"port,omitzero"`
}

// Host names who is on the wire, as far as a sensor can tell. MAC or IP may be
// missing. Module is a path inside the device ("slot 3", "unit 17"), for what
// speaks through another device's address.
type Host struct {
	Realm  string     `json:"realm,omitempty"` // empty: the site's default realm
	MAC    MAC        `json:"mac,omitzero"`
	IP     netip.Addr `json:"ip,omitzero"`
	Module string     `json:"module,omitempty"`
}
