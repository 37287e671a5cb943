// Package eve reads Suricata's EVE log (JSON lines) and tells what it says: flows with
// their counters, what the protocols' records name, and Suricata's own alerts as a fact
// (suricata.alert), which a rule of ours makes an alert.
package eve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// record is what is read of a line; the rest of it is passed over.
type record struct {
	Timestamp string          `json:"timestamp"`
	Type      string          `json:"event_type"`
	SrcIP     string          `json:"src_ip"`
	SrcPort   uint16          `json:"src_port"`
	DstIP     string          `json:"dest_ip"`
	DstPort   uint16          `json:"dest_port"`
	Proto     string          `json:"proto"`
	App       string          `json:"app_proto"`
	VLAN      []uint16        `json:"vlan"`
	Ether     *ether          `json:"ether"`
	Flow      *flow           `json:"flow"`
	TCP       *tcp            `json:"tcp"`
	Netflow   *netflow        `json:"netflow"`
	HTTP      *http           `json:"http"`
	TLS       *tls            `json:"tls"`
	DNS       *dns            `json:"dns"`
	SSH       *ssh            `json:"ssh"`
	DHCP      *dhcp           `json:"dhcp"`
	FTP       *ftp            `json:"ftp"`
	Modbus    *modbus         `json:"modbus"`
	DNP3      *dnp3           `json:"dnp3"`
	ENIP      *enip           `json:"enip"`
	SNMP      *snmp           `json:"snmp"`
	MQTT      json.RawMessage `json:"mqtt"`
	RDP       *rdp            `json:"rdp"`
	RFB       *rfb            `json:"rfb"`
	TFTP      *tftp           `json:"tftp"`
	KRB5      *krb5           `json:"krb5"`
	SMB       *smb            `json:"smb"`
	Alert     *alert          `json:"alert"`

	src, dst netip.Addr
	at       int64
}

// Is says whether a log begins as EVE does.
func Is(head []byte) bool {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if line[0] != '{' {
			return false
		}
		var r struct {
			Timestamp string `json:"timestamp"`
			Type      string `json:"event_type"`
		}
		if json.Unmarshal(line, &r) != nil {
			return false
		}
		_, ok := moment(r.Timestamp)
		return ok && r.Type != ""
	}
	return false
}

// Read tells a log until it ends. name is that of the file.
func Read(ctx context.Context, l *told.Lines, name string, t *told.Teller) error {
	e := &reader{t: t}
	return l.Each(ctx, name, t, e.line)
}

type reader struct{ t *told.Teller }

// line takes one line.
func (e *reader) line(line []byte, number uint64, offset int64) error {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return errors.New("it is no whole EVE record")
	}
	if r.Type == "stats" || r.Type == "engine" {
		e.t.Record() // of Suricata itself
		return nil
	}
	var ok bool
	if r.at, ok = moment(r.Timestamp); !ok {
		return errors.New("it has no time")
	}
	r.src, r.dst = address(r.SrcIP), address(r.DstIP)
	if !r.src.IsValid() || !r.dst.IsValid() {
		return errors.New("it does not name two addresses")
	}
	e.t.At(number, r.at, offset, proof(&r, line))
	e.t.Record()
	e.take(&r)
	return nil
}

func address(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// moment reads Suricata's ISO 8601, whose zone has no colon.
func moment(s string) (int64, bool) {
	for _, form := range []string{"2006-01-02T15:04:05.999999999-0700", time.RFC3339Nano} {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1970 && t.Year() <= 2200 {
			return t.UnixNano(), true
		}
	}
	return 0, false
}

// proof is the line, but for records that hold what nobody may read or that may hold
// anything (an alert's payload, a request's path): of those only what they are.
func proof(r *record, line []byte) []byte {
	switch r.Type {
	case "flow", "netflow", "modbus", "dnp3", "enip", "tls", "dhcp", "dns", "ssh", "rdp", "tftp", "krb5", "ntp":
		return line
	}
	return []byte(fmt.Sprintf(`{"timestamp":%q,"event_type":%q,"src_ip":%q,"src_port":%d,"dest_ip":%q,"dest_port":%d}`, ot.Printable(r.Timestamp), ot.Printable(r.Type), r.src, r.SrcPort, r.dst, r.DstPort))
}

func transport(proto string) string {
	switch p := strings.ToLower(proto); p {
	case "tcp", "udp", "icmp":
		return p
	case "ipv6-icmp", "icmpv6":
		return "icmp"
	case "":
		return "ip"
	default:
		return "ip-" + ot.Printable(p)
	}
}
