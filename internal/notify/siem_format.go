package notify

import (
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/notify/syslog"
	"github.com/skanse/skanse/internal/ot"
)

// The formats of a syslog receiver. ECS goes without a frame of syslog: one JSON object a
// line, as collectors of the Elastic Common Schema take it.
const (
	formatRFC5424 = "rfc5424"
	formatCEF     = "cef"
	formatLEEF    = "leef"
	formatECS     = "ecs"
)

func formats() []string { return []string{formatRFC5424, formatCEF, formatLEEF, formatECS} }

// told is one event, in no format yet.
type told struct {
	id     string // inbox.open, audit …
	level  int    // 1 to 10
	at     time.Time
	text   string
	params []syslog.Param
	alert  map[string]string // of an alert: what it is about, by our names
}

// cefFields are the extension fields, by CEF's own names where it has one.
func (e told) cefFields() []syslog.Param {
	fields := []syslog.Param{{Name: "rt", Value: strconv.FormatInt(e.at.UnixMilli(), 10)}, {Name: "msg", Value: e.text}}
	for _, x := range [][2]string{
		{"client_ip", "src"},
		{"client_mac", "smac"},
		{"client_name", "shost"},
		{"server_ip", "dst"},
		{"server_mac", "dmac"},
		{"server_name", "dhost"},
		{"port", "dpt"},
		{"transport", "proto"},
		{"protocol", "app"},
		{"count", "cnt"},
		{"first", "start"},
		{"last", "end"},
		{"rule", "cat"},
	} {
		v := e.alert[x[0]]
		if (x[1] == "src" || x[1] == "dst") && net.ParseIP(v).To4() == nil { // CEF's are of version 4
			continue
		}
		if v != "" {
			fields = append(fields, syslog.Param{Name: x[1], Value: v})
		}
	}
	n := 0
	custom := func(label, v string) {
		if n++; n <= 6 && v != "" { // CEF has six fields for what it has no name for
			fields = append(fields, syslog.Param{Name: "cs" + strconv.Itoa(n) + "Label", Value: label}, syslog.Param{Name: "cs" + strconv.Itoa(n), Value: v})
		}
	}
	for _, p := range e.params {
		switch {
		case p.Value == "":
		case p.Name == "id":
			fields = append(fields, syslog.Param{Name: "externalId", Value: p.Value})
		case p.Name == "actor":
			fields = append(fields, syslog.Param{Name: "suser", Value: p.Value})
		case p.Name == "outcome":
			fields = append(fields, syslog.Param{Name: "outcome", Value: p.Value})
		default:
			custom(p.Name, p.Value)
		}
	}
	custom("technique", e.alert["technique"])
	return fields
}

// leefFields are the attributes, by LEEF's own names where it has one.
func (e told) leefFields() []syslog.Param {
	fields := []syslog.Param{
		{Name: "devTime", Value: e.at.UTC().Format("Jan 02 2006 15:04:05.000 MST")},
		{Name: "devTimeFormat", Value: "MMM dd yyyy HH:mm:ss.SSS z"},
		{Name: "sev", Value: syslog.Severity10(e.level)},
		{Name: "cat", Value: e.id},
		{Name: "msg", Value: e.text},
	}
	for _, x := range [][2]string{
		{"client_ip", "src"},
		{"client_mac", "srcMAC"},
		{"server_ip", "dst"},
		{"server_mac", "dstMAC"},
		{"port", "dstPort"},
		{"transport", "proto"},
		{"client_name", "identHostName"},
		{"server_name", "resource"},
		{"protocol", "application"},
		{"count", "eventCount"},
		{"rule", "policy"},
		{"technique", "technique"},
	} {
		fields = append(fields, syslog.Param{Name: x[1], Value: e.alert[x[0]]})
	}
	for _, p := range e.params {
		switch p.Name {
		case "actor":
			fields = append(fields, syslog.Param{Name: "usrName", Value: p.Value})
		default:
			fields = append(fields, syslog.Param{Name: "skanse" + strings.ToUpper(p.Name[:1]) + p.Name[1:], Value: p.Value})
		}
	}
	return fields
}

// ecs writes one line of the Elastic Common Schema (8.17). What it has no field for
// stands in labels, which it leaves to whoever writes.
func (e told) ecs(version, host string, most int) []byte {
	labels := map[string]string{}
	for _, p := range e.params {
		if p.Value != "" && p.Name != "actor" && p.Name != "outcome" {
			labels[p.Name] = p.Value
		}
	}
	// nested makes {"a": {"b": v}} of "a.b".
	doc := map[string]any{}
	set := func(path string, v any) {
		if s, ok := v.(string); ok && s == "" {
			return
		}
		at := doc
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	set("@timestamp", e.at.UTC().Format(time.RFC3339Nano))
	set("message", ot.Printable(e.text))
	set("ecs.version", "8.17.0")
	set("event.module", "skanse")
	set("event.dataset", "skanse."+e.id)
	set("event.severity", e.level*10)
	set("observer.vendor", "Skanse")
	set("observer.product", "Skanse")
	set("observer.version", version)
	set("observer.hostname", host)
	for _, p := range e.params {
		switch p.Name {
		case "id":
			set("event.id", p.Value)
		case "actor":
			set("user.name", p.Value)
		case "action":
			set("event.action", p.Value)
		case "site":
			set("organization.name", p.Value)
		}
	}
	kind := "event"
	if a := e.alert; len(a) > 0 {
		kind = "alert"
		set("event.category", []string{"intrusion_detection"})
		set("event.type", []string{"info"})
		for _, x := range [][2]string{
			{"rule", "rule.id"},
			{"title", "rule.name"},
			{"client_ip", "source.ip"},
			{"server_ip", "destination.ip"},
			{"transport", "network.transport"},
			{"protocol", "network.protocol"},
			{"first_at", "event.start"},
			{"last_at", "event.end"},
		} {
			set(x[1], a[x[0]])
		}
		for _, side := range [][2]string{{"client", "source"}, {"server", "destination"}} {
			if mac := a[side[0]+"_mac"]; mac != "" {
				set(side[1]+".mac", strings.ToUpper(strings.ReplaceAll(mac, ":", "-"))) // as RFC 7042 and ECS write it
			}
			if name := a[side[0]+"_name"]; name != "" {
				set(side[1]+".address", name)
			}
		}
		if port, err := strconv.Atoi(a["port"]); err == nil && port > 0 {
			set("destination.port", port)
		}
		if id := a["technique"]; id != "" {
			set("threat.framework", "MITRE ATT&CK")
			set("threat.technique.id", []string{id})
		}
		if n, err := strconv.Atoi(a["count"]); err == nil {
			set("labels.count", strconv.Itoa(n))
		}
	}
	set("event.kind", kind)
	for k, v := range labels {
		set("labels."+strings.ReplaceAll(k, ".", "_"), v)
	}
	line, err := json.Marshal(doc)
	if err == nil && len(line) > most { // a cut object is none: what is said at length goes
		delete(doc, "labels")
		set("message", short(ot.Printable(e.text), 300))
		line, err = json.Marshal(doc)
	}
	if err != nil || len(line) > most {
		return nil
	}
	return line
}

func isFormat(s string) bool { return slices.Contains(formats(), s) }
