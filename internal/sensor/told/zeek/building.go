package zeek

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// bacnet reads bacnet.log.
func bacnet(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "bacnet", "udp")
	if !ok {
		return
	}
	defer z.heard(r, c, at)
	service := r.get("pdu_service")
	m := told.Message{Dir: ot.Request}
	kind := "confirmed-service"
	switch strings.ToUpper(r.get("pdu_type")) {
	case "CONFIRMED_REQUEST", "CONFIRMED-REQUEST":
	case "UNCONFIRMED_REQUEST", "UNCONFIRMED-REQUEST":
		kind = "unconfirmed-service"
		if w := plainWord(service); w == "iam" || w == "ihave" {
			m.Dir = ot.Response
		}
	case "SIMPLE_ACK", "COMPLEX_ACK", "SIMPLE-ACK", "COMPLEX-ACK":
		m.Dir = ot.Response
	case "ERROR":
		m.Dir, m.Refused = ot.Response, true
	case "NPDU":
		kind, m.Dir = "network", ot.DirNone
	default: // rejects, aborts and parts: no service is named
		return
	}
	if service == "" {
		return
	}
	c.Message(z.coded("bacnet", kind, "-", service, m))
}

func bacnetDiscovery(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "bacnet", "udp")
	if !ok {
		return
	}
	from := sender(r, c)
	switch plainWord(r.get("pdu_service")) {
	case "iam":
		z.t.Fact(from, "bacnet.device_id", r.get("instance_number", "device_id_number"), "bacnet", from)
		z.t.Fact(from, "bacnet.vendor", r.get("vendor"), "bacnet", from)
	case "ihave":
		z.t.Fact(from, "bacnet.device_id", r.get("device_id_number"), "bacnet", from)
	}
}

func plainWord(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// bacnetProperty reads what devices say of themselves when their properties are read.
// The messages stand in bacnet.log.
func bacnetProperty(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "bacnet", "udp")
	if !ok || plainWord(r.get("pdu_service")) != "readpropertyack" || plainWord(r.get("object_type")) != "device" || r.get("array_index") == "0" {
		return
	}
	property := strings.ReplaceAll(strings.ToLower(r.get("property")), "_", "-")
	from := sender(r, c)
	attr := ot.Attr("bacnet." + property)
	switch property {
	case "object-name":
		attr = "bacnet.object_name"
	case "vendor-name", "vendor-identifier", "model-name", "firmware-revision", "application-software-version", "serial-number", "description", "location", "profile-name":
	default:
		return
	}
	z.t.Fact(from, attr, r.get("value"), "bacnet", from)
}

// bacnetControl reads restarts and silencings; that a password went with them is
// told, the password is not.
func bacnetControl(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "bacnet", "udp")
	if !ok {
		return
	}
	if r.get("password") != "" && !strings.EqualFold(r.get("password"), "N/A") {
		z.t.Fact(c.Server(), "credential.cleartext", "bacnet password", "bacnet", c.Client())
	}
	m := z.coded("bacnet", "confirmed-service", "-", r.get("pdu_service"), told.Message{Dir: ot.Request, Also: true, Object: r.get("device_state")})
	c.Message(m)
}
