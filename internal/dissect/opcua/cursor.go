package opcua

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
)

// cursor reads OPC UA's built-in types (OPC 10000-6 clause 5.2.2). Once it ran
// out of bytes or met what cannot be, bad is set and it reads zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) fault() dissect.Fault {
	if c.bad {
		return dissect.Short
	}
	return dissect.OK
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) u8() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if v := c.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if v := c.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if v := c.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// text reads a String or ByteString; -1 is the null one.
func (c *cursor) text() []byte {
	n := int32(c.u32())
	if n <= 0 {
		c.bad = c.bad || n < -1
		return nil
	}
	return c.take(int(n))
}

// count reads the length of an array whose elements have at least one byte each.
func (c *cursor) count() int {
	n := int32(c.u32())
	if n <= 0 {
		return 0
	}
	if int(n) > len(c.b) {
		c.bad = true
		return 0
	}
	return int(n)
}

// texts steps over an array of strings.
func (c *cursor) texts() {
	for n := c.count(); n > 0 && !c.bad; n-- {
		c.text()
	}
}

// localText returns the text of a LocalizedText.
func (c *cursor) localText() (t []byte) {
	mask := c.u8()
	if mask&1 != 0 {
		c.text()
	}
	if mask&2 != 0 {
		t = c.text()
	}
	return t
}

// extension reads an ExtensionObject: the number of its encoding in namespace 0, and its body.
func (c *cursor) extension() (id uint32, body []byte) {
	n := c.node()
	switch c.u8() {
	case 0:
	case 1, 2:
		body = c.text()
	default:
		c.bad = true
	}
	return n.standard(), body
}

// diagnostics steps over a DiagnosticInfo, whose inner one stands at its end.
func (c *cursor) diagnostics() {
	for !c.bad {
		mask := c.u8()
		for _, bit := range [...]byte{1, 2, 4, 8} {
			if mask&bit != 0 {
				c.skip(4)
			}
		}
		if mask&0x10 != 0 {
			c.text()
		}
		if mask&0x20 != 0 {
			c.skip(4)
		}
		if mask&0x40 == 0 {
			return
		}
	}
}

// node is a NodeId or ExpandedNodeId.
type node struct {
	namespace uint16
	kind      byte // of the identifier: i number, s text, g GUID, b bytes
	number    uint32
	text      []byte
}

func (c *cursor) node() (n node) {
	form := c.u8()
	n.kind = 'i'
	switch form & 0x3f {
	case 0:
		n.number = uint32(c.u8())
	case 1:
		n.namespace, n.number = uint16(c.u8()), uint32(c.u16())
	case 2:
		n.namespace, n.number = c.u16(), c.u32()
	case 3:
		n.kind, n.namespace, n.text = 's', c.u16(), c.text()
	case 4:
		n.kind, n.namespace, n.text = 'g', c.u16(), c.take(16)
	case 5:
		n.kind, n.namespace, n.text = 'b', c.u16(), c.text()
	default:
		c.bad = true
	}
	if form&0x80 != 0 {
		c.text() // namespace by URI
	}
	if form&0x40 != 0 {
		c.skip(4) // server index
	}
	return n
}

// standard is the node's number where OPC UA itself defines it, else 0.
func (n node) standard() uint32 {
	if n.kind != 'i' || n.namespace != 0 {
		return 0
	}
	return n.number
}

// null says whether it is the node id of nothing.
func (n node) null() bool { return n.kind == 'i' && n.number == 0 || n.kind != 'i' && len(n.text) == 0 }

// append writes it as OPC 10000-6 clause 5.3.1.10 does: ns=2;s=Pump.Speed. What does not fit dst is cut.
func (n node) append(dst []byte) []byte {
	const digits = "0123456789abcdef"
	if cap(dst)-len(dst) < 24 {
		return dst
	}
	if n.namespace != 0 {
		dst = append(strconv.AppendUint(append(dst, "ns="...), uint64(n.namespace), 10), ';')
	}
	dst = append(dst, n.kind, '=')
	switch n.kind {
	case 'i':
		return strconv.AppendUint(dst, uint64(n.number), 10)
	case 's':
		return append(dst, n.text[:min(len(n.text), cap(dst)-len(dst))]...)
	}
	for _, x := range n.text {
		if cap(dst)-len(dst) < 2 {
			break
		}
		dst = append(dst, digits[x>>4], digits[x&15])
	}
	return dst
}

const maxDepth = 8 // of variants inside variants

// variant steps over a Variant and returns its number, if it is a scalar one,
// its text, if it is a string, and the extension object in it.
func (c *cursor) variant(depth int) (v value) {
	form := c.u8()
	kind := form & 0x3f
	if kind == 0 {
		return v
	}
	if kind > 25 || depth > maxDepth {
		c.bad = true
		return v
	}
	if form&0x80 == 0 {
		return c.scalar(kind, depth)
	}
	n := c.count()
	if n > 0 {
		v = c.scalar(kind, depth)
		v.number, v.isNumber = 0, false
	}
	for i := 1; i < n && !c.bad; i++ {
		c.scalar(kind, depth)
	}
	if form&0x40 != 0 {
		for n := c.count(); n > 0 && !c.bad; n-- {
			c.skip(4)
		}
	}
	return v
}

// value is what a Variant holds, as far as anybody asks.
type value struct {
	number   float64
	isNumber bool
	text     []byte
	object   uint32 // number of an extension object's encoding
	body     []byte
}

func (c *cursor) scalar(kind byte, depth int) (v value) {
	number := func(x float64) { v.number, v.isNumber = x, !c.bad }
	switch kind {
	case 1, 3:
		number(float64(c.u8()))
	case 2:
		number(float64(int8(c.u8())))
	case 4:
		number(float64(int16(c.u16())))
	case 5:
		number(float64(c.u16()))
	case 6:
		number(float64(int32(c.u32())))
	case 7:
		number(float64(c.u32()))
	case 8:
		number(float64(int64(c.u64())))
	case 9:
		number(float64(c.u64()))
	case 10:
		number(float64(math.Float32frombits(c.u32())))
	case 11:
		number(math.Float64frombits(c.u64()))
	case 12:
		v.text = c.text()
	case 13:
		c.skip(8)
	case 14:
		c.skip(16)
	case 15, 16:
		c.text()
	case 17, 18:
		c.node()
	case 19:
		c.skip(4)
	case 20:
		c.skip(2)
		v.text = c.text()
	case 21:
		v.text = c.localText()
	case 22:
		v.object, v.body = c.extension()
	case 23:
		c.dataValue(depth + 1)
	case 24:
		c.variant(depth + 1)
	case 25:
		c.diagnostics()
	default:
		c.bad = true
	}
	return v
}

// dataValue: mask 1 | value | status 4 | source time 8, picoseconds 2 | server time 8, picoseconds 2
func (c *cursor) dataValue(depth int) (v value) {
	if depth > maxDepth {
		c.bad = true
		return v
	}
	mask := c.u8()
	if mask&1 != 0 {
		v = c.variant(depth + 1)
	}
	for _, field := range [...]struct {
		bit  byte
		size int
	}{{2, 4}, {4, 8}, {0x10, 2}, {8, 8}, {0x20, 2}} {
		if mask&field.bit != 0 {
			c.skip(field.size)
		}
	}
	return v
}
