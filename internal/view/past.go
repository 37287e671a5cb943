package view

import (
	"context"
	"net/netip"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Past tells again what was heard, from what is kept of it: messages whole, everything
// else as the sums that conversations and tuples are, and facts with their first packet.
type Past struct{}

// Bounds of one telling of a site: a page waits for it.
const (
	mostEvents = 100_000
	mostSums   = 20_000 // read at once: their order has no key to go on from
	perPage    = 2000
	perSummary = 500
)

// retelling collects what belongs to one realm until it is told.
type retelling struct {
	fn    func(realmNo int64, sum *sensor.Summary) error
	realm int64
	sum   *sensor.Summary
	n     int
}

// room makes a summary for something that was met at a time, and tells the one before it
// where that is full or of another realm.
func (t *retelling) room(realmNo, at, until int64) (*sensor.Summary, error) {
	if t.sum != nil && (t.realm != realmNo || t.n >= perSummary) {
		if err := t.tell(); err != nil {
			return nil, err
		}
	}
	if t.sum == nil {
		t.realm, t.sum, t.n = realmNo, &sensor.Summary{From: at, To: until, Live: true}, 0
	}
	t.n++
	t.sum.From, t.sum.To = min(t.sum.From, at), max(t.sum.To, until)
	return t.sum, nil
}

func (t *retelling) tell() error {
	if t.sum == nil {
		return nil
	}
	sum := t.sum
	t.sum = nil
	return t.fn(t.realm, sum)
}

func hostOf(mac, ip string) (h ot.Host) {
	_ = h.MAC.UnmarshalText([]byte(mac)) // what is none stays empty
	if a, err := netip.ParseAddr(ip); err == nil {
		h.IP = a
	}
	return h
}

// Again implements detect.Past.
func (Past) Again(ctx context.Context, r store.Reader, siteNo int64, since time.Time, what detect.Heard, fn func(realmNo int64, sum *sensor.Summary) error) (cut bool, err error) {
	t := &retelling{fn: fn}
	steps := []struct {
		want bool
		tell func(context.Context, store.Reader, int64, time.Time, *retelling) (int, error)
		most int
	}{
		{what.Messages, pastEvents, mostEvents},
		{what.Tuples, pastTuples, mostSums},
		{what.Conversations, pastTalks, mostSums},
		{what.Facts, pastFacts, mostSums},
	}
	for _, s := range steps {
		if !s.want {
			continue
		}
		n, err := s.tell(ctx, r, siteNo, since, t)
		if err != nil {
			return cut, err
		}
		if err := t.tell(); err != nil {
			return cut, err
		}
		cut = cut || n >= s.most
	}
	return cut, nil
}

func pastEvents(ctx context.Context, r store.Reader, siteNo int64, since time.Time, t *retelling) (n int, err error) {
	type row struct {
		No        int64      `db:"event_no"`
		RealmNo   int64      `db:"realm_no"`
		At        store.Time `db:"at"`
		Protocol  string     `db:"protocol"`
		Kind      string     `db:"kind"`
		Dir       string     `db:"dir"`
		Code      int64      `db:"code"`
		Text      string     `db:"text"`
		Name      string     `db:"name"`
		Class     string     `db:"class"`
		Object    string     `db:"object"`
		Refused   bool       `db:"refused"`
		Status    int64      `db:"status"`
		Unit      int64      `db:"unit"`
		Source    string     `db:"source_id"`
		Packet    int64      `db:"packet"`
		Offset    int64      `db:"packet_offset"`
		ClientMAC string     `db:"client_mac"`
		ClientIP  string     `db:"client_ip"`
		ServerMAC string     `db:"server_mac"`
		ServerIP  string     `db:"server_ip"`
		Transport string     `db:"transport"`
		Port      int64      `db:"port"`
		Talk      string     `db:"talk_protocol"`
	}
	from, after := store.At(since), int64(-1)
	for n < mostEvents {
		rows, err := store.All[row](ctx, r, `SELECT e.event_no, e.realm_no, e.at, e.protocol, e.kind, e.dir, e.code, e.text, e.name, e.class, e.object, e.refused, e.status, e.unit, e.source_id, e.packet, e.packet_offset,
  e.client_mac, e.client_ip, e.server_mac, e.server_ip, COALESCE(c.transport, '') AS transport, COALESCE(c.port, 0) AS port, COALESCE(c.protocol, '') AS talk_protocol
FROM network_event e LEFT JOIN network_conversation c ON c.site_no = e.site_no AND c.conv_no = e.conv_no
WHERE e.site_no = ? AND (e.at > ? OR e.at = ? AND e.event_no > ?) ORDER BY e.at, e.event_no LIMIT ?`, siteNo, from, from, after, perPage)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for i := range rows {
			x := &rows[i]
			n++
			from, after = x.At, x.No
			at := x.At.UnixNano()
			sum, err := t.room(x.RealmNo, at, at)
			if err != nil {
				return n, err
			}
			sum.Events = append(sum.Events, sensor.Event{
				Flow: sensor.FlowKey{Client: hostOf(x.ClientMAC, x.ClientIP), Server: hostOf(x.ServerMAC, x.ServerIP), Transport: x.Transport, Port: uint16(x.Port), Protocol: x.Talk},
				Ref:  ot.PacketRef{Source: x.Source, Number: uint64(x.Packet), Seen: at, Offset: x.Offset}, Protocol: x.Protocol, Kind: x.Kind, Dir: x.Dir, Code: uint32(x.Code), Text: x.Text, Name: x.Name,
				Class: x.Class, Refused: x.Refused, Status: uint32(x.Status), Unit: uint32(x.Unit), Object: x.Object,
			})
		}
	}
	return n, nil
}

// sums are columns of a conversation that sums share.
type sums struct {
	RealmNo   int64      `db:"realm_no"`
	ClientMAC string     `db:"client_mac"`
	ClientIP  string     `db:"client_ip"`
	ServerMAC string     `db:"server_mac"`
	ServerIP  string     `db:"server_ip"`
	Transport string     `db:"transport"`
	Port      int64      `db:"port"`
	Talk      string     `db:"talk_protocol"`
	First     store.Time `db:"first_at"`
	Last      store.Time `db:"last_at"`
	Source    string     `db:"source_id"`
	Packet    int64      `db:"first_packet"`
	Offset    int64      `db:"first_offset"`
}

const sumColumns = "c.realm_no, c.client_mac, c.client_ip, c.server_mac, c.server_ip, c.transport, c.port, c.protocol AS talk_protocol"

func (x *sums) key() sensor.FlowKey {
	return sensor.FlowKey{Client: hostOf(x.ClientMAC, x.ClientIP), Server: hostOf(x.ServerMAC, x.ServerIP), Transport: x.Transport, Port: uint16(x.Port), Protocol: x.Talk}
}

func (x *sums) ref() ot.PacketRef {
	return ot.PacketRef{Source: x.Source, Number: uint64(x.Packet), Seen: x.First.UnixNano(), Offset: x.Offset}
}

// Tuples are told from the first that there ever was, in the order in which they came up:
// who is a new master depends on who was there before.
func pastTuples(ctx context.Context, r store.Reader, siteNo int64, _ time.Time, t *retelling) (n int, err error) {
	type row struct {
		sums
		Protocol  string `db:"protocol"`
		Kind      string `db:"kind"`
		Dir       string `db:"dir"`
		Code      int64  `db:"code"`
		Text      string `db:"text"`
		Unit      int64  `db:"unit"`
		Area      int64  `db:"area"`
		Name      string `db:"name"`
		Class     string `db:"class"`
		FirstItem int64  `db:"first_item"`
		LastItem  int64  `db:"last_item"`
		Count     int64  `db:"count"`
		Refused   int64  `db:"refused"`
	}
	rows, err := store.All[row](ctx, r, `SELECT `+sumColumns+`, u.protocol, u.kind, u.dir, u.code, u.text, u.unit, u.area, u.name, u.class, u.first_item, u.last_item, u.count, u.refused, u.first_at, u.last_at, u.source_id, u.first_packet, u.first_offset
FROM network_tuple u JOIN network_conversation c ON c.site_no = u.site_no AND c.conv_no = u.conv_no WHERE u.site_no = ? AND NOT u.also ORDER BY u.first_at, u.conv_no, u.code LIMIT ?`, siteNo, mostSums)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		x := &rows[i]
		n++
		sum, err := t.room(x.RealmNo, x.First.UnixNano(), x.Last.UnixNano())
		if err != nil {
			return n, err
		}
		sum.Tuples = append(sum.Tuples, sensor.TupleDelta{
			Flow: x.key(), Protocol: x.Protocol, Kind: x.Kind, Dir: x.Dir, Code: uint32(x.Code), Text: x.Text, Unit: uint32(x.Unit), Area: uint32(x.Area), Name: x.Name, Class: x.Class,
			FirstItem: uint32(x.FirstItem), LastItem: uint32(x.LastItem), Count: uint64(x.Count), Refused: uint64(x.Refused), First: x.First.UnixNano(), Last: x.Last.UnixNano(), FirstRef: x.ref(),
		})
	}
	return n, nil
}

func pastTalks(ctx context.Context, r store.Reader, siteNo int64, since time.Time, t *retelling) (n int, err error) {
	type row struct {
		sums
		Guess         string `db:"guess"`
		Sessions      int64  `db:"sessions"`
		Established   bool   `db:"established"`
		ClientPackets int64  `db:"client_packets"`
		ClientBytes   int64  `db:"client_bytes"`
		ServerPackets int64  `db:"server_packets"`
		ServerBytes   int64  `db:"server_bytes"`
		Malformed     int64  `db:"malformed"`
		Lost          int64  `db:"lost"`
	}
	rows, err := store.All[row](ctx, r, `SELECT `+sumColumns+`, c.guess, c.sessions, c.established, c.client_packets, c.client_bytes, c.server_packets, c.server_bytes, c.malformed, c.lost, c.first_at, c.last_at, c.source_id, c.first_packet, c.first_offset
FROM network_conversation c WHERE c.site_no = ? AND c.last_at >= ? ORDER BY c.last_at, c.conv_no LIMIT ?`, siteNo, store.At(since), mostSums)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		x := &rows[i]
		n++
		sum, err := t.room(x.RealmNo, x.First.UnixNano(), x.Last.UnixNano())
		if err != nil {
			return n, err
		}
		k := x.key()
		sum.Flows = append(sum.Flows, sensor.FlowDelta{
			Client: k.Client, Server: k.Server, Transport: k.Transport, Port: k.Port, Protocol: k.Protocol, Guess: x.Guess, First: x.First.UnixNano(), Last: x.Last.UnixNano(), Sessions: uint64(x.Sessions), Established: x.Established,
			ClientPackets: uint64(x.ClientPackets), ClientBytes: uint64(x.ClientBytes), ServerPackets: uint64(x.ServerPackets), ServerBytes: uint64(x.ServerBytes), Malformed: uint64(x.Malformed), Lost: uint64(x.Lost), FirstRef: x.ref(),
		})
	}
	return n, nil
}

// Facts are told from the first that there ever was, too: whether one changed depends on it.
func pastFacts(ctx context.Context, r store.Reader, siteNo int64, _ time.Time, t *retelling) (n int, err error) {
	type row struct {
		RealmNo  int64      `db:"realm_no"`
		MAC      string     `db:"mac"`
		IP       string     `db:"ip"`
		Module   string     `db:"module"`
		Attr     string     `db:"attr"`
		Value    string     `db:"value"`
		Protocol string     `db:"protocol"`
		By       string     `db:"said_by"`
		First    store.Time `db:"first_at"`
		Source   string     `db:"source_id"`
		Packet   int64      `db:"packet"`
		Offset   int64      `db:"packet_offset"`
	}
	rows, err := store.All[row](ctx, r, "SELECT realm_no, mac, ip, module, attr, value, protocol, said_by, first_at, source_id, packet, packet_offset FROM asset_fact WHERE site_no = ? ORDER BY first_at, fact_id LIMIT ?", siteNo, mostSums)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		x := &rows[i]
		n++
		at := x.First.UnixNano()
		sum, err := t.room(x.RealmNo, at, at)
		if err != nil {
			return n, err
		}
		f := sensor.Fact{About: hostOf(x.MAC, x.IP), Attr: ot.Attr(x.Attr), Value: x.Value, Protocol: x.Protocol, Ref: ot.PacketRef{Source: x.Source, Number: uint64(x.Packet), Seen: at, Offset: x.Offset}}
		f.About.Module = x.Module
		if f.By = hostOf(x.By, x.By); x.By == "" {
			f.By = f.About
		}
		sum.Facts = append(sum.Facts, f)
	}
	return n, nil
}
