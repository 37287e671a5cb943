package demo

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Desk is where the company's people do their part.
type Desk interface {
	// Register gives a site's list of the assets that there should be (CSV).
	Register(ctx context.Context, siteID, who string, list []byte) error
	// Accept decides that everything heard at a site so far belongs there.
	Accept(ctx context.Context, siteID, who string) error
	// Declare says that every record of an area's requirements that asks for one
	// is in force, as of now; siteID is empty for the company's own records.
	// by is who approves it.
	Declare(ctx context.Context, now time.Time, siteID, who, by string, area int, but ...string) error
	// Protect says that what a site's zones learned is enough: from now on what departs calls.
	Protect(ctx context.Context, siteID, who string) error
	Office
	Registers
}

// The people of the example.
const (
	dso        = "Anna Holm, OT security officer"
	director   = "Ida Thygesen, director"
	leadAarhus = "Jens Friis, OT lead Aarhus"
	leadEsb    = "Mette Krogh, OT lead Esbjerg"
	leadGdansk = "Piotr Zieliński, OT lead Gdańsk"
	leadMalmo  = "Eva Lindqvist, OT lead Malmö"
)

// people says what was done on which day of the demo's clock. Nobody is
// perfect: contracts were never reviewed, Esbjerg ranked only part of its
// assets, Gdańsk has written much and measured nothing.
func (c *Company) people(ctx context.Context, day int, now time.Time, d Desk) error {
	site := map[string]*Site{}
	for _, s := range c.Sites {
		site[s.Name] = s
	}
	declare := func(siteID, who string, areas []int, but ...string) func() error {
		return func() error {
			for _, a := range areas {
				by := dso
				if who == dso {
					by = director
				}
				if err := d.Declare(ctx, now, siteID, who, by, a, but...); err != nil {
					return err
				}
			}
			return nil
		}
	}
	register := func(s *Site, who string) func() error {
		return func() error {
			list, err := s.register()
			if err != nil {
				return err
			}
			return d.Register(ctx, s.ID, who, list)
		}
	}
	accept := func(s *Site, who string) func() error {
		return func() error { return d.Accept(ctx, s.ID, who) }
	}
	protect := func(s *Site, who string) func() error {
		return func() error { return d.Protect(ctx, s.ID, who) }
	}
	plan := map[int][]func() error{
		0: {declare("", dso, []int{1, 2, 3, 4, 10}, "3.5", "2.3")},
		1: {
			register(site["Aarhus"], leadAarhus), accept(site["Aarhus"], leadAarhus),
			declare(site["Aarhus"].ID, leadAarhus, []int{1, 2, 4, 5, 6, 7, 8, 9, 11}),
		},
		2: {
			register(site["Malmö"], leadMalmo), accept(site["Malmö"], leadMalmo),
			declare(site["Malmö"].ID, leadMalmo, []int{1, 2, 4, 5, 6, 7, 9, 11}),
		},
		3: {
			register(site["Esbjerg"], leadEsb), accept(site["Esbjerg"], leadEsb),
			declare(site["Esbjerg"].ID, leadEsb, []int{1, 4, 5, 6, 7, 9}),
		},
		20: {protect(site["Aarhus"], leadAarhus), protect(site["Esbjerg"], leadEsb)},
		5:  {register(site["Gdańsk"], leadGdansk), declare(site["Gdańsk"].ID, leadGdansk, []int{1, 5, 6})},
	}
	for _, do := range plan[day] {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// register writes the site's asset list, as a plant keeps it in a spreadsheet.
func (s *Site) register() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write([]string{"name", "ip", "mac", "vendor", "model", "order_code", "firmware", "zone", "realm", "owner", "criticality"}); err != nil {
		return nil, err
	}
	for i, d := range s.devices {
		if d.name == "" { // nobody has written it down yet
			continue
		}
		rank := map[string]int{"1": 3, "2": 3, "3": 2}[d.zone.Level]
		if rank == 0 {
			rank = 1
		}
		if d.zone.Critical {
			rank++
		}
		criticality := strconv.Itoa(rank)
		if s.Name == "Esbjerg" && i%5 == 4 || s.Sensor == "" {
			criticality = ""
		}
		mac := d.mac.String()
		if s.Sensor == "" { // nobody has ever looked
			mac = ""
		}
		model, vendor, firmware := d.model, "", ""
		if s.Name == "Aarhus" || s.Name == "Malmö" { // these two keep their lists well
			vendor, firmware = makerOf(d), fmt.Sprintf("V%d.%d.%d", d.version[0], d.version[1], d.version[2])
			if d.kind.oui == windows.oui {
				vendor, firmware = "Dell", "Windows 10 IoT 2021"
			}
			if d.kind.oui == linux.oui {
				vendor, firmware = "VMware", "Debian 12"
			}
		} else if slices.Contains([]string{"Windows", "Linux"}, model) {
			model = ""
		}
		if err := w.Write([]string{d.name, d.ip.String(), mac, vendor, model, d.order, firmware, d.zone.Name, d.zone.Realm, "Production " + s.Name, criticality}); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// makerOf is whom the plant bought a device from.
func makerOf(d *device) string {
	switch {
	case d.order != "" || d.kind.oui == bacnetB.oui:
		return "Siemens"
	case d.vendorID == 1:
		return "Rockwell Automation"
	case d.kind.oui == rtu560.oui:
		return "ABB"
	}
	return vendorOf(d)
}
