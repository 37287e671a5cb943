package zeek

import (
	"strconv"
	"strings"

	modbusdis "github.com/skanse/skanse/internal/dissect/modbus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/told"
)

// dirOf is the side that a record came from: ICSNPP says is_orig, Zeek who asked.
func dirOf(r *row, c told.Conv) ot.Dir {
	d := ot.DirNone
	switch r.get("is_orig") {
	case "T", "true":
		d = ot.Request
	case "F", "false":
		d = ot.Response
	default:
		src := r.ip("source_h")
		switch {
		case !src.IsValid():
		case src == c.Client().IP && src != c.Server().IP:
			return ot.Request
		case src == c.Server().IP && src != c.Client().IP:
			return ot.Response
		}
	}
	if c.Swapped() {
		d = d.Reverse()
	}
	return d
}

// sender is the host that a record came from.
func sender(r *row, c told.Conv) ot.Host {
	if ip := r.ip("source_h"); ip.IsValid() {
		return ot.Host{IP: ip}
	}
	if dirOf(r, c) == ot.Response {
		return c.Server()
	}
	return c.Client()
}

// heard notes that the sender of a record exists, for logs without a conn.log beside them.
func (z *reader) heard(r *row, c told.Conv, at int64) {
	z.t.Host(sender(r, c), 0, 0, at, at, 0, 0)
}

// hexadecimal reads 0x0a, or a number in brackets at the end: "Memory Area Read (0x0101)".
func hexadecimal(s string) (uint32, bool) {
	if i := strings.LastIndexByte(s, '('); i >= 0 && strings.HasSuffix(s, ")") {
		s = s[i+1 : len(s)-1]
	}
	n, err := strconv.ParseUint(s, 0, 32)
	return uint32(n), err == nil
}

// coded is a message whose code the record gives as a number or, failing that, as a word.
func (z *reader) coded(protocol, kind, number, word string, m told.Message) told.Message {
	m.Protocol, m.Kind = protocol, kind
	if n, ok := hexadecimal(number); ok {
		m.Code = n
		return m
	}
	if word == "" {
		word = number
	}
	if n, ok := z.t.Names().Find(protocol, kind, word); ok {
		m.Code = n
		return m
	}
	m.Text = word // the log's own word; what it does is not known
	return m
}

// modbusWords are names that Zeek has and the catalogue has not.
func modbusWords(word string) string {
	switch word {
	case "REPORT_SLAVE_ID":
		return "Report Server ID"
	case "ENCAP_INTERFACE_TRANSPORT":
		return "Encapsulated Interface Transport"
	case "PROGRAM_584_984":
		return "Program 584/984"
	case "PROGRAM_584_984_2":
		return "Program 584/984 extended"
	case "RESET_COMM_LINK_884_U84":
		return "Reset Comm Link"
	case "REPORT_LOCAL_ADDRESS_MB":
		return "Report Local Address"
	}
	return strings.TrimPrefix(word, "unknown-")
}

// modbus reads modbus.log. Since Zeek 6 a line is a request or a response and says
// so; before, it is a request with its response.
func modbus(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "modbus", "tcp")
	if !ok {
		return
	}
	word, refused := strings.CutSuffix(r.get("func"), "_EXCEPTION")
	m := z.coded("modbus", "function", "-", modbusWords(word), told.Message{Unit: uint32(r.num("unit"))})
	if n, err := strconv.ParseUint(m.Text, 10, 7); err == nil {
		m.Code, m.Text = uint32(n), ""
	}
	refused = refused || r.get("exception") != ""
	way := func(d ot.Dir) ot.Dir {
		if c.Swapped() {
			return d.Reverse()
		}
		return d
	}
	orig, resp := ends(r)
	switch r.get("pdu_type") {
	case "REQ":
		m.Dir = way(ot.Request)
		z.t.Host(orig, 0, 0, at, at, 0, 0)
	case "RESP":
		m.Dir, m.Refused = way(ot.Response), refused
		z.t.Host(resp, 0, 0, at, at, 0, 0)
	default:
		m.Dir = ot.Request
		c.Message(m)
		m.Dir, m.Refused = ot.Response, refused
		c.Established()
		z.t.Host(orig, 0, 0, at, at, 0, 0)
		z.t.Host(resp, 0, 0, at, at, 0, 0)
	}
	c.Message(m)
}

// modbusDetailed reads modbus_detailed.log. Its messages stand in modbus.log too, so
// they are not counted again: it adds which elements they touched.
func modbusDetailed(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "modbus", "tcp")
	if !ok {
		return
	}
	first, n := r.get("address"), r.get("quantity")
	if first == "" {
		return
	}
	m := z.coded("modbus", "function", "-", modbusWords(r.get("func")), told.Message{Unit: uint32(r.num("unit")), Dir: ot.Request, Also: true})
	a, _ := number(first)
	q, _ := number(n)
	m.First, m.N = uint32(a&0xffff), uint32(q&0xffff)
	m.Space = modbusSpace(m.Code)
	c.Message(m)
	z.t.Host(c.Client(), 0, 0, at, at, 0, 0)
}

// modbusSpace is the table that a function touches, as our dissector numbers them.
func modbusSpace(function uint32) uint16 {
	switch function {
	case 1, 5, 15:
		return modbusdis.SpaceCoil
	case 2:
		return modbusdis.SpaceDiscreteInput
	case 4:
		return modbusdis.SpaceInputRegister
	case 3, 6, 16, 22, 23:
		return modbusdis.SpaceHoldingRegister
	}
	return 0
}

func modbusIdentity(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "modbus", "tcp")
	if !ok || dirOf(r, c) == ot.Request {
		return
	}
	attr := map[uint32]ot.Attr{
		0: "modbus.vendor_name", 1: "modbus.product_code", 2: "modbus.revision", 3: "modbus.vendor_url", 4: "modbus.product_name", 5: "modbus.model_name", 6: "modbus.user_application_name",
	}
	if n, ok := hexadecimal(r.get("object_id_code")); ok && attr[n] != "" {
		z.t.Fact(c.Server(), attr[n], r.get("object_value"), "modbus", c.Server())
	}
}

// dnp3Words are names that Zeek has and the catalogue has not.
func dnp3Words(word string) string {
	switch word {
	case "DIRECT_OPERATE_NR":
		return "6"
	case "IMMED_FREEZE":
		return "7"
	case "IMMED_FREEZE_NR":
		return "8"
	case "FREEZE_CLEAR":
		return "9"
	case "FREEZE_CLEAR_NR":
		return "10"
	case "FREEZE_AT_TIME_NR":
		return "12"
	case "INITIALIZE_APPL": //nolint:misspell // as Zeek writes it
		return "16"
	case "START_APPL":
		return "17"
	case "STOP_APPL":
		return "18"
	case "SAVE_CONFIG":
		return "19"
	case "ENABLE_UNSOLICITED":
		return "20"
	case "DISABLE_UNSOLICITED":
		return "21"
	case "DELAY_MEASURE":
		return "23"
	case "RECORD_CURRENT_TIME":
		return "24"
	case "GET_FILE_INFO":
		return "28"
	case "AUTHENTICATE_FILE":
		return "29"
	case "ACTIVATE_CONFIG":
		return "31"
	case "AUTHENTICATE_REQ":
		return "32"
	case "AUTHENTICATE_ERR":
		return "33"
	case "RESPONSE":
		return "129"
	case "UNSOLICITED_RESPONSE":
		return "130"
	case "AUTHENTICATE_RESP":
		return "131"
	}
	return word
}

// dnp3 reads dnp3.log: a request with its response, or either alone.
func dnp3(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "dnp3", "tcp")
	if !ok {
		return
	}
	for _, x := range []struct {
		field string
		dir   ot.Dir
		from  ot.Host
	}{{"fc_request", ot.Request, c.Client()}, {"fc_reply", ot.Response, c.Server()}} {
		word := r.get(x.field)
		if word == "" {
			continue
		}
		code := dnp3Words(word)
		m := z.coded("dnp3", "function", code, word, told.Message{Dir: x.dir})
		c.Message(m)
		z.t.Host(x.from, 0, 0, at, at, 0, 0)
	}
}

// dnp3Detail reads what stands in dnp3.log too: which objects were touched.
func dnp3Detail(z *reader, r *row, _ int64) {
	c, ok := z.talk(r, "dnp3", "tcp")
	if !ok {
		return
	}
	word := r.get("function_code")
	dir := ot.Request
	if strings.Contains(word, "RESPONSE") {
		dir = ot.Response
	}
	m := z.coded("dnp3", "function", dnp3Words(word), word, told.Message{Dir: dir, Also: true, Object: r.get("object_type", "block_type")})
	m.First = uint32(r.num("range_low"))
	if high := uint32(r.num("range_high")); high > m.First {
		m.N = high - m.First + 1
	}
	if r.has("index_number") {
		m.First, m.N = uint32(r.num("index_number")), 1
	}
	c.Message(m)
}

// enip reads enip.log: the envelope of CIP.
func enip(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "enip", enipOver(r))
	if !ok {
		return
	}
	m := z.coded("enip", "command", r.get("enip_command_code"), r.get("enip_command"), told.Message{Dir: dirOf(r, c)})
	if s := r.get("enip_status"); s != "" && m.Dir == ot.Response {
		m.Refused = !strings.EqualFold(s, "success")
	}
	c.Message(m)
	z.heard(r, c, at)
}

// enipOver is what EtherNet/IP went over: the log does not say, but what is sent to
// everybody is no TCP.
func enipOver(r *row) string {
	if ip := r.ip("id.resp_h"); ip.IsMulticast() || ip.Is4() && ip.As4()[3] == 255 {
		return "udp"
	}
	return "tcp"
}

func cip(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "enip", enipOver(r))
	if !ok {
		return
	}
	m := z.coded("cip", "service", r.get("cip_service_code"), r.get("cip_service"), told.Message{Dir: dirOf(r, c)})
	switch r.get("direction") {
	case "request":
		m.Dir = ot.Request
	case "response":
		m.Dir = ot.Response
	}
	m.Code &= 0x7f // the bit that marks a response is no part of the service
	if s, ok := hexadecimal(r.get("cip_status_code")); ok && m.Dir == ot.Response {
		m.Refused, m.Status = s != 0 && s != 6, s // 6: more follows
	}
	if class, ok := hexadecimal(r.get("class_id")); ok {
		m.Area, m.Object = class, r.get("class_name")
		if n, ok := hexadecimal(r.get("instance_id")); ok {
			m.First = n
		}
	}
	c.Message(m)
	z.heard(r, c, at)
}

func cipIO(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "enip", "udp")
	if !ok {
		return
	}
	c.Message(told.Message{Protocol: "enip", Kind: "io"})
	z.heard(r, c, at)
}

// cipIdentity reads what devices answer to List Identity.
func cipIdentity(z *reader, r *row, at int64) {
	c, ok := z.talk(r, "enip", enipOver(r))
	if !ok {
		return
	}
	from := sender(r, c)
	for _, x := range [...]struct {
		attr ot.Attr
		said string
	}{
		{"enip.vendor_id", "vendor_id"},
		{"enip.device_type", "device_type_id"},
		{"enip.product_code", "product_code"},
		{"enip.revision", "revision"},
		{"enip.serial", "serial_number"},
		{"enip.product_name", "product_name"},
	} {
		z.t.Fact(from, x.attr, r.get(x.said), "enip", from)
	}
	z.heard(r, c, at)
}
