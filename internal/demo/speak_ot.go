package demo

import (
	"encoding/binary"
	"math"
)

// The payloads below are written from the public specifications, field by
// field, for the few functions that the story needs.

func modbus(tx uint16, unit byte, pdu ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, tx)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(pdu)+1))
	return append(append(b, unit), pdu...)
}

func modbusRead(tx uint16, unit byte, first, n uint16) (req, rsp []byte) {
	req = modbus(tx, unit, 3, byte(first>>8), byte(first), byte(n>>8), byte(n))
	data := []byte{3, byte(2 * n)}
	for i := range n {
		data = binary.BigEndian.AppendUint16(data, 200+(tx*7+i*13)%50)
	}
	return req, modbus(tx, unit, data...)
}

func modbusWrite(tx uint16, unit byte, register, value uint16) (req, rsp []byte) {
	b := modbus(tx, unit, 6, byte(register>>8), byte(register), byte(value>>8), byte(value))
	return b, b
}

// modbusIdentify is function 43/14, Read Device Identification, basic objects.
func modbusIdentify(tx uint16, vendor, product, revision string) (req, rsp []byte) {
	b := []byte{0x2b, 0x0e, 1, 1, 0, 0, 3}
	for i, s := range []string{vendor, product, revision} {
		b = append(append(b, byte(i), byte(len(s))), s...)
	}
	return modbus(tx, 1, 0x2b, 0x0e, 1, 0), modbus(tx, 1, b...)
}

func tpkt(cotp ...byte) []byte {
	b := []byte{3, 0, 0, 0}
	b = append(b, cotp...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func s7Connect() (req, rsp []byte) {
	req = tpkt(17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2)
	rsp = tpkt(17, 0xd0, 0, 1, 0, 2, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2)
	return req, rsp
}

// s7 wraps parameter and data into a job (1), answer (3) or user data (7) PDU.
func s7(rosctr byte, ref uint16, param, data []byte) []byte {
	b := []byte{2, 0xf0, 0x80, 0x32, rosctr, 0, 0}
	b = binary.BigEndian.AppendUint16(b, ref)
	b = binary.BigEndian.AppendUint16(b, uint16(len(param)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	if rosctr == 3 {
		b = append(b, 0, 0)
	}
	return tpkt(append(append(b, param...), data...)...)
}

func s7Setup(ref uint16) (req, rsp []byte) {
	p := []byte{0xf0, 0, 0, 1, 0, 1, 0, 0xf0}
	return s7(1, ref, p, nil), s7(3, ref, p, nil)
}

// s7Read reads n bytes of a data block.
func s7Read(ref, db, first, n uint16) (req, rsp []byte) {
	bit := uint32(first) * 8
	item := []byte{0x12, 10, 0x10, 2, byte(n >> 8), byte(n), byte(db >> 8), byte(db), 0x84, byte(bit >> 16), byte(bit >> 8), byte(bit)}
	data := []byte{0xff, 4, byte(n * 8 >> 8), byte(n * 8)}
	for i := range n {
		data = append(data, byte(ref+i))
	}
	return s7(1, ref, append([]byte{4, 1}, item...), nil), s7(3, ref, []byte{4, 1}, data)
}

// szl answers a read of a system status list (0x0011 module identification, 0x001c component identification).
func szl(ref, id uint16, record int, records ...[]byte) (req, rsp []byte) {
	ask := []byte{0, 1, 0x12, 4, 0x11, 0x44, 1, 0}
	req = s7(7, ref, ask, binary.BigEndian.AppendUint16([]byte{0xff, 9, 0, 4, byte(id >> 8), byte(id)}, 0))
	body := binary.BigEndian.AppendUint16(nil, id)
	body = append(body, 0, 0)
	body = binary.BigEndian.AppendUint16(body, uint16(record))
	body = binary.BigEndian.AppendUint16(body, uint16(len(records)))
	for _, r := range records {
		body = append(body, r...)
	}
	data := append([]byte{0xff, 9, byte(len(body) >> 8), byte(len(body))}, body...)
	return req, s7(7, ref, []byte{0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0}, data)
}

func szlModule(index uint16, order string, version [3]byte) []byte {
	r := make([]byte, 28)
	binary.BigEndian.PutUint16(r, index)
	copy(r[2:22], order+"                    ")
	if index == 7 {
		r[24], r[25], r[26], r[27] = 'V', version[0], version[1], version[2]
	} else {
		r[25] = 5
	}
	return r
}

func szlComponent(index uint16, text string) []byte {
	r := make([]byte, 34)
	binary.BigEndian.PutUint16(r, index)
	copy(r[2:], text)
	return r
}

func s7Identify(ref uint16, d device) [][2][]byte {
	a, b := szl(ref, 0x0011, 28, szlModule(1, d.order, d.version), szlModule(6, d.order, d.version), szlModule(7, d.order, d.version))
	c, e := szl(ref+1, 0x001c, 34, szlComponent(1, d.station), szlComponent(2, d.name), szlComponent(5, d.serial), szlComponent(7, d.model))
	return [][2][]byte{{a, b}, {c, e}}
}

// s7Download loads one block into the CPU and activates it, as an engineering station does.
func s7Download(ref uint16, block string) [][2][]byte {
	name := "_" + block + "P" // _0800001P: OB 1, passive file system
	start := append([]byte{0x1a, 0, 1, 0, 0, 0, 0, 0, byte(len(name))}, name...)
	start = append(append(start, 13), "1000560000480"...)
	piece := append([]byte{0x1b, 0, 1, 0, 0, 0, 0, 0, byte(len(name))}, name...)
	end := append([]byte{0x1c, 0, 1, 0, 0, 0, 0, 0, byte(len(name))}, name...)
	code := make([]byte, 120)
	for i := range code {
		code[i] = byte(i * 31)
	}
	body := append([]byte{0, byte(len(code)), 0, 0xfb}, code...)
	insert := []byte{0x28, 0, 0, 0, 0, 0, 0, 0xfd, 0, 10, 1, 0}
	insert = append(append(insert, block+"P"...), 5)
	insert = append(insert, "_INSE"...)
	return [][2][]byte{
		{s7(1, ref, start, nil), s7(3, ref, []byte{0x1a}, nil)},
		{s7(3, ref+1, []byte{0x1b, 0}, body), s7(1, ref+1, piece, nil)},
		{s7(3, ref+2, []byte{0x1c}, nil), s7(1, ref+2, end, nil)},
		{s7(1, ref+3, insert, nil), s7(3, ref+3, []byte{0x28}, nil)},
	}
}

// s7Stop takes the CPU to STOP.
func s7Stop(ref uint16) (req, rsp []byte) {
	return s7(1, ref, append([]byte{0x29, 0, 0, 0, 0, 0, 9}, "P_PROGRAM"...), nil), s7(3, ref, []byte{0x29}, nil)
}

func enip(command uint16, session uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, command)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	b = binary.LittleEndian.AppendUint32(b, session)
	b = append(b, make([]byte, 16)...)
	return append(b, data...)
}

func enipRegister(session uint32) (req, rsp []byte) {
	return enip(0x65, 0, []byte{1, 0, 0, 0}), enip(0x65, session, []byte{1, 0, 0, 0})
}

func listIdentity(d device, h *host) (req, rsp []byte) {
	item := []byte{1, 0, 0, 2, 0xaf, 0x12}
	ip := h.ip.As4()
	item = append(append(item, ip[:]...), make([]byte, 8)...)
	item = binary.LittleEndian.AppendUint16(item, d.vendorID)
	item = binary.LittleEndian.AppendUint16(item, d.deviceType)
	item = binary.LittleEndian.AppendUint16(item, d.productCode)
	item = append(item, d.version[0], d.version[1], 0x60, 0)
	item = binary.LittleEndian.AppendUint32(item, d.serialNo)
	item = append(append(item, byte(len(d.model))), d.model...)
	item = append(item, 3)
	data := binary.LittleEndian.AppendUint16([]byte{1, 0, 0x0c, 0}, uint16(len(item)))
	return enip(0x63, 0, nil), enip(0x63, 0, append(data, item...))
}

// cipRead reads a tag by name over unconnected messaging (service 0x4c).
func cipRead(session uint32, tag string) (req, rsp []byte) {
	path := append([]byte{0x91, byte(len(tag))}, tag...)
	if len(path)%2 == 1 {
		path = append(path, 0)
	}
	ask := append([]byte{0x4c, byte(len(path) / 2)}, path...)
	ask = append(ask, 1, 0)
	answer := []byte{0xcc, 0, 0, 0, 0xca, 0, 0, 0, 0x48, 0x42}
	return rrData(session, ask), rrData(session, answer)
}

func rrData(session uint32, cip []byte) []byte {
	b := []byte{0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(cip)))
	return enip(0x6f, session, append(b, cip...))
}

// iec104 writes an I frame with one measured value, short floating point (type 13).
func iec104(send, recv uint16, asdu uint16, object uint32, value float32) []byte {
	b := []byte{0x68, 18, byte(send << 1), byte(send >> 7), byte(recv << 1), byte(recv >> 7), 13, 1, 3, 0, byte(asdu), byte(asdu >> 8), byte(object), byte(object >> 8), byte(object >> 16)}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value))
	return append(b, 0)
}

var (
	iec104Start   = []byte{0x68, 4, 7, 0, 0, 0}
	iec104Started = []byte{0x68, 4, 0x0b, 0, 0, 0}
)

func iec104Ack(recv uint16) []byte { return []byte{0x68, 4, 1, 0, byte(recv << 1), byte(recv >> 7)} }

func bvlc(function byte, npdu ...byte) []byte {
	b := []byte{0x81, function, 0, 0}
	b = append(b, npdu...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// bacnetIAm announces device object instance and vendor.
func bacnetIAm(instance uint32, vendor byte) []byte {
	return bvlc(0x0b, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 0, 0xc4, 2, byte(instance>>16), byte(instance>>8), byte(instance), 0x22, 5, 0xc4, 0x91, 0, 0x21, vendor)
}

// bacnetRead reads one property of the device object; text answers it.
func bacnetRead(invoke byte, instance uint32, property byte, text string) (req, rsp []byte) {
	object := []byte{0x0c, 2, byte(instance >> 16), byte(instance >> 8), byte(instance)}
	req = bvlc(0x0a, append([]byte{1, 4, 0, 5, invoke, 0x0c}, append(append([]byte{}, object...), 0x19, property)...)...)
	value := append([]byte{0x75, byte(len(text) + 1), 0}, text...)
	answer := append([]byte{1, 0, 0x30, invoke, 0x0c}, object...)
	answer = append(answer, 0x19, property, 0x3e)
	return req, bvlc(0x0a, append(append(answer, value...), 0x3f)...)
}
