// Package performance keeps how well the plant's network and devices answer: response
// times, jitter, cycles, exceptions, repeats, broadcasts and clocks, an hour each, from
// live sensors. It compares a day with the week before; it asks no device anything.
package performance

import (
	"context"
	"embed"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "performance", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
}

// Service is the slice: it owns the tables performance_*.
type Service struct {
	db     *store.DB
	clock  func() time.Time
	raiser Raiser // nil: nobody is told
}

// New makes the slice on a migrated database. clock nil: the time of day.
func New(db *store.DB, clock func() time.Time) *Service {
	if clock == nil {
		clock = time.Now
	}
	return &Service{db: db, clock: clock}
}

type functionRow struct {
	SiteNo    int64   `db:"site_no"`
	Hour      int64   `db:"hour"`
	RealmNo   int64   `db:"realm_no"`
	Server    string  `db:"server"`
	Protocol  string  `db:"protocol"`
	Name      string  `db:"name"`
	Messages  int64   `db:"messages"`
	Refused   int64   `db:"refused"`
	AskedN    int64   `db:"asked_n"`
	AskedSum  int64   `db:"asked_sum"`
	AskedSq   float64 `db:"asked_sq"`
	AskedMost int64   `db:"asked_most"`
	ToldN     int64   `db:"told_n"`
	ToldSum   int64   `db:"told_sum"`
	ToldSq    float64 `db:"told_sq"`
	ToldMost  int64   `db:"told_most"`
}

type deviceRow struct {
	SiteNo  int64  `db:"site_no"`
	Hour    int64  `db:"hour"`
	RealmNo int64  `db:"realm_no"`
	Server  string `db:"server"`
	Packets int64  `db:"packets"`
	Again   int64  `db:"again"`
	Resets  int64  `db:"resets"`
	Lost    int64  `db:"lost"`
}

type wireRow struct {
	SiteNo    int64  `db:"site_no"`
	Hour      int64  `db:"hour"`
	Source    string `db:"source_id"`
	Packets   int64  `db:"packets"`
	Bytes     int64  `db:"bytes"`
	Everybody int64  `db:"everybody"`
	Peak      int64  `db:"peak"`
	Skew      int64  `db:"skew"`
}

func hourOf(ns int64) int64 { return ns / int64(time.Hour) }

func address(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.Unmap().WithZone("").String()
	}
	return h.MAC.String()
}

// everybody says whether a flow goes to a group.
func everybody(h ot.Host) bool {
	return h.IP.IsMulticast() || h.IP.IsValid() && h.IP.String() == "255.255.255.255" || h.MAC.Group()
}

// Take counts one summary of a live sensor, in the caller's transaction.
func (s *Service) Take(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary) error {
	if !sum.Live || len(sum.Flows) == 0 {
		return nil
	}
	n, err := tx.Exec(ctx, "INSERT INTO performance_applied (sensor, epoch, seq, at) VALUES (?, ?, ?, ?) ON CONFLICT (sensor, epoch, seq) DO NOTHING",
		strconv.FormatInt(d.SiteNo, 10)+"/"+sum.Sensor, sum.Epoch, int64(sum.Seq), store.At(d.Received))
	if err != nil || n == 0 {
		return err
	}
	functions, devices, wire := fold(d, sum)
	if err := store.Upsert(ctx, tx, "performance_function", functions, []string{"site_no", "hour", "realm_no", "server", "protocol", "name"}, []string{
		add("performance_function", "messages"), add("performance_function", "refused"), add("performance_function", "asked_n"), add("performance_function", "asked_sum"), add("performance_function", "asked_sq"),
		most("performance_function", "asked_most"), add("performance_function", "told_n"), add("performance_function", "told_sum"), add("performance_function", "told_sq"), most("performance_function", "told_most"),
	}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "performance_device", devices, []string{"site_no", "hour", "realm_no", "server"}, []string{
		add("performance_device", "packets"), add("performance_device", "again"), add("performance_device", "resets"), add("performance_device", "lost"),
	}); err != nil {
		return err
	}
	return store.Upsert(ctx, tx, "performance_wire", []wireRow{wire}, []string{"site_no", "hour", "source_id"}, []string{
		add("performance_wire", "packets"), add("performance_wire", "bytes"), add("performance_wire", "everybody"), most("performance_wire", "peak"), "skew",
	})
}

func add(table, col string) string { return col + " = " + table + "." + col + " + excluded." + col }

func most(table, col string) string {
	return col + " = CASE WHEN " + table + "." + col + " > excluded." + col + " THEN " + table + "." + col + " ELSE excluded." + col + " END"
}

// fold is the pure part of Take. An interval counts to the hour in which it ends.
func fold(d sensor.Delivery, sum *sensor.Summary) ([]functionRow, []deviceRow, wireRow) {
	hour := hourOf(sum.To)
	type at struct {
		realm                  int64
		server, protocol, name string
	}
	functions := map[at]*functionRow{}
	for i := range sum.Tuples {
		t := &sum.Tuples[i]
		if t.Pace == nil {
			continue
		}
		name := t.Name
		if name == "" {
			name = t.Kind + " " + strconv.FormatInt(int64(t.Code), 10)
		}
		k := at{d.Realm(t.Flow.Realm), address(t.Flow.Server), t.Protocol, name}
		r := functions[k]
		if r == nil {
			r = &functionRow{SiteNo: d.SiteNo, Hour: hour, RealmNo: k.realm, Server: k.server, Protocol: k.protocol, Name: k.name}
			functions[k] = r
		}
		a, b := t.Pace.Asked, t.Pace.Answered
		r.Messages += int64(t.Count)
		r.AskedN, r.AskedSum, r.AskedSq, r.AskedMost = r.AskedN+int64(a.N), r.AskedSum+int64(a.Sum), r.AskedSq+a.Squares, max(r.AskedMost, int64(a.Most))
		r.ToldN, r.ToldSum, r.ToldSq, r.ToldMost = r.ToldN+int64(b.N), r.ToldSum+int64(b.Sum), r.ToldSq+b.Squares, max(r.ToldMost, int64(b.Most))
	}
	for i := range sum.Tuples { // exceptions are told by answers
		t := &sum.Tuples[i]
		if t.Refused == 0 {
			continue
		}
		name := t.Name
		if name == "" {
			name = t.Kind + " " + strconv.FormatInt(int64(t.Code), 10)
		}
		if r := functions[at{d.Realm(t.Flow.Realm), address(t.Flow.Server), t.Protocol, name}]; r != nil {
			r.Refused += int64(t.Refused)
		}
	}
	devices := map[at]*deviceRow{}
	wire := wireRow{SiteNo: d.SiteNo, Hour: hour, Source: d.Source}
	for i := range sum.Flows {
		f := &sum.Flows[i]
		packets := int64(f.ClientPackets + f.ServerPackets)
		wire.Packets += packets
		wire.Bytes += int64(f.ClientBytes + f.ServerBytes)
		if everybody(f.Server) {
			wire.Everybody += packets
			continue
		}
		k := at{realm: d.Realm(f.Realm), server: address(f.Server)}
		r := devices[k]
		if r == nil {
			r = &deviceRow{SiteNo: d.SiteNo, Hour: hour, RealmNo: k.realm, Server: k.server}
			devices[k] = r
		}
		r.Packets += packets
		r.Again += int64(f.Again)
		r.Resets += int64(f.Resets)
		r.Lost += int64(f.Lost)
	}
	if span := sum.To - sum.From; span > 0 {
		wire.Peak = int64(float64(wire.Bytes) / (float64(span) / 1e9))
	}
	if sum.Sent != 0 && !d.Received.IsZero() {
		wire.Skew = sum.Sent/1000 - d.Received.UnixMicro()
	}
	var fs []functionRow
	for _, r := range functions {
		fs = append(fs, *r)
	}
	var ds []deviceRow
	for _, r := range devices {
		ds = append(ds, *r)
	}
	return fs, ds, wire
}
