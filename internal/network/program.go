package network

import (
	"context"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// programRow is network_program.
type programRow struct {
	SiteNo       int64  `db:"site_no"`
	ProgramNo    int64  `db:"program_no"`
	Key          string `db:"program_key"`
	ConvNo       int64  `db:"conv_no"`
	RealmNo      int64  `db:"realm_no"`
	ClientMAC    string `db:"client_mac"`
	ClientIP     string `db:"client_ip"`
	ServerMAC    string `db:"server_mac"`
	ServerIP     string `db:"server_ip"`
	Protocol     string `db:"protocol"`
	Kind         string `db:"kind"`
	Name         string `db:"name"`
	Up           bool   `db:"up"`
	Size         int64  `db:"size"`
	SHA256       string `db:"sha256"`
	Missing      string `db:"missing"`
	Without      string `db:"without"`
	FirstAt      int64  `db:"first_at"`
	LastAt       int64  `db:"last_at"`
	Times        int64  `db:"times"`
	Live         bool   `db:"live"`
	SourceID     string `db:"source_id"`
	Packet       int64  `db:"packet"`
	PacketOffset int64  `db:"packet_offset"`
}

// contentRow is network_content.
type contentRow struct {
	SHA256 string `db:"sha256"`
	Size   int64  `db:"size"`
	At     int64  `db:"at"`
	Bytes  []byte `db:"bytes"`
}

// keptContent is how many bytes of programs an installation keeps. Beyond it the hash alone is kept: what came
// first is what later versions are compared with, so the old does not make room for the new.
const keptContent = 1 << 30

const tooMuch = "this installation keeps no more bytes of programs"

// programs notes blocks and files that passed by. The same again is counted, and its time moves on.
func (w *writer) programs(ctx context.Context, programs []sensor.Program) error {
	if len(programs) == 0 {
		return nil
	}
	at := map[string]int{}
	var rows []programRow
	full := false
	for i := range programs {
		p := &programs[i]
		if p.Kind == sensor.KindPassing {
			continue // nobody keeps it
		}
		c := w.convs[w.key(&p.Flow)]
		if c == nil {
			continue // a conversation that nobody told of
		}
		if len(p.Content) > 0 && p.SHA256 != "" {
			held, err := store.One[int64](ctx, w.tx, "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM network_content")
			if err != nil {
				return err
			}
			if full = held+int64(len(p.Content)) > keptContent; !full {
				x := contentRow{p.SHA256, int64(len(p.Content)), micros(p.Ended), p.Content}
				if err := store.Upsert(ctx, w.tx, "network_content", []contentRow{x}, []string{"sha256"}, nil); err != nil {
					return err
				}
			}
		}
		r := w.program(p)
		r.ConvNo = c.ConvNo
		if full && r.Without == "" && len(p.Content) > 0 {
			r.Without = tooMuch
		}
		if j, ok := at[r.Key]; ok {
			o := &rows[j]
			o.Times++
			o.FirstAt, o.LastAt = min(o.FirstAt, r.FirstAt), max(o.LastAt, r.LastAt)
			continue
		}
		at[r.Key] = len(rows)
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil
	}
	no, err := number(ctx, w.tx, w.d.SiteNo, "program", len(rows))
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].ProgramNo = no + int64(i)
	}
	return store.Upsert(ctx, w.tx, "network_program", rows, []string{"site_no", "program_key"}, []string{
		"times = network_program.times + excluded.times",
		"first_at = CASE WHEN excluded.first_at < network_program.first_at THEN excluded.first_at ELSE network_program.first_at END",
		"last_at = CASE WHEN excluded.last_at > network_program.last_at THEN excluded.last_at ELSE network_program.last_at END",
		"size", "missing", "live", "source_id", "packet", "packet_offset",
	})
}

func (w *writer) program(p *sensor.Program) programRow {
	realm, client, server := w.d.Realm(p.Flow.Realm), endOf(p.Flow.Client), endOf(p.Flow.Server)
	r := programRow{
		SiteNo: w.d.SiteNo, RealmNo: realm, ClientMAC: client.mac, ClientIP: client.ip, ServerMAC: server.mac, ServerIP: server.ip,
		Protocol: p.Protocol, Kind: p.Kind, Name: ot.Printable(p.Name), Up: p.Up, Size: int64(p.Size), SHA256: p.SHA256, Missing: p.Missing, Without: p.Without,
		FirstAt: micros(p.Ref.Seen), LastAt: micros(p.Ended), Times: 1, Live: w.live, SourceID: w.d.Source, Packet: int64(p.Ref.Number), PacketOffset: p.Ref.Offset,
	}
	way := "into"
	if p.Up {
		way = "out"
	}
	r.Key = strings.Join([]string{strconv.FormatInt(realm, 10), client.name(), server.name(), p.Protocol, p.Kind, way, p.SHA256, r.Name}, "|")
	return r
}
