package detect

import (
	"context"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Fields says for machines what an alert is about; of anything else it says nothing.
func (s *Service) Fields(ctx context.Context, r store.Reader, ref ot.Ref) (map[string]string, error) {
	if ref.Kind != "alert" {
		return nil, nil
	}
	rows, err := store.All[alertRow](ctx, r, "SELECT "+alertColumns+" FROM detect_alert WHERE alert_id = ?", ref.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a := &rows[0]
	out := map[string]string{
		"rule": a.Rule, "severity": a.Severity, "client_ip": a.ClientIP, "client_mac": a.ClientMAC, "client_name": a.ClientName, "client_zone": a.ClientZone,
		"server_ip": a.ServerIP, "server_mac": a.ServerMAC, "server_name": a.ServerName, "server_zone": a.ServerZone, "transport": a.Transport, "protocol": a.Protocol,
		"count": strconv.FormatInt(a.Count, 10), "first": strconv.FormatInt(a.FirstAt/1000, 10), "last": strconv.FormatInt(a.LastAt/1000, 10),
		"first_at": stamp(a.FirstAt), "last_at": stamp(a.LastAt),
	}
	if a.Port > 0 {
		out["port"] = strconv.FormatInt(a.Port, 10)
	}
	if of := s.Rules().Lookup(a.Rule); of != nil {
		out["title"], out["technique"] = of.Title, of.Technique
	}
	for k, v := range out {
		if v == "" {
			delete(out, k)
			continue
		}
		out[k] = ot.Printable(v)
	}
	return out, nil
}

func stamp(us int64) string { return store.Micros(us).UTC().Format("2006-01-02T15:04:05.000Z") }
