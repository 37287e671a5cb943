package asset

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/qr"
	"github.com/skanse/skanse/internal/store"
)

// Label is what goes onto a device: whoever scans it lands on the asset's page.
type Label struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	What   string `json:"what" doc:"Vendor and model"`
	Serial string `json:"serial"`
	Zone   string `json:"zone"`
	Link   string `json:"link"`
	SVG    string `json:"svg" doc:"The QR code of the link"`
}

// mostLabels is a box of sheets; drawing one takes about a millisecond.
const mostLabels = 500

// Labels draws the labels of assets, in the order of their names. base is the
// address under which phones reach this server.
func (s *Service) Labels(ctx context.Context, scope Scope, base string, ids []string) ([]Label, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(base) > 200 {
		return nil, ot.Errorf(ot.Invalid, "base: give the address of this server as a browser has it, as https://skanse.plant.example")
	}
	if len(ids) > mostLabels {
		return nil, ot.Errorf(ot.Invalid, "%d labels at once are too many: print %d at most", len(ids), mostLabels)
	}
	var rows []listRow
	err = s.db.View(ctx, func(r store.Reader) error {
		whole, err := present(ctx, r, scope, ids)
		if err != nil {
			return err
		}
		rows, err = store.All[listRow](ctx, r, "SELECT "+listColumns()+listFrom+" WHERE a.asset_id IN (?)", AsOf(time.Time{}), whole)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b listRow) int { return strings.Compare(a.label()+a.ID, b.label()+b.ID) })
	out := make([]Label, 0, len(rows))
	for i := range rows {
		a := &rows[i]
		link := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/assets/" + a.ID}).String()
		svg, err := qr.SVG(link)
		if err != nil {
			return nil, err
		}
		out = append(out, Label{ID: a.ID, Name: a.label(), What: strings.TrimSpace(a.Vendor + " " + a.Model), Serial: a.Serial, Zone: a.ZoneName, Link: link, SVG: svg})
	}
	return out, nil
}
