package zeek

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// s7comm reads s7comm.log. rosctr 1 asks, 2 and 3 answer, 7 is user data, whose
// function says in its upper half which of both it is.
func s7comm(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "s7comm", "tcp")
	if !ok {
		return
	}
	defer z.heard(r, c, at)
	function, known := hexadecimal(r.get("function_code"))
	if !known {
		return
	}
	m := told.Message{Protocol: "s7comm", Kind: "function", Code: function}
	sub, detailed := hexadecimal(r.get("subfunction_code"))
	switch r.get("rosctr_code") {
	case "1":
		m.Dir = ot.Request
	case "2", "3":
		m.Dir = ot.Response
		m.Refused = refusedS7(r)
	case "7":
		m.Kind, m.Code = "userdata", (function&0xf)<<8
		if detailed {
			m.Code |= sub & 0xff
		}
		switch function >> 4 {
		case 4:
			m.Dir = ot.Request
		case 8:
			m.Dir, m.Refused = ot.Response, refusedS7(r)
		}
	default:
		return
	}
	c.Message(m)
	if service := r.get("subfunction_code"); function == 0x28 && m.Kind == "function" && service != "" {
		m.Kind, m.Code, m.Text, m.Also = "pi-service", 0, service, true
		c.Message(m)
	}
}

func refusedS7(r *row) bool {
	if e := r.get("error_class"); e != "" && !strings.EqualFold(e, "No error") {
		return true
	}
	e, ok := hexadecimal(r.get("error_code"))
	return ok && e != 0
}

func s7commPlus(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "s7comm-plus", "tcp")
	if !ok {
		return
	}
	opcode, _ := hexadecimal(r.get("opcode"))
	m := told.Message{Protocol: "s7comm-plus", Kind: "function"}
	switch opcode {
	case 0x31:
		m.Dir = ot.Request
	case 0x32, 0x33:
		m.Dir = ot.Response
	}
	if function, known := hexadecimal(r.get("function_code")); known && opcode != 0x33 && m.Dir != ot.DirNone {
		m.Code = function
	} else {
		m.Kind, m.Code = "opcode", opcode
	}
	c.Message(m)
	z.heard(r, c, at)
}

// s7commDevice reads what a controller answered to the question who it is.
func s7commDevice(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "s7comm", "tcp")
	if !ok {
		return
	}
	about := c.Server()
	for _, x := range [...]struct {
		attr ot.Attr
		said string
	}{
		{"s7comm.plc_name", "automation_system_name"},
		{"s7comm.module_name", "module_name"},
		{"s7comm.plant_name", "plant_name"},
		{"s7comm.serial", "module_serial"},
	} {
		z.t.Fact(about, x.attr, r.get(x.said), "s7comm", about)
	}
	z.t.Host(about, 0, 0, at, at, 0, 0)
}

// s7commList reads which lists of the system were read; the messages stand in s7comm.log.
func s7commList(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "s7comm", "tcp")
	if !ok {
		return
	}
	id, known := hexadecimal(r.get("szl_id"))
	if !known {
		return
	}
	dir := ot.Request
	if strings.EqualFold(r.get("method"), "response") {
		dir = ot.Response
	}
	c.Message(told.Message{Protocol: "s7comm", Kind: "szl", Code: id, Dir: dir, Also: true})
}

// profinet reads profinet_io_cm.log.
func profinet(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "profinet-io", "udp")
	if !ok {
		return
	}
	m := z.coded("profinet-io", "operation", "-", r.get("operation_num"), told.Message{Dir: dirOf(r, c)})
	switch r.get("packet_type") {
	case "Request":
		m.Dir = ot.Request
	case "Response":
		m.Dir = ot.Response
	case "Fault", "Reject":
		m.Dir, m.Refused = ot.Response, true
	default:
		return // acknowledgements and pings carry no operation
	}
	c.Message(m)
	z.heard(r, c, at)
}
