package plus

import "encoding/binary"

// Marks of objects, one byte each.
const (
	startObject = 0xa1
	endObject   = 0xa2
	attribute   = 0xa3
	relation    = 0xa4
)

// qualifier begins what follows the object in a request: object 0x04E8, attribute 0x0969.
const qualifier = "\x00\x00\x04\xe8\x89\x69"

const maxDepth = 8

// cursor reads values; once something is missing, bad stays set.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if v := c.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// vlq reads a number of seven bits a byte, the highest first.
func (c *cursor) vlq() uint32 {
	n := uint32(0)
	for range 5 {
		v := c.byte()
		n = n<<7 | uint32(v&0x7f)
		if v&0x80 == 0 {
			return n
		}
	}
	c.bad = true
	return 0
}

// vlq64 reads a number of up to nine bytes, of which the ninth has eight bits.
func (c *cursor) vlq64() uint64 {
	n := uint64(0)
	for range 8 {
		v := c.byte()
		n = n<<7 | uint64(v&0x7f)
		if v&0x80 == 0 {
			return n
		}
	}
	return n<<8 | uint64(c.byte())
}

// Types of values.
const (
	typeStruct = 0x17
	typeString = 0x15
	typeBlob   = 0x14
)

// value reads flags, type and value. text is set for a string or a blob, num for whole numbers that fit.
func (c *cursor) value(depth int) (kind byte, text []byte, num int64) {
	flags := c.byte()
	kind = c.byte()
	switch {
	case flags&0x40 != 0: // sparse: key and value until key 0
		for !c.bad && c.vlq() != 0 {
			c.one(kind, depth)
		}
	case flags&0x30 != 0: // array
		for n := c.vlq(); n > 0 && !c.bad; n-- {
			c.one(kind, depth)
		}
	default:
		text, num = c.one(kind, depth)
	}
	return kind, text, num
}

// one reads a value without flags and type.
func (c *cursor) one(kind byte, depth int) (text []byte, num int64) {
	switch kind {
	case 0x00: // null
	case 0x01, 0x02, 0x06, 0x0a: // bool, unsigned, signed, byte
		num = int64(c.byte())
	case 0x03, 0x07, 0x0b: // of two bytes
		if v := c.take(2); v != nil {
			num = int64(binary.BigEndian.Uint16(v))
		}
	case 0x04, 0x08, 0x13: // of variable length
		num = int64(c.vlq())
	case 0x05, 0x09, 0x11:
		num = int64(c.vlq64())
	case 0x0c, 0x0e, 0x12: // of four bytes
		num = int64(c.uint32())
	case 0x0d, 0x0f, 0x10: // of eight
		c.take(8)
	case typeBlob:
		if c.vlq() != 0 { // of a type of its own
			c.take(9)
		}
		text = c.take(int(c.vlq()))
	case typeString, 0x19:
		text = c.take(int(c.vlq()))
	case typeStruct:
		c.structure(depth)
	default:
		c.bad = true
	}
	return text, num
}

// structure reads id, then elements until element 0; a packed one has its length instead.
func (c *cursor) structure(depth int) {
	id := c.uint32()
	if id>>28 == 9 || id>>24 == 2 {
		c.take(8) // time
		c.vlq()
		c.take(int(c.vlq()))
		return
	}
	if depth >= maxDepth {
		c.bad = true
		return
	}
	for !c.bad && c.vlq() != 0 {
		c.value(depth + 1)
	}
}

// object reads the head of an object: what it is called on the controller, and its class.
func (c *cursor) object() (rid, class uint32, ok bool) {
	if c.byte() != startObject {
		return 0, 0, false
	}
	rid, class = c.uint32(), c.vlq()
	c.vlq() // flags
	c.vlq() // attribute
	return rid, class, !c.bad
}
