package comply

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What each check says of a plant where one thing is the matter.
func TestChecks(t *testing.T) {
	heard := func(p *plant) { p.sensor(p.north, 31, p.cell, p.scada) }
	type want struct {
		check  string
		status Verdict
		value  float64 // -1: none
		reason string  // part of it
	}
	cases := []struct {
		name  string
		setup []func(*plant)
		wants []want
	}{
		{"nobody listens", nil, []want{
			{"remote.bypass", Unknown, -1, "No live sensor"},
			{"remote.count", Unknown, -1, ""},
			{"remote.ingress_seen", Unknown, -1, "No live sensor"},
			{"mon.zones", Unknown, -1, "No live sensor"},
			{"mon.blind", Unknown, -1, ""},
			{"mon.tx", Unknown, -1, "Nothing to judge"},
			{"seg.internet", Unknown, -1, ""},
			{"asset.fields", Unknown, -1, ""},
		}},
		{"all is quiet and heard", []func(*plant){heard}, []want{
			{"remote.bypass", Pass, 0, ""},
			{"remote.count", Pass, 0, ""},
			{"itot.undocumented", Pass, 0, ""},
			{"itot.admin_share", Pass, 1, ""},
			{"iam.cleartext", Pass, 0, ""},
			{"seg.internet", Pass, 0, ""},
			{"seg.violations", Pass, 0, ""},
			{"supp.bypass", Pass, 0, ""},
			{"svc.insecure", Pass, 0, ""},
			{"acc.engineering_talkers", Pass, 0, ""},
			{"mon.zones", Pass, 1, ""},
			{"mon.uptime", Pass, 1, ""},
			{"mon.tx", Pass, 0, ""},
			{"mon.passive", Pass, 1, ""},
			{"mon.active_unapproved", Pass, 0, ""},
			{"mon.blind", Pass, 0, ""},
			{"site.lead_sight", Pass, 1, ""},
			{"ids.cover", Pass, 1, ""},
			{"remote.ingress_seen", Pass, 1, ""},
			{"chg.observed", Pass, 1, ""},
			{"dev.decide", Pass, 1, ""},
			{"chg.matched", Pass, 1, ""},
			{"vis.unparsed", Unknown, -1, "No traffic"},
			{"seg.safety", Unknown, -1, ""},
		}},
		{"a zero from a short look", []func(*plant){func(p *plant) { p.sensor(p.north, 2, p.cell, p.scada) }}, []want{
			{"remote.bypass", Unknown, -1, "too little"}, {"mon.zones", Pass, 1, ""}, {"remote.ingress_seen", Pass, 1, ""}, {"iam.cleartext", Unknown, -1, ""},
		}},
		{"one zone is blind", []func(*plant){func(p *plant) { p.sensor(p.north, 31, p.cell) }}, []want{
			{"mon.zones", Fail, .5, ""}, {"mon.blind", Fail, 1, "No live sensor heard"}, {"remote.bypass", Unknown, 0, "50 %"}, {"remote.ingress_seen", Fail, 0, ""},
		}},
		{"a remote desktop from the office", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		}}, []want{
			{"remote.bypass", Fail, 1, "Conversations past the gateway: 1"}, {"remote.count", Pass, 1, ""}, {"itot.undocumented", Fail, 1, ""}, {"itot.admin_share", Fail, .5, ""}, {"seg.violations", Fail, 1, ""}, {"seg.internet", Pass, 0, ""},
		}},
		{"the same through the gateway", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.dmz.No, to: p.cell.No, client: "10.8.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
			p.talks(p.north, talk{from: p.dmz.No, to: p.cell.No, client: "10.8.0.5", server: "10.0.1.1", proto: "ssh", port: 22})
		}}, []want{{"remote.bypass", Pass, 0, ""}, {"remote.count", Pass, 1, ""}, {"itot.undocumented", Pass, 0, ""}, {"seg.violations", Unknown, 0, ""}}},
		{"two ways in", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.dmz.No, to: p.cell.No, client: "10.8.0.5", server: "10.0.1.1", proto: "rdp"})
			p.talks(p.north, talk{from: p.office.No, to: p.scada.No, client: "10.9.0.5", server: "10.0.3.1", proto: "vnc", port: 5900})
		}}, []want{{"remote.count", Fail, 2, ""}, {"remote.bypass", Fail, 1, ""}}},
		{"a session nobody answered, an old one, one inside", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "", port: 3389, oneSided: true})
			p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389, old: true})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.1", server: "10.0.1.1", proto: "rdp", port: 3389})
		}}, []want{{"remote.bypass", Pass, 0, ""}, {"remote.count", Pass, 0, ""}}},
		{"seen in a capture, with no sensor", []func(*plant){func(p *plant) {
			p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389, capture: true})
		}}, []want{{"remote.bypass", Fail, 1, "observed in a capture of 23 Nov 2026"}, {"mon.zones", Unknown, -1, ""}}},
		{"a relay from the inside", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.scada.No, client: "10.0.3.9", server: "37.252.0.1", proto: "teamviewer", port: 5938, serverOut: true})
		}}, []want{{"remote.bypass", Fail, 1, ""}, {"seg.internet", Fail, 1, ""}, {"itot.undocumented", Pass, 0, ""}}},
		{"clear text and old services", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.7", proto: "telnet", port: 23})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.8", proto: "ftp", port: 21, classes: ot.Login})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.8", proto: "smb", port: 445})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.6", proto: "http", port: 80, classes: ot.Read})
		}}, []want{{"iam.cleartext", Fail, 2, ""}, {"svc.insecure", Fail, 2, ""}}},
		{"who writes", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.scada, ip: "10.0.3.1", role: "hmi", state: "accepted"})
			p.has(p.north, device{zone: p.scada, ip: "10.0.3.2", role: "engineering", state: "accepted"})
			p.has(p.north, device{zone: p.scada, ip: "10.0.3.3", role: "engineering", state: "new"})
			for _, c := range []struct {
				ip string
				c  ot.Class
			}{{"10.0.3.1", ot.Write}, {"10.0.3.2", ot.ProgramDownload}, {"10.0.3.3", ot.Write}, {"10.0.3.4", ot.Read}} {
				p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: c.ip, server: "10.0.1.1", proto: "s7comm", port: 102, classes: c.c})
			}
		}}, []want{{"acc.engineering_talkers", Fail, 1, ""}}},
		{"an operator station that programs", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.scada, ip: "10.0.3.1", role: "hmi", state: "accepted"})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.1", server: "10.0.1.1", proto: "s7comm", port: 102, classes: ot.Write | ot.ProgramDownload})
		}}, []want{{"acc.engineering_talkers", Fail, 1, ""}}},
		{"traffic nobody understands", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.1", server: "10.0.1.1", proto: "", port: 9000})
			p.talks(p.north, talk{from: p.cell.No, to: p.scada.No, client: "10.0.1.1", server: "10.0.3.1", proto: "modbus", port: 502})
		}}, []want{{"vis.unparsed", Fail, 1, "bytes"}}},
		{"an inventory", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", vendor: "Siemens", expected: true, first: 40, criticality: 4})
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.2", role: "plc", state: "accepted", vendor: "Siemens", first: 40, silent: 35})
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.3", role: "io", state: "new", first: 9})
			p.has(p.north, device{ip: "10.0.7.3", role: "io", state: "new", first: 3})
		}}, []want{
			{"asset.unregistered", Fail, 1, "Undecided since"},
			{"asset.ghosts", Fail, .5, "Not heard for 30 days"},
			{"asset.freshness", Fail, .5, ""},
			{"asset.identified", Fail, .5, ""},
			{"asset.expected", Pass, 1, ""},
			{"asset.crit_set", Fail, .25, ""},
			{"asset.crit_review", Fail, 0, "Never"},
			{"asset.crown", Fail, 0, "no owner"},
			{"asset.fields", Fail, 0, "Missing"},
			{"seg.zoned", Fail, .75, ""},
			{"dev.decide", Fail, 0, "undecided"},
			{"net.doc_drift", Unknown, -1, "no documented networks"},
			{"vuln.identifiable", Fail, 0, ""},
		}},
		{"an inventory from a capture only", []func(*plant){func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", vendor: "Siemens", capture: true, first: 400})
		}}, []want{{"asset.unregistered", Unknown, -1, ""}, {"asset.freshness", Unknown, -1, ""}, {"asset.ghosts", Unknown, -1, ""}, {"asset.identified", Pass, 1, ""}, {"dev.decide", Unknown, -1, ""}}},
		{"a list, and nobody who listens", []func(*plant){func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", vendor: "Siemens", expected: true, listed: true})
		}}, []want{{"asset.fields", Unknown, -1, "on a list only"}, {"asset.crit_set", Unknown, -1, ""}, {"seg.zoned", Unknown, -1, ""}, {"asset.expected", Unknown, -1, ""}, {"asset.freshness", Unknown, -1, ""}}},
		{"a list, and a sensor that never hears one of it", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", expected: true, listed: true})
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.2", role: "plc", state: "accepted", expected: true})
		}}, []want{{"asset.expected", Fail, .5, "never heard"}, {"asset.freshness", Fail, .5, "Never heard"}, {"asset.ghosts", Fail, .5, ""}}},
		{"a safety system and its visitor", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.9", role: "safety", state: "accepted"})
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.77", server: "10.0.1.9", proto: "modbus", port: 502})
		}}, []want{{"seg.safety", Fail, 1, "Unexpected"}}},
		{"a safety system left alone", []func(*plant){heard, func(p *plant) {
			p.has(p.north, device{zone: p.cell, ip: "10.0.1.9", role: "safety", state: "accepted"})
		}}, []want{{"seg.safety", Pass, 0, ""}}},
		{"a sensor that sends", []func(*plant){heard, func(p *plant) { p.exec("UPDATE network_source SET transmitted = 3") }}, []want{{"mon.tx", Fail, 3, "sent 3"}, {"mon.passive", Fail, 0, ""}}},
		{"a sensor that fell silent", []func(*plant){heard, func(p *plant) { p.exec("UPDATE network_source SET received_at = ?", store.At(p.now.Add(-16*60*1e9))) }}, []want{{"mon.zones", Fail, 0, "has not delivered"}}},
		{"a program download at night", []func(*plant){heard, func(p *plant) {
			p.talks(p.north, talk{from: p.scada.No, to: p.cell.No, client: "10.0.3.9", server: "10.0.1.1", proto: "s7comm", port: 102, classes: ot.ProgramDownload})
			p.event("program_download", "s7comm")
			p.event("program_download", "s7comm")
		}}, []want{{"chg.observed", Fail, 0, "no accepted engineering station"}, {"chg.matched", Fail, 0, "nobody explained it"}}},
		{"a breaker operated, which is production", []func(*plant){heard, func(p *plant) { p.event("control", "dnp3") }}, []want{{"chg.observed", Pass, 1, ""}, {"chg.matched", Pass, 1, ""}}},
		{"a controller stopped, which is a change", []func(*plant){heard, func(p *plant) { p.event("control", "s7comm") }}, []want{{"chg.observed", Fail, 0, ""}}},
	}
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		for _, c := range cases {
			p.t = t
			for _, table := range []string{"network_source", "network_listen", "network_conversation", "network_event", "asset_asset", "asset_binding"} {
				p.exec("DELETE FROM " + table)
			}
			for _, f := range c.setup {
				f(p)
			}
			p.evaluate()
			for _, w := range c.wants {
				a := p.answer(w.check, p.north)
				v := -1.0
				if a.Value != nil {
					v = *a.Value
				}
				if a.Status != w.status || v != w.value || !strings.Contains(a.Reason, w.reason) || a.Reason == "" {
					t.Errorf("%s: %s is %s %v (%s; %d of %d judged), want %s %v %q", c.name, w.check, a.Status, v, a.Reason, a.Judged, a.Population, w.status, w.value, w.reason)
				}
				if strings.Contains(a.Reason, "{") {
					t.Errorf("%s: %s leaves a mark in %q", c.name, w.check, a.Reason)
				}
			}
			for _, check := range []string{"remote.bypass", "mon.zones", "seg.internet"} {
				if a := p.answer(check, p.south); a.Status != Unknown {
					t.Errorf("%s: %s at the site without a sensor is %s: %s", c.name, check, a.Status, a.Reason)
				}
			}
		}
	})
}
