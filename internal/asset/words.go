package asset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The small words of a reason.

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func peers(u *Use) string {
	if u == nil || len(u.Peers) == 0 {
		return "nobody in particular"
	}
	if u.More {
		return fmt.Sprintf("more than %d hosts", len(u.Peers))
	}
	return count(len(u.Peers), "host", "hosts")
}

func onPort(u *Use) string {
	if len(u.Ports) == 0 || u.Ports[0] == 0 {
		return ""
	}
	return fmt.Sprintf(" on %d", u.Ports[0])
}

func protocolName(p string) string {
	switch p {
	case "modbus":
		return "Modbus"
	case "s7comm":
		return "S7"
	case "s7comm-plus":
		return "S7-plus"
	case "enip":
		return "EtherNet/IP"
	case "iec104":
		return "IEC 104"
	case "bacnet":
		return "BACnet"
	case "opcua":
		return "OPC UA"
	case "melsec":
		return "MELSEC"
	case "codesys":
		return "CODESYS"
	}
	return strings.ToUpper(p)
}

func servesPort(p *profile, ports ...uint16) bool {
	for _, u := range p.traffic.Serves {
		for _, port := range ports {
			if slices.Contains(u.Ports, port) {
				return true
			}
		}
	}
	return false
}

// Ports of databases: SQL Server, Oracle, MySQL, PostgreSQL, OSIsoft PI, InfluxDB.
func isDatabase(u *Use) bool {
	for _, port := range u.Ports {
		switch port {
		case 1433, 1521, 3306, 5432, 5450, 8086:
			return true
		}
	}
	return false
}

func firstDatabase(p *profile) string {
	for _, name := range sortedNames(p.traffic.Serves) {
		if isDatabase(p.traffic.Serves[name]) {
			return name
		}
	}
	return ""
}

func servesDatabase(p *profile) bool { return firstDatabase(p) != "" }

func sortedNames(m map[string]*Use) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// onlyGuesses says whether all the protocols are known by port only.
func onlyGuesses(m map[string]*Use) bool {
	for name := range m {
		if !strings.HasSuffix(name, "?") && !strings.Contains(name, "/") {
			return false
		}
	}
	return true
}

func joinNames(m map[string]*Use) string {
	var out []string
	for _, name := range sortedNames(m) {
		if !strings.HasSuffix(name, "?") && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	if len(out) > 3 {
		return strings.Join(out[:3], ", ") + fmt.Sprintf(" and %d more", len(out)-3)
	}
	return strings.Join(out, ", ")
}
