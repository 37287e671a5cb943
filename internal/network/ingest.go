package network

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Brought says what a batch brought.
type Brought struct{ Conversations, Events int }

// convRow is network_conversation.
type convRow struct {
	SiteNo         int64      `db:"site_no"`
	ConvNo         int64      `db:"conv_no"`
	Key            string     `db:"conv_key"`
	RealmNo        int64      `db:"realm_no"`
	VLAN           int64      `db:"vlan"`
	ClientMAC      string     `db:"client_mac"`
	ClientIP       string     `db:"client_ip"`
	ServerMAC      string     `db:"server_mac"`
	ServerIP       string     `db:"server_ip"`
	ClientBy       string     `db:"client_by"`
	Transport      string     `db:"transport"`
	Port           int64      `db:"port"`
	Protocol       string     `db:"protocol"`
	Guess          string     `db:"guess"`
	FirstAt        int64      `db:"first_at"`
	LastAt         int64      `db:"last_at"`
	LastLiveAt     store.Time `db:"last_live_at"`
	Sessions       int64      `db:"sessions"`
	Established    bool       `db:"established"`
	ClientPackets  int64      `db:"client_packets"`
	ClientBytes    int64      `db:"client_bytes"`
	ServerPackets  int64      `db:"server_packets"`
	ServerBytes    int64      `db:"server_bytes"`
	Malformed      int64      `db:"malformed"`
	Lost           int64      `db:"lost"`
	Classes        int64      `db:"classes"`
	Live           bool       `db:"live"`
	SourceID       string     `db:"source_id"`
	FirstPacket    int64      `db:"first_packet"`
	FirstOffset    int64      `db:"first_offset"`
	Proof          []byte     `db:"proof"`
	Print          string     `db:"print"`
	ClientZoneNo   int64      `db:"client_zone_no"`
	ServerZoneNo   int64      `db:"server_zone_no"`
	ClientInternet bool       `db:"client_internet"`
	ServerInternet bool       `db:"server_internet"`
	Told           bool       `db:"told"`
}

const convColumns = "site_no, conv_no, conv_key, realm_no, vlan, client_mac, client_ip, server_mac, server_ip, client_by, transport, port, protocol, guess, first_at, last_at, last_live_at, sessions, established, client_packets, client_bytes, server_packets, server_bytes, malformed, lost, classes, live, source_id, first_packet, first_offset, proof, print, client_zone_no, server_zone_no, client_internet, server_internet, told"

func convSet() []string {
	return []string{
		"vlan", "client_mac", "client_ip", "server_mac", "server_ip", "client_by", "guess", "first_at", "last_at", "last_live_at", "sessions", "established",
		"client_packets", "client_bytes", "server_packets", "server_bytes", "malformed", "lost", "classes", "live", "source_id", "first_packet", "first_offset", "proof", "print",
		"client_zone_no", "server_zone_no", "client_internet", "server_internet", "told",
	}
}

// Apply takes one batch of a summary, in the caller's transaction. Applying it
// again changes nothing.
func (s *Service) Apply(ctx context.Context, tx *store.Tx, d sensor.Delivery, b *Batch) (Brought, error) {
	n, err := tx.Exec(ctx, "INSERT INTO network_applied (sensor, epoch, seq, part, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (sensor, epoch, seq, part) DO NOTHING",
		strconv.FormatInt(d.SiteNo, 10)+"/"+b.Sensor, b.Epoch, int64(b.Seq), b.No, store.At(d.Received))
	if err != nil || n == 0 {
		return Brought{}, err
	}
	if b.health != nil {
		if err := s.hearSource(ctx, tx, d, b.health); err != nil || b.Rows() == 0 {
			return Brought{}, err
		}
	}
	w := &writer{s: s, tx: tx, d: d, live: b.Live, told: b.Told, from: micros(b.From), convs: map[string]*convRow{}, dirty: map[string]bool{}, keys: map[sensor.FlowKey]string{}}
	if err := w.load(ctx, b); err != nil {
		return Brought{}, err
	}
	if err := w.flows(ctx, b.flows); err != nil {
		return Brought{}, err
	}
	if err := w.tuples(ctx, b.tuples); err != nil {
		return Brought{}, err
	}
	if err := w.events(ctx, b.events); err != nil {
		return Brought{}, err
	}
	if err := w.programs(ctx, b.programs); err != nil {
		return Brought{}, err
	}
	return w.added, w.flush(ctx)
}

// writer gathers what a batch changes.
type writer struct {
	s      *Service
	tx     *store.Tx
	d      sensor.Delivery
	live   bool
	told   bool // by another sensor
	from   int64
	convs  map[string]*convRow
	dirty  map[string]bool
	keys   map[sensor.FlowKey]string
	ends   *ends
	rolled []rollupRow
	added  Brought
}

// key names the conversation of a flow, which many messages have in common.
func (w *writer) key(k *sensor.FlowKey) string {
	name, ok := w.keys[*k]
	if !ok {
		name = convKey(w.d.Realm(k.Realm), endOf(k.Client), endOf(k.Server), k.Transport, k.Port, k.Protocol)
		w.keys[*k] = name
	}
	return name
}

// load reads the conversations that the batch names.
func (w *writer) load(ctx context.Context, b *Batch) error {
	seen := map[string]bool{}
	var list, addresses []string
	name := func(key string) {
		if !seen[key] {
			seen[key] = true
			list = append(list, key)
		}
	}
	at := map[string]bool{}
	for i := range b.flows {
		f := &b.flows[i]
		name(convKey(w.d.Realm(f.Realm), endOf(f.Client), endOf(f.Server), f.Transport, f.Port, f.Protocol))
		for _, e := range []end{endOf(f.Client), endOf(f.Server)} {
			if a := e.name(); a != "" && !at[a] {
				at[a] = true
				addresses = append(addresses, a)
			}
		}
	}
	for i := range b.tuples {
		name(w.key(&b.tuples[i].Flow))
	}
	for i := range b.events {
		name(w.key(&b.events[i].Flow))
	}
	for i := range b.programs {
		name(w.key(&b.programs[i].Flow))
	}
	for part := range slices.Chunk(list, 500) {
		rows, err := store.All[convRow](ctx, w.tx, "SELECT "+convColumns+" FROM network_conversation WHERE site_no = ? AND conv_key IN (?)", w.d.SiteNo, part)
		if err != nil {
			return err
		}
		for i := range rows {
			w.convs[rows[i].Key] = &rows[i]
		}
	}
	var err error
	w.ends, err = w.s.loadEnds(ctx, w.tx, w.d.SiteNo, addresses)
	return err
}

// number gives n new numbers of a site's table and returns the first.
func number(ctx context.Context, tx *store.Tx, siteNo int64, table string, n int) (int64, error) {
	last, err := store.One[int64](ctx, tx, "INSERT INTO network_counter (site_no, name, last) VALUES (?, ?, ?) ON CONFLICT (site_no, name) DO UPDATE SET last = network_counter.last + excluded.last RETURNING last", siteNo, table, n)
	return last - int64(n) + 1, err
}

// flows merges flow deltas into conversations.
func (w *writer) flows(ctx context.Context, flows []sensor.FlowDelta) error {
	fresh := 0
	var born []*convRow
	for i := range flows {
		f := &flows[i]
		realm, client, server := w.d.Realm(f.Realm), endOf(f.Client), endOf(f.Server)
		key := convKey(realm, client, server, f.Transport, f.Port, f.Protocol)
		c := w.convs[key]
		if c == nil {
			fresh++
			c = &convRow{
				SiteNo: w.d.SiteNo, Key: key, RealmNo: realm, Transport: f.Transport, Port: int64(f.Port), Protocol: f.Protocol, FirstAt: micros(f.First), LastAt: micros(f.Last),
				SourceID: w.d.Source, FirstPacket: int64(f.FirstRef.Number), FirstOffset: f.FirstRef.Offset, Proof: f.Proof, Told: w.told,
			}
			w.convs[key] = c
			born = append(born, c)
		}
		c.merge(f, client, server, w.d.Source)
		c.Told = c.Told && w.told
		if w.live {
			c.Live = true
			if last := store.Micros(micros(f.Last)); c.LastLiveAt.IsZero() || last.After(c.LastLiveAt.Time) {
				c.LastLiveAt = last
			}
		}
		c.ClientZoneNo, c.ClientInternet = w.ends.of(realm, c.ClientMAC, c.ClientIP)
		c.ServerZoneNo, c.ServerInternet = w.ends.of(realm, c.ServerMAC, c.ServerIP)
		w.dirty[key] = true
		w.roll(c, f)
	}
	if fresh == 0 {
		return nil
	}
	no, err := number(ctx, w.tx, w.d.SiteNo, "conversation", fresh)
	if err != nil {
		return err
	}
	for i, c := range born {
		c.ConvNo = no + int64(i)
	}
	w.added.Conversations += fresh
	return nil
}

// strength orders the reasons why a side is the client.
func strength(by string) int {
	switch sensor.ClientBy(by) {
	case sensor.BySYN:
		return 4
	case sensor.ByProtocol:
		return 3
	case sensor.ByPort:
		return 2
	case sensor.ByGuess:
		return 1
	}
	return 0
}

// merge adds a delta. The client side flips when the delta knows better; the
// counters stay with their ends.
func (c *convRow) merge(f *sensor.FlowDelta, client, server end, source string) {
	same := end{c.ClientMAC, c.ClientIP}.name() == client.name() || c.ClientBy == ""
	switch {
	case c.ClientBy == "" || strength(string(f.ClientBy)) > strength(c.ClientBy):
		if !same {
			c.ClientPackets, c.ServerPackets = c.ServerPackets, c.ClientPackets
			c.ClientBytes, c.ServerBytes = c.ServerBytes, c.ClientBytes
			same = true
		}
		c.ClientBy = string(f.ClientBy)
		c.ClientMAC, c.ClientIP, c.ServerMAC, c.ServerIP = client.mac, client.ip, server.mac, server.ip
	case same: // addresses below IP may have moved; nobody sent from an empty one
		c.ClientMAC, c.ServerMAC = keep(client.mac, c.ClientMAC), keep(server.mac, c.ServerMAC)
	}
	if f.ServerPackets == 0 && c.ServerPackets > 0 && same {
		c.ServerMAC = keep(c.ServerMAC, server.mac) // the answer's own address, not the one that was aimed at
	}
	cp, cb, sp, sb := f.ClientPackets, f.ClientBytes, f.ServerPackets, f.ServerBytes
	if !same {
		cp, cb, sp, sb = sp, sb, cp, cb
	}
	c.ClientPackets += int64(cp)
	c.ClientBytes += int64(cb)
	c.ServerPackets += int64(sp)
	c.ServerBytes += int64(sb)
	c.Sessions += int64(f.Sessions)
	c.Malformed += int64(f.Malformed)
	c.Lost += int64(f.Lost)
	c.Established = c.Established || f.Established || c.ClientPackets > 0 && c.ServerPackets > 0
	if f.Guess != "" {
		c.Guess = f.Guess
	}
	if f.Print != nil {
		if raw, err := json.Marshal(f.Print); err == nil {
			c.Print = string(raw)
		}
	}
	if f.VLAN != 0 {
		c.VLAN = int64(f.VLAN)
	}
	if first := micros(f.First); first < c.FirstAt {
		c.FirstAt, c.SourceID, c.FirstPacket, c.FirstOffset, c.Proof = first, source, int64(f.FirstRef.Number), f.FirstRef.Offset, f.Proof
	}
	if len(f.Proof) > len(c.Proof) && c.SourceID == source && c.FirstPacket == int64(f.FirstRef.Number) {
		c.Proof = f.Proof // headers, until a payload came that may be kept
	}
	c.LastAt = max(c.LastAt, micros(f.Last))
}

func keep(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

type rollupRow struct {
	SiteNo  int64 `db:"site_no"`
	Month   int64 `db:"month"`
	ConvNo  int64 `db:"conv_no"`
	Hour    int64 `db:"hour"`
	Packets int64 `db:"packets"`
	Bytes   int64 `db:"bytes"`
	conv    *convRow
}

// roll notes a delta in its hour. A summary covers minutes, so the hour in which it began is right to within them;
// a conversation that goes on began long before.
func (w *writer) roll(c *convRow, f *sensor.FlowDelta) {
	us := max(micros(f.First), w.from)
	w.rolled = append(w.rolled, rollupRow{
		SiteNo: w.d.SiteNo, Month: monthOf(us), Hour: hourOf(us),
		Packets: int64(f.ClientPackets + f.ServerPackets), Bytes: int64(f.ClientBytes + f.ServerBytes), conv: c,
	})
}

// flush writes the conversations and their hours.
func (w *writer) flush(ctx context.Context) error {
	rows := make([]convRow, 0, len(w.dirty))
	for _, c := range w.convs {
		if w.dirty[c.Key] {
			rows = append(rows, *c)
		}
	}
	slices.SortFunc(rows, func(a, b convRow) int { return int(a.ConvNo - b.ConvNo) })
	if err := store.Upsert(ctx, w.tx, "network_conversation", rows, []string{"site_no", "conv_no"}, convSet()); err != nil {
		return err
	}
	type key struct{ conv, hour int64 }
	at := map[key]int{}
	var hours []rollupRow
	for _, r := range w.rolled {
		r.ConvNo = r.conv.ConvNo
		k := key{r.ConvNo, r.Hour}
		if i, ok := at[k]; ok {
			hours[i].Packets += r.Packets
			hours[i].Bytes += r.Bytes
			continue
		}
		at[k] = len(hours)
		hours = append(hours, r)
	}
	return store.Upsert(ctx, w.tx, "network_rollup", hours, []string{"site_no", "month", "conv_no", "hour"},
		[]string{"packets = network_rollup.packets + excluded.packets", "bytes = network_rollup.bytes + excluded.bytes"})
}

// class parses a class name to its bit.
func class(name string) int64 { return int64(ot.ParseClass(name)) }
