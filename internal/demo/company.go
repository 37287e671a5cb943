package demo

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Company is the example, as it is entered into Skanse before the first packet.
type Company struct {
	Name, Profile string
	ID            string // given by Seed
	Sites         []*Site
}

// Site is one plant. Without a Sensor nothing of it is measured.
type Site struct {
	Name, Country, TZ string
	Critical          bool
	Sensor            string
	Zones             []*Zone
	No                int64 // given by Seed, as are the realms' numbers
	RealmNo           int64
	Realms            map[string]int64
	ID                string
	devices           []*device
	talks             []talk
	story             []episode
	every             time.Duration // between polls; 0: poll
}

// Zone is one zone with its address range.
type Zone struct {
	Name, Level       string
	SLT               int64
	Prefix            string
	VLAN              uint16 // of its frames at the sensor; names the realm with Realm
	Realm             string // empty: the site's own realm
	OT, External      bool
	Critical, Gateway bool
	next              int
}

// device is one thing in a zone and what it says of itself.
type device struct {
	host
	zone         *Zone
	kind         kind
	model, order string
	station      string
	serial       string
	version      [3]byte
	vendorID     uint16
	deviceType   uint16
	productCode  uint16
	serialNo     uint32
	instance     uint32
}

// kind is a product as the story uses it.
type kind struct {
	oui          [3]byte
	model, order string
	version      [3]byte
	vendorID     uint16
	deviceType   uint16
	productCode  uint16
	ttl          byte
}

var (
	s7315    = kind{oui: [3]byte{0x00, 0x1b, 0x1b}, model: "CPU 315-2 PN/DP", order: "6ES7 315-2EH14-0AB0", version: [3]byte{3, 2, 6}, ttl: 64}
	s71512   = kind{oui: [3]byte{0x28, 0x63, 0x36}, model: "CPU 1512C-1 PN", order: "6ES7 512-1CK01-0AB0", version: [3]byte{2, 8, 1}, ttl: 64}
	et200    = kind{oui: [3]byte{0x00, 0x1b, 0x1b}, model: "IM 155-6 PN HF", order: "6ES7 155-6AU00-0CN0", version: [3]byte{4, 2, 0}, ttl: 64}
	l83e     = kind{oui: [3]byte{0x5c, 0x88, 0x16}, model: "1756-L83E/B LOGIX5583E", version: [3]byte{33, 11, 0}, vendorID: 1, deviceType: 14, productCode: 166, ttl: 64}
	pf525    = kind{oui: [3]byte{0x00, 0x1d, 0x9c}, model: "PowerFlex 525 2P 400V", version: [3]byte{5, 1, 0}, vendorID: 1, deviceType: 150, productCode: 9, ttl: 64}
	m340     = kind{oui: [3]byte{0x00, 0x80, 0xf4}, model: "BMX P34 2020", version: [3]byte{2, 70, 0}, ttl: 64}
	wago     = kind{oui: [3]byte{0x00, 0x30, 0xde}, model: "750-8212", version: [3]byte{3, 10, 8}, ttl: 64}
	weigher  = kind{oui: [3]byte{0x00, 0x90, 0xe8}, model: "MGate MB3180", version: [3]byte{2, 2, 0}, ttl: 64}
	tp1200   = kind{oui: [3]byte{0x28, 0x63, 0x36}, model: "TP1200 Comfort", order: "6AV2 124-0MC01-0AX0", version: [3]byte{16, 0, 1}, ttl: 64}
	rtu560   = kind{oui: [3]byte{0x00, 0x0b, 0x5d}, model: "RTU560", version: [3]byte{12, 7, 0}, ttl: 64}
	bacnetB  = kind{oui: [3]byte{0x00, 0xa0, 0x03}, model: "PXC36-E.D", version: [3]byte{6, 0, 0}, vendorID: 7, ttl: 64}
	moxa     = kind{oui: [3]byte{0x00, 0x90, 0xe8}, model: "EDS-408A", version: [3]byte{3, 8, 0}, ttl: 64}
	scalance = kind{oui: [3]byte{0x20, 0x87, 0x56}, model: "SCALANCE XC208", order: "6GK5 208-0BA00-2AC2", version: [3]byte{4, 3, 0}, ttl: 64}
	windows  = kind{oui: [3]byte{0xb4, 0x45, 0x06}, model: "Windows", ttl: 128}
	linux    = kind{oui: [3]byte{0x00, 0x50, 0x56}, model: "Linux", ttl: 64}
	camera   = kind{oui: [3]byte{0xac, 0xcc, 0x8e}, model: "AXIS P3245", ttl: 64}
	cheap    = kind{oui: [3]byte{0x00, 0x30, 0xde}, model: "", ttl: 64}
)

// NewCompany returns the example, the same every time.
func NewCompany() *Company {
	return &Company{Name: "Havnemejeriet A/S", Profile: "important", Sites: []*Site{aarhus(), esbjerg(), gdansk(), malmo()}}
}

func (s *Site) zone(z *Zone) *Zone {
	s.Zones = append(s.Zones, z)
	return z
}

// add puts a device into a zone at its next free address.
func (s *Site) add(z *Zone, k kind, name string) *device {
	prefix := netip.MustParsePrefix(z.Prefix)
	z.next++
	ip := prefix.Addr().As4()
	ip[3] += byte(9 + z.next)
	h := fnv.New32a()
	fmt.Fprint(h, s.Name, z.Name, z.Realm, name)
	id := h.Sum32()
	d := &device{
		host: host{
			name: name, ip: netip.AddrFrom4(ip), vlan: z.VLAN, ttl: k.ttl,
			mac: ot.MAC{k.oui[0], k.oui[1], k.oui[2], byte(id >> 16), byte(id >> 8), byte(id)},
		},
		zone: z, kind: k, model: k.model, order: k.order, version: k.version, vendorID: k.vendorID,
		deviceType: k.deviceType, productCode: k.productCode, serialNo: id, instance: id % 4000,
		serial:  fmt.Sprintf("S C-%X%07d", id%16, binary.BigEndian.Uint32([]byte{0, byte(id), byte(id >> 8), byte(id >> 16)})%9999999),
		station: strings.ToUpper(s.Name[:3]) + "-" + name,
	}
	s.devices = append(s.devices, d)
	return d
}

func (s *Site) several(z *Zone, k kind, format string, n int) []*device {
	out := make([]*device, n)
	for i := range out {
		out[i] = s.add(z, k, fmt.Sprintf(format, i+1))
	}
	return out
}

// Assets counts the devices of all sites.
func (c *Company) Assets() (n int) {
	for _, s := range c.Sites {
		n += len(s.devices)
	}
	return n
}

// internet is a host far away; the router's card carries its packets.
func (s *Site) internet(router *device, name, ip string) *device {
	return &device{host: host{name: name, ip: netip.MustParseAddr(ip), mac: router.mac, vlan: router.vlan, ttl: 51}, zone: router.zone}
}
