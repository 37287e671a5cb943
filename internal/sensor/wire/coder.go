package wire

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// tables hold every text, host and conversation once; records name them by number.
type tables struct {
	texts map[string]uint64 // only while writing
	hosts map[ot.Host]uint64
	keys  map[sensor.FlowKey]uint64

	textList []string
	hostList []ot.Host
	keyList  []sensor.FlowKey
}

// coder writes or reads, field by field, so that the order of the fields stands in
// one place for both.
type coder struct {
	*tables
	writing bool
	version byte
	base    int64 // times are relative to it
	out     []byte
	in      []byte
	records uint64
	err     error

	*columns // nil: one record after the other
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// record writes a length and fields, or reads them.
func (c *coder) record(fields func()) {
	if c.err != nil {
		return
	}
	if c.writing {
		outer := c.out
		c.out = make([]byte, 0, 64)
		fields()
		c.out = append(binary.AppendUvarint(outer, uint64(len(c.out))), c.out...)
		return
	}
	var size uint64
	c.raw(&size)
	if c.err != nil || size > uint64(len(c.in)) {
		c.fail("a record is cut off")
		return
	}
	rest := c.in[size:]
	c.in = c.in[:size]
	fields()
	if len(c.in) > 0 && c.version <= Version {
		c.fail("a record has %d bytes too many", len(c.in))
	}
	c.in = rest
}

// absent says that an older writer did not know this field.
func (c *coder) absent() bool {
	switch {
	case c.writing || c.version >= Version:
		return false
	case c.columns != nil:
		return c.col >= c.had
	}
	return len(c.in) == 0
}

// raw is a number outside of a record, where nothing can be absent.
func (c *coder) raw(v *uint64) {
	if c.err != nil {
		return
	}
	x, n := binary.Uvarint(c.in)
	if n <= 0 {
		c.fail("it ends inside a number")
		return
	}
	*v, c.in = x, c.in[n:]
}

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

func num[T unsigned](c *coder, v *T) {
	c.turn()
	if c.err != nil || c.absent() {
		return
	}
	if c.writing {
		c.out = binary.AppendUvarint(c.out, uint64(*v))
		return
	}
	var x uint64
	c.raw(&x)
	*v = T(x)
	if uint64(*v) != x {
		c.fail("the number %d is too big for its field", x)
	}
}

func (c *coder) int(v *int64) {
	c.turn()
	if c.err != nil || c.absent() {
		return
	}
	if c.writing {
		c.out = binary.AppendVarint(c.out, *v)
		return
	}
	x, n := binary.Varint(c.in)
	if n <= 0 {
		c.fail("it ends inside a number")
		return
	}
	*v, c.in = x, c.in[n:]
}

// at is a time: ns, or 0 for none.
func (c *coder) at(v *int64) {
	if c.columns != nil {
		c.since(v, c.base)
		return
	}
	d := *v - c.base
	c.int(&d)
	if !c.writing {
		*v = d + c.base
	}
}

func (c *coder) flag(v *bool) {
	x := uint8(0)
	if *v {
		x = 1
	}
	num(c, &x)
	if x > 1 {
		c.fail("a yes or no is %d", x)
	}
	*v = x == 1
}

func (c *coder) float(v *float64) {
	c.turn()
	if c.err != nil || c.absent() {
		return
	}
	if c.writing {
		c.out = binary.BigEndian.AppendUint64(c.out, math.Float64bits(*v))
		return
	}
	if len(c.in) < 8 {
		c.fail("it ends inside a number")
		return
	}
	*v = math.Float64frombits(binary.BigEndian.Uint64(c.in))
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		c.fail("a number is not finite")
	}
	c.in = c.in[8:]
}

func (c *coder) bytes(v *[]byte, most int) {
	c.turn()
	if c.err != nil || c.absent() {
		return
	}
	if c.writing {
		c.out = append(binary.AppendUvarint(c.out, uint64(len(*v))), *v...)
		return
	}
	var n uint64
	c.raw(&n)
	if c.err != nil || n > uint64(most) || n > uint64(len(c.in)) {
		c.fail("bytes are cut off or more than %d", most)
		return
	}
	if n > 0 {
		*v = slices.Clone(c.in[:n])
	}
	c.in = c.in[n:]
}

// named writes or reads a value as its number in a table; 0 is the zero value, so
// that an absent field reads as one.
func named[T comparable](c *coder, v *T, index map[T]uint64, items *[]T, what string) {
	var zero T
	c.turn()
	if c.err != nil || c.absent() {
		return
	}
	if c.writing {
		no := uint64(0)
		if *v != zero {
			ok := false
			if no, ok = index[*v]; !ok {
				*items = append(*items, *v)
				no = uint64(len(*items))
				index[*v] = no
			}
		}
		c.out = binary.AppendUvarint(c.out, no)
		return
	}
	var no uint64
	c.raw(&no)
	switch {
	case c.err != nil:
	case no > uint64(len(*items)):
		c.fail("%s %d is not in the table of %d", what, no, len(*items))
	case no > 0:
		*v = (*items)[no-1]
	}
}

func text[T ~string](c *coder, v *T) {
	s := string(*v)
	if c.writing && len(s) > maxText {
		s = s[:maxText]
	}
	named(c, &s, c.texts, &c.textList, "text")
	*v = T(s)
}

func (c *coder) host(v *ot.Host) {
	if c.writing {
		v = &ot.Host{Realm: v.Realm, MAC: v.MAC, IP: v.IP.WithZone(""), Module: v.Module}
	}
	named(c, v, c.hosts, &c.hostList, "host")
}

func (c *coder) key(v *sensor.FlowKey) {
	if c.writing {
		k := *v
		k.Client.IP, k.Server.IP = k.Client.IP.WithZone(""), k.Server.IP.WithZone("")
		v = &k
	}
	named(c, v, c.keys, &c.keyList, "conversation")
}

func (c *coder) hostFields(h *ot.Host) {
	text(c, &h.Realm)
	c.mac(&h.MAC)
	c.ip(&h.IP)
	text(c, &h.Module)
}

func (c *coder) keyFields(k *sensor.FlowKey) {
	text(c, &k.Realm)
	c.host(&k.Client)
	c.host(&k.Server)
	text(c, &k.Transport)
	num(c, &k.Port)
	text(c, &k.Protocol)
}

func (c *coder) mac(m *ot.MAC) {
	var b []byte
	if *m != (ot.MAC{}) {
		b = m[:]
	}
	c.bytes(&b, len(m))
	if c.writing || len(b) == 0 {
		return
	}
	if len(b) != len(m) {
		c.fail("a MAC has %d bytes", len(b))
	}
	copy(m[:], b)
}

func (c *coder) ip(v *netip.Addr) {
	b := v.AsSlice()
	c.bytes(&b, 16)
	if c.writing || len(b) == 0 {
		return
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		c.fail("an address has %d bytes", len(b))
	}
	*v = a
}

// ref is a packet; first is when what it proves began, where that was written before.
func (c *coder) ref(r *ot.PacketRef, first int64) {
	text(c, &r.Source)
	if c.columns == nil {
		num(c, &r.Number)
		c.at(&r.Seen)
		c.int(&r.Offset)
		return
	}
	n := int64(r.Number)
	c.follows(&n)
	r.Number = uint64(n)
	c.since(&r.Seen, first)
	c.follows(&r.Offset)
}

func (c *coder) counts(m *map[string]uint64) {
	n := uint64(len(*m))
	num(c, &n)
	if n > maxBudgets {
		c.fail("%d names of budgets: at most %d are read", n, maxBudgets)
	}
	if c.err != nil {
		return
	}
	if c.writing {
		for _, name := range slices.Sorted(maps.Keys(*m)) {
			v := (*m)[name]
			text(c, &name)
			num(c, &v)
		}
		return
	}
	for range n {
		var name string
		var v uint64
		text(c, &name)
		num(c, &v)
		if *m == nil {
			*m = map[string]uint64{}
		}
		(*m)[name] = v
	}
}
