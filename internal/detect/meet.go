package detect

import (
	"context"
	"strconv"

	"github.com/skanse/skanse/internal/detect/indicator"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// The rules that indicators and scanners are raised by.
const (
	ruleAddress = "indicator-address"
	ruleDomain  = "indicator-domain"
	ruleFile    = "indicator-file"
	ruleMalware = "file-malware"
)

// named are the attributes that hold the name of a host on the internet.
func named(a ot.Attr) bool {
	switch a {
	case "tls.server_name", "http.host", "dns.name", "quic.server_name":
		return true
	}
	return false
}

// Scanned is what a scanner said of a file that passed by, by its hash.
type Scanned map[string]string

// meet finds indicators in a summary, and what a scanner found in its files.
func (k *wanted) meet(d sensor.Delivery, sum *sensor.Summary, scanned Scanned) []rule.Hit {
	var hits []rule.Hit
	if k == nil {
		k = &wanted{}
	}
	hit := func(id string, x indicator.Indicator, client, server ot.Host, realm string, ref ot.PacketRef, proof []byte, value string) *rule.Hit {
		h := rule.Hit{
			Rule: id, SiteNo: d.SiteNo, RealmNo: d.Realm(realm), Client: end(client), Server: end(server), First: ref.Seen, Last: ref.Seen, Count: 1, Live: sum.Live,
			Packets: []ot.PacketRef{ref}, Proof: proof, Group: []string{end(client).Name(), end(server).Name(), value},
		}
		if x.Value != "" {
			h.Facts = append(h.Facts, rule.Say{Name: "indicator", Value: x.Value}, rule.Say{Name: "source", Value: k.names[x.Kind+" "+x.Value]})
			if x.Title != "" {
				h.Facts = append(h.Facts, rule.Say{Name: "said", Value: x.Title})
			}
			if x.Ref != "" {
				h.Facts = append(h.Facts, rule.Say{Name: "reference", Value: x.Ref})
			}
			h.Facts = append(h.Facts, rule.Say{Name: "until", Value: x.Until.UTC().Format("2006-01-02")})
		}
		hits = append(hits, h)
		return &hits[len(hits)-1]
	}
	if k.set.Len() > 0 {
		for i := range sum.Flows {
			f := &sum.Flows[i]
			x, ok := k.set.Address(f.Server.IP)
			if !ok {
				if x, ok = k.set.Address(f.Client.IP); !ok {
					continue
				}
			}
			h := hit(ruleAddress, x, f.Client, f.Server, f.Realm, f.FirstRef, f.Proof, x.Value)
			h.First, h.Last, h.Transport, h.Port, h.Protocol = max(f.First, min(sum.From, f.Last)), f.Last, f.Transport, f.Port, f.Protocol
			h.Facts = append(h.Facts, rule.Say{Name: "bytes", Value: strconv.FormatUint(f.ClientBytes+f.ServerBytes, 10)})
			if !f.Established { // nobody answered: an attempt is less than a talk
				h.Severity = ot.High
			}
		}
		for i := range sum.Facts {
			f := &sum.Facts[i]
			if !named(f.Attr) {
				continue
			}
			if x, ok := k.set.Domain(f.Value); ok {
				h := hit(ruleDomain, x, f.By, f.About, f.About.Realm, f.Ref, f.Proof, x.Value)
				h.Protocol = f.Protocol
				h.Facts = append(h.Facts, rule.Say{Name: "name", Value: f.Value})
			}
		}
		for i := range sum.Events {
			e := &sum.Events[i]
			if e.Kind != "question" || e.Object == "" {
				continue
			}
			if x, ok := k.set.Domain(e.Object); ok {
				h := hit(ruleDomain, x, e.Flow.Client, e.Flow.Server, e.Flow.Realm, e.Ref, e.Proof, x.Value)
				h.Transport, h.Port, h.Protocol = e.Flow.Transport, e.Flow.Port, e.Protocol
				h.Facts = append(h.Facts, rule.Say{Name: "name", Value: e.Object})
			}
		}
	}
	for i := range sum.Programs {
		p := &sum.Programs[i]
		if p.SHA256 == "" {
			continue
		}
		into := "into"
		if p.Up {
			into = "out"
		}
		tell := func(h *rule.Hit) {
			h.Last, h.Transport, h.Port, h.Protocol = max(p.Ended, p.Ref.Seen), p.Flow.Transport, p.Flow.Port, p.Protocol
			h.Facts = append(h.Facts, rule.Say{Name: "file", Value: p.Name}, rule.Say{Name: "sha256", Value: p.SHA256}, rule.Say{Name: "bytes", Value: strconv.FormatUint(p.Size, 10)}, rule.Say{Name: "way", Value: into})
		}
		if x, ok := k.file(p); ok {
			tell(hit(ruleFile, x, p.Flow.Client, p.Flow.Server, p.Flow.Realm, p.Ref, nil, x.Value))
		}
		if found := scanned[p.SHA256]; found != "" {
			h := hit(ruleMalware, indicator.Indicator{}, p.Flow.Client, p.Flow.Server, p.Flow.Realm, p.Ref, nil, p.SHA256)
			h.Facts = append(h.Facts, rule.Say{Name: "malware", Value: found})
			tell(h)
		}
	}
	return hits
}

// file finds a file by its SHA-256, and by older hashes where its bytes came along.
func (k *wanted) file(p *sensor.Program) (indicator.Indicator, bool) {
	if x, ok := k.set.File(p.SHA256); ok || len(p.Content) == 0 || k.set.Len() == 0 {
		return x, ok
	}
	for _, old := range indicator.OldHashes(p.Content) {
		if x, ok := k.set.File(old); ok {
			return x, true
		}
	}
	return indicator.Indicator{}, false
}

// TakeScanned is Take with what a scanner said of the files of the summary.
func (s *Service) TakeScanned(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary, scanned Scanned) error {
	if err := s.Take(ctx, tx, d, sum); err != nil {
		return err
	}
	hits := s.wanted.Load().meet(d, sum, scanned)
	if len(hits) == 0 {
		return nil
	}
	n, err := tx.Exec(ctx, "INSERT INTO detect_applied (sensor, epoch, seq, at) VALUES (?, ?, ?, ?) ON CONFLICT (sensor, epoch, seq) DO NOTHING",
		strconv.FormatInt(d.SiteNo, 10)+"/"+d.Source+"/indicators", sum.Epoch, int64(sum.Seq), store.At(d.Received))
	if err != nil || n == 0 {
		return err
	}
	if err := s.countMet(ctx, tx, hits, d); err != nil {
		return err
	}
	return s.Raise(ctx, tx, hits...)
}

// countMet notes that indicators were met.
func (s *Service) countMet(ctx context.Context, tx *store.Tx, hits []rule.Hit, d sensor.Delivery) error {
	counts := map[string]int64{}
	for i := range hits {
		if hits[i].Rule != ruleMalware {
			counts[hits[i].Group[2]]++
		}
	}
	for value, n := range counts {
		if _, err := tx.Exec(ctx, "UPDATE detect_indicator SET hits = hits + ?, hit_at = ? WHERE value = ?", n, d.Received.UnixMicro(), value); err != nil {
			return err
		}
	}
	return nil
}

func end(h ot.Host) rule.End {
	e := rule.End{MAC: h.MAC.String()}
	if h.IP.IsValid() {
		e.IP = h.IP.Unmap().WithZone("").String()
	}
	return e
}
