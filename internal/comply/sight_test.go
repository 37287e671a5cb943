package comply

import (
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// asRead is a sensor that recognises what these protocols do.
func asRead(protocol string) (ot.Class, bool) {
	switch protocol {
	case "s7comm", "cip":
		return ot.Read | ot.Write | ot.Control | ot.ProgramDownload | ot.Firmware, true
	case "modbus":
		return ot.Read | ot.Write, true
	}
	return 0, false
}

func TestSightAnswers(t *testing.T) {
	families, err := readControllers(catalog.Files)
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{families: families}
	well := func(a sightAsset) sightAsset {
		a.watched, a.zoned, a.heard, a.toIt, a.fromIt = true, true, true, 3, 3
		if a.share == 0 {
			a.share = 1
		}
		return a
	}
	for name, c := range map[string]struct {
		a    sightAsset
		want string // program, mode, write, firmware
		code string // among the reasons of the first question
	}{
		"nobody listens":      {sightAsset{}, "unknown unknown unknown unknown", "no_sensor"},
		"a blind zone":        {sightAsset{watched: true, zoned: true}, "no no no no", "zone_blind"},
		"a blind switch":      {sightAsset{watched: true, zoned: true, share: 1}, "no no no no", "device_blind"},
		"only broadcasts":     {sightAsset{watched: true, zoned: true, share: 1, heard: true}, "no no no no", "switch_blind"},
		"only its answers":    {sightAsset{watched: true, share: 1, heard: true, fromIt: 2}, "no no no no", "one_sided_out"},
		"only the questions":  {sightAsset{watched: true, share: 1, heard: true, toIt: 2, readable: []string{"s7comm"}}, "partly partly partly partly", "one_sided_in"},
		"an S7-300":           {well(sightAsset{family: s.family("Siemens", "6ES7 315-2EH14-0AB0", "")}), "partly partly yes partly", "local"},
		"an S7-1500":          {well(sightAsset{family: s.family("Siemens", "6ES7 511-1AK02-0AB0", "")}), "no no no no", "not_read"},
		"a Logix":             {well(sightAsset{family: s.family("Rockwell Automation", "1756-L61/B", "")}), "partly partly yes partly", "local"},
		"PLCnext":             {well(sightAsset{family: s.family("Phoenix Contact", "", "AXC F 2152"), readable: []string{"modbus"}}), "no no yes no", "encrypted"},
		"an unknown model":    {well(sightAsset{readable: []string{"modbus"}}), "no no yes no", "model_unknown"},
		"what it speaks":      {well(sightAsset{readable: []string{"s7comm"}}), "yes yes yes yes", ""},
		"also TLS":            {well(sightAsset{readable: []string{"s7comm"}, encrypted: []string{"tls"}}), "partly partly partly partly", "encrypted_heard"},
		"also something else": {well(sightAsset{readable: []string{"s7comm"}, unread: []string{"9000/tcp"}}), "partly partly partly partly", "unread"},
		"an outage":           {well(sightAsset{share: .5, readable: []string{"s7comm"}}), "partly partly partly partly", "outage"},
	} {
		var got, codes []string
		for i, a := range c.a.answers(asRead) {
			got = append(got, a.Answer)
			for _, r := range a.Reasons {
				if i == 0 {
					codes = append(codes, r.Code)
				}
				if r.Text == "" || !strings.HasSuffix(r.Text, ".") {
					t.Errorf("%s: %q is no sentence", name, r.Text)
				}
			}
		}
		if strings.Join(got, " ") != c.want || c.code != "" && !slices.Contains(codes, c.code) || c.code == "" && len(codes) > 0 {
			t.Errorf("%s: %v because of %v; want %s because of %s", name, got, codes, c.want, c.code)
		}
	}
}

// The check's way: unknown, at target, broken; and the same rows say why.
func TestSightCheck(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.s.reads = asRead
		id := p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", vendor: "6ES7 315-2EH14-0AB0"})
		p.has(p.north, device{zone: p.office, ip: "10.9.0.9", role: "workstation", state: "accepted"})
		p.evaluate()
		if a := p.answer("vis.foreseen", p.north); a.Status != Unknown {
			t.Errorf("nobody listens: %+v", a)
		}
		p.sensor(p.north, 31, p.cell)
		p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.1", proto: "s7comm", port: 102})
		p.evaluate()
		if a := p.answer("vis.foreseen", p.north); a.Status != Pass || a.Population != 1 {
			t.Errorf("heard and understood: %+v", a)
		}
		got, err := p.s.Sight(t.Context(), everybody, id)
		if err != nil || len(got.Questions) != 4 || got.Questions[2].Answer != SightYes || got.Questions[0].Answer != SightPartly || got.Family == "" {
			t.Errorf("%v, %+v", err, got)
		}
		shares, err := p.s.SightShares(t.Context(), everybody, p.north.ID)
		if err != nil || len(shares) != 4 || shares[0].Partly != 1 || shares[2].Yes != 1 {
			t.Errorf("%v, %+v", err, shares)
		}
		// The mirror port is set to one direction: what is sent to the controller is heard no more.
		p.exec("UPDATE network_conversation SET client_packets = 0")
		p.evaluate()
		if a := p.answer("vis.foreseen", p.north); a.Status != Fail {
			t.Errorf("a blind mirror: %+v", a)
		}
		items, err := p.s.Items(t.Context(), everybody, "vis.foreseen", p.north.ID, Fail, "", 10)
		if err != nil || len(items.Items) != 1 || !strings.Contains(items.Items[0].Reason, "one direction") {
			t.Errorf("%v, %+v", err, items)
		}
	})
}
