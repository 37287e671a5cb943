package zeek

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

// opcua reads opcua_binary.log.
func opcua(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "opcua", "tcp")
	if !ok {
		return
	}
	defer z.heard(r, c, at)
	kind := strings.ToUpper(r.get("msg_type"))
	m := told.Message{Protocol: "opcua", Kind: "service", Dir: dirOf(r, c)}
	if id, known := number(r.get("identifier")); known && id < 1<<32 {
		m.Code = uint32(id)
		switch word := r.get("identifier_str"); {
		case strings.HasSuffix(word, "Request"):
			m.Dir = ot.Request
		case strings.HasSuffix(word, "Response"), strings.Contains(word, "Fault"):
			m.Dir = ot.Response
			m.Refused = strings.Contains(word, "Fault")
		}
	} else if kind != "" {
		m.Kind, m.Text = "transport", kind
		switch kind {
		case "HEL":
			m.Dir = ot.Request
		case "ACK":
			m.Dir = ot.Response
		}
	} else {
		return
	}
	c.Message(m)
}

// opcuaServer reads how a server describes itself.
func opcuaServer(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "opcua", "tcp")
	if !ok {
		return
	}
	about := c.Server()
	if strings.HasPrefix(r.path, "opcua_binary_create_session") && !strings.HasSuffix(r.path, "_endpoints") {
		about = c.Client() // who opens a session describes itself
	}
	z.t.Fact(about, "opcua.application_uri", r.get("application_uri"), "opcua", c.Server())
	z.t.Fact(about, "opcua.product_uri", r.get("product_uri"), "opcua", c.Server())
	z.t.Fact(about, "opcua.application_name", r.get("text", "application_name"), "opcua", c.Server())
}

// hart reads hart_ip_general.log.
func hart(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "hart-ip", "udp")
	if !ok {
		return
	}
	m := told.Message{Protocol: "hart-ip", Kind: "message"}
	switch r.get("header_message_type_message_type") {
	case "Request":
		m.Dir = ot.Request
	case "Response", "Error", "NAK", "Publish":
		m.Dir = ot.Response
	}
	m.Refused = r.get("header_message_type_message_type") == "NAK" || r.get("header_message_type_message_type") == "Error"
	word := r.get("header_message_id")
	switch plainWord(word) {
	case "sessioninitiate":
		m.Code = 0
	case "sessionclose":
		m.Code = 1
	case "keepalive":
		m.Code = 2
	case "tokenpassingpdu", "hartpdu":
		m.Code = 3
	case "directpdu":
		m.Code = 4
	case "readauditlog":
		m.Code = 5
	default:
		m.Text = word
	}
	c.Message(m)
	if n, known := hexadecimal(r.get("token_passing_pdu_command_number")); known {
		c.Message(told.Message{Protocol: "hart-ip", Kind: "command", Code: n, Dir: m.Dir, Also: true})
	}
	z.heard(r, c, at)
}

func hartCommand(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "hart-ip", "udp")
	if !ok {
		return
	}
	if n, known := hexadecimal(r.get("direct_pdu_command_command_number")); known {
		c.Message(told.Message{Protocol: "hart-ip", Kind: "command", Code: n, Also: true})
	}
}

// fins reads omron_fins_general.log: "Memory Area Read (0x0101)".
func fins(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "fins", "udp")
	if !ok {
		return
	}
	m := z.coded("fins", "command", r.get("command_code"), r.get("command_code"), told.Message{Dir: ot.Request})
	if strings.HasPrefix(r.get("icf_data_type"), "Response") {
		m.Dir = ot.Response
		status, known := hexadecimal(r.get("response_code"))
		m.Refused = known && status != 0
	}
	c.Message(m)
	z.heard(r, c, at)
}

func finsDetail(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "fins", "udp")
	if !ok {
		return
	}
	z.t.Fact(c.Server(), "omron.model", r.get("controller_model"), "fins", c.Server())
	z.t.Fact(c.Server(), "omron.version", r.get("controller_version"), "fins", c.Server())
	if r.get("password") != "" {
		z.t.Fact(c.Server(), "credential.cleartext", "fins program password", "fins", c.Client())
	}
}

func synchrophasorCommand(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "c37.118", "tcp")
	if !ok {
		return
	}
	word := r.get("command")
	number := "-"
	switch plainWord(word) {
	case "dataoff":
		number = "1"
	case "dataon":
		number = "2"
	case "sendhdr", "sendheader":
		number = "3"
	case "sendcfg1":
		number = "4"
	case "sendcfg2":
		number = "5"
	case "sendcfg3":
		number = "6"
	case "extendedframe":
		number = "8"
	}
	c.Message(told.Message{Protocol: "c37.118", Kind: "frame", Code: 4, Dir: ot.Request})
	also := z.coded("c37.118", "command", number, word, told.Message{Dir: ot.Request, Also: true})
	c.Message(also)
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
}

// synchrophasor reads the line that a connection ends with.
func synchrophasor(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "c37.118", "tcp")
	if !ok {
		return
	}
	if n := r.num("data_frame_count"); n > 0 {
		c.Message(told.Message{Protocol: "c37.118", Kind: "frame", Times: n, Dir: ot.Response})
		z.t.Host(c.Server(), 0, 0, at, at, 0, 0)
	}
}

// goose reads goose.log: one published message a line.
func goose(z *reader, r *row, at int64) {
	from, to := ot.Host{MAC: r.mac("src_mac")}, ot.Host{MAC: r.mac("dst_mac")}
	if from.MAC == (ot.MAC{}) || to.MAC == (ot.MAC{}) {
		return
	}
	c := z.t.Talk(told.Talk{Orig: from, Resp: to, Transport: "ether", Protocol: "goose", By: sensor.ByProtocol})
	ref := r.get("gocb_ref")
	c.Message(told.Message{Protocol: "goose", Kind: "control-block", Text: ref, Object: ref})
	z.t.Host(from, 0, 0, at, at, 0, 0)
	z.t.Fact(from, "goose.gocbref", ref, "goose", from)
	z.t.Fact(from, "goose.datset", r.get("dataset"), "goose", from)
	z.t.Fact(from, "goose.goid", r.get("go_id"), "goose", from)
}

// ethercat reads ecat_registers.log and ecat_log_address.log.
func ethercat(z *reader, r *row, at int64) {
	from, to := ot.Host{MAC: r.mac("srcmac")}, ot.Host{MAC: r.mac("dstmac")}
	if from.MAC == (ot.MAC{}) || to.MAC == (ot.MAC{}) {
		return
	}
	c := z.t.Talk(told.Talk{Orig: from, Resp: to, Transport: "ether", Protocol: "ethercat"})
	if word := r.get("Command", "command"); word != "" {
		c.Message(z.coded("ethercat", "command", "-", word, told.Message{}))
	}
	z.t.Host(from, 0, 0, at, at, 0, 0)
}

func mqtt(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "mqtt", "tcp")
	if !ok {
		return
	}
	m := told.Message{Protocol: "mqtt", Kind: "message", Dir: ot.Request}
	switch r.path {
	case "mqtt_connect":
		m.Code = 1
		z.t.Fact(c.Client(), "mqtt.client_id", r.get("client_id"), "mqtt", c.Client())
		z.t.Fact(c.Client(), "mqtt.version", r.get("proto_version"), "mqtt", c.Client())
	case "mqtt_publish":
		m.Code = 3
		if r.get("from_client") == "F" {
			m.Dir = ot.Response
		}
	case "mqtt_subscribe":
		m.Code = 8
		if strings.Contains(strings.ToUpper(r.get("action")), "UNSUB") {
			m.Code = 10
		}
	}
	c.Message(m)
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
}

// worded reads the log of a protocol that we recognise without reading it: its
// messages have the log's own words, and nothing is said of what they do.
func worded(protocol, otherwise, field, way string) take {
	return func(z *reader, r *row, at int64) {
		c, ok := z.talk(r, protocol, otherwise)
		if !ok {
			return
		}
		defer z.heard(r, c, at)
		word := r.get(field)
		if field == "" || word == "" {
			return
		}
		m := told.Message{Protocol: protocol, Kind: "message", Text: word}
		switch w := strings.ToLower(r.get(way)); {
		case strings.HasPrefix(w, "request"):
			m.Dir = ot.Request
		case strings.HasPrefix(w, "response"), strings.HasPrefix(w, "reply"):
			m.Dir = ot.Response
		}
		c.Message(m)
	}
}
