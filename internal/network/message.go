package network

import (
	"context"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// tupleRow is network_tuple.
type tupleRow struct {
	SiteNo      int64  `db:"site_no"`
	ConvNo      int64  `db:"conv_no"`
	Protocol    string `db:"protocol"`
	Kind        string `db:"kind"`
	Dir         string `db:"dir"`
	Code        int64  `db:"code"`
	Text        string `db:"text"`
	Also        bool   `db:"also"`
	Unit        int64  `db:"unit"`
	Space       int64  `db:"space"`
	Area        int64  `db:"area"`
	Name        string `db:"name"`
	Class       string `db:"class"`
	FirstItem   int64  `db:"first_item"`
	LastItem    int64  `db:"last_item"`
	Count       int64  `db:"count"`
	Refused     int64  `db:"refused"`
	FirstAt     int64  `db:"first_at"`
	LastAt      int64  `db:"last_at"`
	SourceID    string `db:"source_id"`
	FirstPacket int64  `db:"first_packet"`
	FirstOffset int64  `db:"first_offset"`
}

const tupleColumns = "site_no, conv_no, protocol, kind, dir, code, text, also, unit, space, area, name, class, first_item, last_item, count, refused, first_at, last_at, source_id, first_packet, first_offset"

type tupleKey struct {
	conv                      int64
	protocol, kind, dir, text string
	code, unit, space, area   int64
	also                      bool
}

func (t *tupleRow) key() tupleKey {
	return tupleKey{t.ConvNo, t.Protocol, t.Kind, t.Dir, t.Text, t.Code, t.Unit, t.Space, t.Area, t.Also}
}

// add merges a second delta of the same tuple.
func (t *tupleRow) add(o *tupleRow) {
	t.Count += o.Count
	t.Refused += o.Refused
	t.FirstItem, t.LastItem = min(t.FirstItem, o.FirstItem), max(t.LastItem, o.LastItem)
	if o.FirstAt < t.FirstAt {
		t.FirstAt, t.SourceID, t.FirstPacket, t.FirstOffset = o.FirstAt, o.SourceID, o.FirstPacket, o.FirstOffset
	}
	t.LastAt = max(t.LastAt, o.LastAt)
}

// tuples adds counters of messages. They are summed in the database: no tuple is read.
func (w *writer) tuples(ctx context.Context, tuples []sensor.TupleDelta) error {
	at := map[tupleKey]int{}
	var rows []tupleRow
	for i := range tuples {
		t := &tuples[i]
		c := w.convs[w.key(&t.Flow)]
		if c == nil {
			continue // a conversation that nobody told of
		}
		if bits := c.Classes | class(t.Class); bits != c.Classes && !t.Also {
			c.Classes = bits
			w.dirty[c.Key] = true
		}
		r := tupleRow{
			SiteNo: w.d.SiteNo, ConvNo: c.ConvNo, Protocol: t.Protocol, Kind: t.Kind, Dir: t.Dir, Code: int64(t.Code), Text: ot.Printable(t.Text), Also: t.Also, Unit: int64(t.Unit),
			Space: int64(t.Space), Area: int64(t.Area), Name: t.Name, Class: t.Class, FirstItem: int64(t.FirstItem), LastItem: int64(t.LastItem), Count: int64(t.Count), Refused: int64(t.Refused),
			FirstAt: micros(t.First), LastAt: micros(t.Last), SourceID: w.d.Source, FirstPacket: int64(t.FirstRef.Number), FirstOffset: t.FirstRef.Offset,
		}
		if j, ok := at[r.key()]; ok {
			rows[j].add(&r)
			continue
		}
		at[r.key()] = len(rows)
		rows = append(rows, r)
	}
	older := func(column string) string {
		return column + " = CASE WHEN excluded.first_at < network_tuple.first_at THEN excluded." + column + " ELSE network_tuple." + column + " END"
	}
	return store.Upsert(ctx, w.tx, "network_tuple", rows, []string{"site_no", "conv_no", "protocol", "kind", "dir", "code", "text", "also", "unit", "space", "area"}, []string{
		"count = network_tuple.count + excluded.count", "refused = network_tuple.refused + excluded.refused", "name", "class",
		"first_item = CASE WHEN excluded.first_item < network_tuple.first_item THEN excluded.first_item ELSE network_tuple.first_item END",
		"last_item = CASE WHEN excluded.last_item > network_tuple.last_item THEN excluded.last_item ELSE network_tuple.last_item END",
		older("source_id"), older("first_packet"), older("first_offset"), older("first_at"),
		"last_at = CASE WHEN excluded.last_at > network_tuple.last_at THEN excluded.last_at ELSE network_tuple.last_at END",
	})
}

// eventRow is network_event.
type eventRow struct {
	SiteNo    int64                `db:"site_no"`
	EventNo   int64                `db:"event_no"`
	ConvNo    int64                `db:"conv_no"`
	RealmNo   int64                `db:"realm_no"`
	At        int64                `db:"at"`
	Protocol  string               `db:"protocol"`
	Kind      string               `db:"kind"`
	Dir       string               `db:"dir"`
	Code      int64                `db:"code"`
	Text      string               `db:"text"`
	Name      string               `db:"name"`
	Class     string               `db:"class"`
	Object    string               `db:"object"`
	Refused   bool                 `db:"refused"`
	Status    int64                `db:"status"`
	Unit      int64                `db:"unit"`
	Rules     store.JSON[[]string] `db:"rules"`
	Live      bool                 `db:"live"`
	SourceID  string               `db:"source_id"`
	Packet    int64                `db:"packet"`
	Offset    int64                `db:"packet_offset"`
	Proof     []byte               `db:"proof"`
	ClientMAC string               `db:"client_mac"`
	ClientIP  string               `db:"client_ip"`
	ServerMAC string               `db:"server_mac"`
	ServerIP  string               `db:"server_ip"`
	Repeats   int64                `db:"repeats"`
	Until     int64                `db:"until"` // 0: it is one message
	Bytes     int64                `db:"bytes"`
}

const eventColumns = "site_no, event_no, conv_no, realm_no, at, protocol, kind, dir, code, text, name, class, object, refused, status, unit, rules, live, source_id, packet, packet_offset, proof, client_mac, client_ip, server_mac, server_ip, repeats, until, bytes"

// events adds messages that were reported whole.
func (w *writer) events(ctx context.Context, events []sensor.Event) error {
	rows := make([]eventRow, 0, len(events))
	for i := range events {
		e := &events[i]
		c := w.convs[w.key(&e.Flow)]
		if c == nil {
			continue
		}
		if e.Began != 0 {
			if found, err := w.goesOn(ctx, c.ConvNo, e, rows); err != nil || found {
				if err != nil {
					return err
				}
				continue
			}
		}
		rules := e.Rules
		if rules == nil {
			rules = []string{}
		}
		rows = append(rows, eventRow{
			SiteNo: w.d.SiteNo, ConvNo: c.ConvNo, RealmNo: c.RealmNo, At: micros(e.Ref.Seen), Protocol: e.Protocol, Kind: e.Kind, Dir: e.Dir, Code: int64(e.Code),
			Text: ot.Printable(e.Text), Name: e.Name, Class: e.Class, Object: ot.Printable(e.Object), Refused: e.Refused, Status: int64(e.Status), Unit: int64(e.Unit), Rules: store.AsJSON(rules), Live: w.live,
			SourceID: w.d.Source, Packet: int64(e.Ref.Number), Offset: e.Ref.Offset, Proof: e.Proof,
			ClientMAC: c.ClientMAC, ClientIP: c.ClientIP, ServerMAC: c.ServerMAC, ServerIP: c.ServerIP,
			Repeats: int64(e.Repeats), Until: micros(e.Until), Bytes: int64(e.Bytes),
		})
	}
	if len(rows) == 0 {
		return nil
	}
	no, err := number(ctx, w.tx, w.d.SiteNo, "event", len(rows))
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].EventNo = no + int64(i)
	}
	w.added.Events += len(rows)
	return store.Upsert(ctx, w.tx, "network_event", rows, nil, nil)
}

// goesOn counts what a later summary tells of a transfer on the event that told of its beginning; false: nobody
// here has that, and this becomes one of its own.
func (w *writer) goesOn(ctx context.Context, conv int64, e *sensor.Event, fresh []eventRow) (bool, error) {
	for i := range fresh {
		r := &fresh[i]
		if r.ConvNo == conv && r.Packet == int64(e.Began) && r.Kind == e.Kind && r.Dir == e.Dir && r.Code == int64(e.Code) && r.Text == ot.Printable(e.Text) && r.Object == ot.Printable(e.Object) && r.Refused == e.Refused && r.Status == int64(e.Status) && r.Unit == int64(e.Unit) {
			r.Repeats += 1 + int64(e.Repeats)
			r.Until, r.Bytes = max(r.Until, micros(e.Until)), r.Bytes+int64(e.Bytes)
			return true, nil
		}
	}
	no, err := store.All[int64](ctx, w.tx, `SELECT event_no FROM network_event WHERE site_no = ? AND conv_no = ? AND source_id = ? AND packet = ? AND protocol = ? AND kind = ? AND dir = ? AND code = ? AND text = ? AND object = ? AND refused = ? AND status = ? AND unit = ?
 ORDER BY event_no DESC LIMIT 1`, w.d.SiteNo, conv, w.d.Source, int64(e.Began), e.Protocol, e.Kind, e.Dir, int64(e.Code), ot.Printable(e.Text), ot.Printable(e.Object), e.Refused, int64(e.Status), int64(e.Unit))
	if err != nil || len(no) == 0 {
		return false, err
	}
	until := micros(e.Until)
	_, err = w.tx.Exec(ctx, "UPDATE network_event SET repeats = repeats + ?, bytes = bytes + ?, until = CASE WHEN until < ? THEN ? ELSE until END WHERE site_no = ? AND event_no = ?", 1+int64(e.Repeats), int64(e.Bytes), until, until, w.d.SiteNo, no[0])
	return err == nil, err
}
