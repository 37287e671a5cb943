package asset

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

var noIP netip.Addr // the zero address: none

// Added says what a batch brought.
type Added struct {
	Assets, Facts int
	Changed       []ot.Ref // assets that are new or different
}

// hostRow is asset_host.
type hostRow struct {
	SiteNo   int64               `db:"site_no"`
	RealmNo  int64               `db:"realm_no"`
	MAC      string              `db:"mac"`
	IP       string              `db:"ip"`
	AssetID  string              `db:"asset_id"`
	VLAN     int64               `db:"vlan"`
	FirstAt  int64               `db:"first_at"`
	LastAt   int64               `db:"last_at"`
	Packets  int64               `db:"packets"`
	Bytes    int64               `db:"bytes"`
	ARP      bool                `db:"arp"`
	TTLMin   int64               `db:"ttl_min"`
	TTLMax   int64               `db:"ttl_max"`
	Behind   bool                `db:"behind"`
	Live     bool                `db:"live"`
	SourceID string              `db:"source_id"`
	Packet   int64               `db:"packet"`
	Traffic  store.JSON[Traffic] `db:"traffic"`
}

const hostColumns = "site_no, realm_no, mac, ip, asset_id, vlan, first_at, last_at, packets, bytes, arp, ttl_min, ttl_max, behind, live, source_id, packet, traffic"

func (h *hostRow) key() ot.Host {
	k := ot.Host{Realm: realmName(h.RealmNo)}
	_ = k.MAC.UnmarshalText([]byte(h.MAC)) // written by MAC.String
	if h.IP != "" {
		k.IP, _ = netip.ParseAddr(h.IP)
	}
	return k
}

func (h *hostRow) sighting() Sighting {
	return Sighting{
		Host: h.key(), VLAN: uint16(h.VLAN), First: h.FirstAt * 1000, Last: h.LastAt * 1000, Packets: uint64(h.Packets), Bytes: uint64(h.Bytes),
		FirstPacket: uint64(h.Packet), Source: h.SourceID, ARP: h.ARP, TTLMin: uint8(h.TTLMin), TTLMax: uint8(h.TTLMax), Live: h.Live,
		Behind: h.Behind, Traffic: h.Traffic.V, Asset: h.AssetID,
	}
}

// factRow is asset_fact.
type factRow struct {
	ID       string `db:"fact_id"`
	AssetID  string `db:"asset_id"`
	SiteNo   int64  `db:"site_no"`
	RealmNo  int64  `db:"realm_no"`
	MAC      string `db:"mac"`
	IP       string `db:"ip"`
	Module   string `db:"module"`
	Attr     string `db:"attr"`
	Value    string `db:"value"`
	Protocol string `db:"protocol"`
	SaidBy   string `db:"said_by"`
	FirstAt  int64  `db:"first_at"`
	LastAt   int64  `db:"last_at"`
	SourceID string `db:"source_id"`
	Packet   int64  `db:"packet"`
	Offset   int64  `db:"packet_offset"`
	SeenAt   int64  `db:"seen_at"`
	Proof    []byte `db:"proof"`
}

const factColumns = "fact_id, asset_id, site_no, realm_no, mac, ip, module, attr, value, protocol, said_by, first_at, last_at, source_id, packet, packet_offset, seen_at, proof"

func (f *factRow) fact() Fact {
	h := hostRow{RealmNo: f.RealmNo, MAC: f.MAC, IP: f.IP}
	about := h.key()
	about.Module = f.Module
	out := Fact{
		ID: f.ID, About: about, Attr: ot.Attr(f.Attr), Value: f.Value, Protocol: f.Protocol, First: f.FirstAt * 1000, Last: f.LastAt * 1000,
		Ref: ot.PacketRef{Source: f.SourceID, Number: uint64(f.Packet), Seen: f.SeenAt * 1000, Offset: f.Offset},
	}
	if f.SaidBy != "" {
		if ip, err := netip.ParseAddr(f.SaidBy); err == nil {
			out.By.IP = ip
		} else {
			_ = out.By.MAC.UnmarshalText([]byte(f.SaidBy))
		}
	}
	return out
}

// Apply takes one batch of a summary into the inventory, in the caller's
// transaction. Applying it again changes nothing.
func (s *Service) Apply(ctx context.Context, tx *store.Tx, d sensor.Delivery, b *Batch) (Added, error) {
	n, err := tx.Exec(ctx, "INSERT INTO asset_applied (sensor, epoch, seq, part, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (sensor, epoch, seq, part) DO NOTHING",
		siteSensor(d, b.Sensor), b.Epoch, int64(b.Seq), b.No, store.At(d.Received))
	if err != nil || n == 0 {
		return Added{}, err
	}
	hosts, dirty, err := s.hear(ctx, tx, d, b)
	if err != nil {
		return Added{}, err
	}
	fresh, told, err := s.learn(ctx, tx, d, b)
	if err != nil {
		return Added{}, err
	}
	for h := range told {
		dirty[h] |= different
	}
	if err := s.touch(ctx, tx, d, b, hosts, dirty); err != nil {
		return Added{}, err
	}
	out := Added{Facts: fresh}
	if len(dirty) == 0 {
		return out, nil
	}
	made, changed, err := s.reidentify(ctx, tx, d, keys(dirty), dirty, because{})
	out.Assets, out.Changed = made, changed
	return out, err
}

// siteSensor keeps one capture apart that two sites were given.
func siteSensor(d sensor.Delivery, name string) string { return realmName(d.SiteNo) + "/" + name }

// news says why a host calls for a new look.
type news uint8

const (
	different news = 1 << iota // heard before, and now in another way
	born                       // never heard before
)

// hear adds a batch's hosts to asset_host and says which of them call for a new look.
func (s *Service) hear(ctx context.Context, tx *store.Tx, d sensor.Delivery, b *Batch) (rows map[ot.Host]*hostRow, dirty map[ot.Host]news, err error) {
	rows, dirty = map[ot.Host]*hostRow{}, map[ot.Host]news{}
	var list []ot.Host
	for i := range b.hosts {
		h := &b.hosts[i]
		if !h.MAC.Group() {
			list = append(list, key(h.Host, realmName(d.Realm(h.Realm))))
		}
	}
	if err := eachHost(ctx, tx, d.SiteNo, list, func(h hostRow) { rows[h.key()] = &h }); err != nil {
		return nil, nil, err
	}
	for i := range b.hosts {
		h := &b.hosts[i]
		if h.MAC.Group() {
			continue
		}
		k := key(h.Host, realmName(d.Realm(h.Realm)))
		r := rows[k]
		if r == nil {
			r = &hostRow{
				SiteNo: d.SiteNo, RealmNo: realmNo(k.Realm), MAC: k.MAC.String(), IP: ipText(k), VLAN: int64(h.VLAN), FirstAt: micros(h.First), LastAt: micros(h.Last),
				SourceID: d.Source, Packet: int64(h.FirstPacket),
			}
			rows[k], dirty[k] = r, born
		}
		x := r.sighting()
		was := x
		x.hear(h, b.Live)
		if t := b.traffic[ot.Host{Realm: h.Realm, MAC: h.MAC, IP: h.IP.Unmap().WithZone("")}]; t != nil && x.Traffic.Add(*t) {
			dirty[k] |= different
		}
		if x.ARP != was.ARP || x.Live != was.Live || initialTTL(x.TTLMax) != initialTTL(was.TTLMax) || x.First < was.First {
			dirty[k] |= different
		}
		if x.First < was.First {
			r.SourceID, r.Packet = d.Source, int64(x.FirstPacket)
		}
		r.FirstAt, r.LastAt, r.Packets, r.Bytes = micros(x.First), micros(x.Last), int64(x.Packets), int64(x.Bytes)
		r.ARP, r.Live, r.TTLMin, r.TTLMax, r.Traffic.V = x.ARP, x.Live, int64(x.TTLMin), int64(x.TTLMax), x.Traffic
	}
	write := make([]hostRow, 0, len(list))
	done := map[ot.Host]bool{}
	for _, k := range list {
		if !done[k] {
			done[k] = true
			write = append(write, *rows[k])
		}
	}
	err = store.Upsert(ctx, tx, "asset_host", write, []string{"site_no", "realm_no", "mac", "ip"},
		[]string{"first_at", "last_at", "packets", "bytes", "arp", "ttl_min", "ttl_max", "live", "source_id", "packet", "traffic"})
	return rows, dirty, err
}

// eachHost reads the rows of asset_host with exactly these keys.
func eachHost(ctx context.Context, r store.Reader, siteNo int64, keys []ot.Host, fn func(hostRow)) error {
	want := map[ot.Host]bool{}
	ips, macs := map[int64][]string{}, map[int64][]string{}
	for _, k := range keys {
		want[k] = true
		no := realmNo(k.Realm)
		if ip := ipText(k); ip != "" {
			ips[no] = append(ips[no], ip)
		} else {
			macs[no] = append(macs[no], k.MAC.String())
		}
	}
	read := func(where string, args ...any) error {
		for h, err := range store.Select[hostRow](ctx, r, "SELECT "+hostColumns+" FROM asset_host WHERE site_no = ? AND realm_no = ? AND "+where, args...) {
			if err != nil {
				return err
			}
			if want[h.key()] {
				fn(h)
			}
		}
		return nil
	}
	for no, list := range ips {
		if err := read("ip IN (?)", siteNo, no, list); err != nil {
			return err
		}
	}
	for no, list := range macs {
		if err := read("mac IN (?) AND ip = ''", siteNo, no, list); err != nil {
			return err
		}
	}
	return nil
}

// learn adds a batch's facts and says how many were new and whom they are about.
func (s *Service) learn(ctx context.Context, tx *store.Tx, d sensor.Delivery, b *Batch) (fresh int, about map[ot.Host]bool, err error) {
	about = map[ot.Host]bool{}
	rows := map[string]*factRow{}
	var ids []string
	for i := range b.facts {
		sf := b.facts[i]
		sf.About.Realm = realmName(d.Realm(sf.About.Realm))
		sf.Value = ot.Printable(sf.Value)
		f := newFact(&sf, realmName(d.SiteNo))
		if f.Value == "" || f.About.MAC.Group() {
			continue
		}
		if old := rows[f.ID]; old != nil {
			old.FirstAt, old.LastAt = min(old.FirstAt, micros(f.First)), max(old.LastAt, micros(f.Last))
			continue
		}
		by := ""
		if sf.By != (ot.Host{}) && (sf.By.MAC != sf.About.MAC || sf.By.IP != sf.About.IP) {
			by = peerName(sf.By)
		}
		rows[f.ID] = &factRow{
			ID: f.ID, SiteNo: d.SiteNo, RealmNo: realmNo(f.About.Realm), MAC: f.About.MAC.String(), IP: ipText(key(f.About, f.About.Realm)), Module: f.About.Module,
			Attr: string(f.Attr), Value: f.Value, Protocol: f.Protocol, SaidBy: by, FirstAt: micros(f.First), LastAt: micros(f.Last),
			SourceID: d.Source, Packet: int64(f.Ref.Number), Offset: f.Ref.Offset, SeenAt: micros(f.Ref.Seen), Proof: f.Proof,
		}
		ids = append(ids, f.ID)
	}
	type times struct {
		ID      string `db:"fact_id"`
		FirstAt int64  `db:"first_at"`
		LastAt  int64  `db:"last_at"`
	}
	old, err := store.All[times](ctx, tx, "SELECT fact_id, first_at, last_at FROM asset_fact WHERE fact_id IN (?)", ids)
	if err != nil {
		return 0, nil, err
	}
	known := map[string]times{}
	for _, o := range old {
		known[o.ID] = o
	}
	var list []factRow
	for _, id := range ids {
		f := rows[id]
		o, ok := known[id]
		if !ok {
			fresh++
			h := hostRow{RealmNo: f.RealmNo, MAC: f.MAC, IP: f.IP}
			about[h.key()] = true
		} else if f.FirstAt >= o.FirstAt && f.LastAt <= o.LastAt {
			continue
		} else {
			f.FirstAt, f.LastAt = min(f.FirstAt, o.FirstAt), max(f.LastAt, o.LastAt)
		}
		list = append(list, *f)
	}
	return fresh, about, store.Upsert(ctx, tx, "asset_fact", list, []string{"fact_id"}, []string{"first_at", "last_at"})
}

// touch moves the times of assets that were heard again and are as they were.
func (s *Service) touch(ctx context.Context, tx *store.Tx, d sensor.Delivery, b *Batch, rows map[ot.Host]*hostRow, dirty map[ot.Host]news) error {
	last := map[string]int64{}
	for i := range b.hosts {
		k := key(b.hosts[i].Host, realmName(d.Realm(b.hosts[i].Realm)))
		if r := rows[k]; r != nil && r.AssetID != "" && dirty[k] == 0 {
			last[r.AssetID] = max(last[r.AssetID], r.LastAt)
		}
	}
	for _, id := range sortedKeys(last) {
		q := "UPDATE asset_asset SET last_at = CASE WHEN last_at < ? THEN ? ELSE last_at END"
		args := []any{last[id], last[id]}
		if b.Live {
			q += ", live = ?, last_live_at = ?"
			args = append(args, true, store.At(d.Received))
		}
		if _, err := tx.Exec(ctx, q+" WHERE asset_id = ?", append(args, id)...); err != nil {
			return err
		}
	}
	return nil
}

func keys(m map[ot.Host]news) []ot.Host { return slices.Collect(maps.Keys(m)) }
