package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Brewery is a plant for measuring how much Skanse says: nine days of
// usual life, with what happens anywhere without being wrong, and a week of attacks.
// The days count from Learn before the week; nothing but the usual happens before it.
type Brewery struct {
	Site    *Site
	Attacks []Attack
	Planned []Work
	Station string // address of the engineering station that programs
}

// Attack is something that must be found.
type Attack struct {
	Name   string
	Before time.Duration // the end of the week
	Host   string        // address that did it, or to which it was done
	Rules  []string      // any of them is right
}

// Work is done under an approved window.
type Work struct {
	Title    string
	From, To time.Duration // before the end of the week
}

const (
	// Week is how long the watch is measured, Learn how long it learned.
	Week  = 7 * daily
	Learn = 2 * daily
)

// NewBrewery makes it with some lines of 22 devices; 150 devices are six. every is how
// often devices are polled. The last line is switched off at the weekend.
func NewBrewery(lines int, every time.Duration) *Brewery {
	s := &Site{Name: "Odense", Country: "DK", TZ: "Europe/Copenhagen", Critical: true, Sensor: "odense-1", every: every}
	b := &Brewery{Site: s}
	office := s.zone(&Zone{Name: "Business IT", Level: "4", Prefix: "10.50.40.0/24", External: true})
	dmz := s.zone(&Zone{Name: "Remote access gateway", Level: "3.5", Prefix: "10.50.35.0/24", SLT: 3, Gateway: true})
	ops := s.zone(&Zone{Name: "Site operations", Level: "3", Prefix: "10.50.30.0/24", SLT: 2, OT: true})
	scada := s.zone(&Zone{Name: "SCADA", Level: "2", Prefix: "10.50.20.0/24", SLT: 2, OT: true, Critical: true})

	erp, laptop := s.add(office, linux, "ERP"), s.add(office, windows, "ODN-LAPTOP4")
	gateway := s.add(dmz, linux, "Remote gateway")
	router := s.add(ops, kind{oui: [3]byte{0x00, 0x1b, 0x54}, model: "Cisco ISR", ttl: 255}, "ODN-RTR1")
	station, station2 := s.add(ops, windows, "ODN-ES1"), s.add(ops, windows, "ODN-ES2")
	historian, backup := s.add(ops, windows, "ODN-HIST1"), s.add(ops, linux, "ODN-BACKUP1")
	servers := s.several(scada, windows, "ODN-SCADA%d", 4)
	s.windowsHosts(append(append([]*device{}, servers...), historian, station, station2)...)
	s.tls(erp, gateway, 443, "gateway.odense")
	s.habit(8*time.Hour, ssh(gateway, servers[0]))
	for _, v := range servers {
		s.tls(historian, v, 4840, v.name)
	}

	b.Station = station.ip.String()
	var plcs, panels, valves, switches []*device
	for n := range lines {
		line := s.zone(&Zone{Name: fmt.Sprintf("Line %d", n+1), Level: "1", Prefix: fmt.Sprintf("10.50.%d.0/24", 101+n), SLT: 2, OT: true, Critical: n < 2})
		l := s.line(line, servers[n%4], station, n, n == lines-1)
		plcs, panels, valves, switches = append(plcs, l.plcs...), append(panels, l.panels...), append(valves, l.valves...), append(switches, l.switches...)
	}
	s.snmp(station, "public", "Moxa EtherDevice Switch EDS-408A V%d.%d", switches...)
	s.switches("Moxa %s %s V%d.%d", switches...)

	b.usual(gateway, historian, backup, station, plcs, panels)
	b.story(router, laptop, station2, historian, plcs, panels, valves, switches)
	return b
}

// line is a filling line: controllers, their remote I/O, panels, drives, valve blocks.
type line struct{ plcs, panels, valves, switches []*device }

func (s *Site) line(z *Zone, server, station *device, n int, rests bool) line {
	l := line{
		plcs:   s.several(z, s71512, fmt.Sprintf("L%d-PLC%%d", n+1), 3),
		panels: s.several(z, tp1200, fmt.Sprintf("L%d-HMI%%d", n+1), 2),
		valves: s.several(z, wago, fmt.Sprintf("L%d-VB%%d", n+1), 4), switches: s.several(z, moxa, fmt.Sprintf("L%d-SW%%d", n+1), 1),
	}
	io, drives, logix := s.several(z, et200, fmt.Sprintf("L%d-IO%%d", n+1), 6), s.several(z, pf525, fmt.Sprintf("L%d-M%%d", n+1), 6), s.add(z, l83e, fmt.Sprintf("L%d-CIP1", n+1))
	on := func() {}
	if rests {
		on = s.weekdays()
	}
	for i, plc := range l.plcs {
		s.s7(server, plc, uint16(20+i))
		s.s7(l.panels[i%2], plc, uint16(20+i))
	}
	for i, d := range io {
		s.s7(l.plcs[i%3], d, 1)
	}
	for _, v := range l.valves {
		s.modbus(server, v, 1, 0, 16)
	}
	s.cip(server, logix, "Pump.Speed", "Tank.Level")
	for _, d := range drives {
		s.cip(logix, d, "OutputFreq")
	}
	on()
	for _, plc := range l.plcs {
		s.habit(daily, func(at int64, out emit, _ *rand.Rand) { inventory(station, plc, at, out) })
	}
	return l
}

// weekdays makes what is added to the site between it and the call of what it returns
// silent from Saturday 06:00 to Monday 05:00 of the site.
func (s *Site) weekdays() func() {
	from := len(s.talks)
	zone, err := time.LoadLocation(s.TZ)
	if err != nil {
		zone = time.UTC
	}
	return func() {
		for i := from; i < len(s.talks); i++ {
			say := s.talks[i].say
			s.talks[i].say = func(at int64, out emit, rng *rand.Rand) {
				t := time.Unix(0, at).In(zone)
				switch d, h := t.Weekday(), t.Hour(); {
				case d == time.Saturday && h >= 6, d == time.Sunday, d == time.Monday && h < 5:
					return
				}
				say(at, out, rng)
			}
		}
	}
}

// usual is what happens in a week without anything being wrong, and was not heard in the
// two days before it.
func (b *Brewery) usual(gateway, historian, backup, station *device, plcs, panels []*device) {
	s := b.Site
	s.once(6*daily+2*time.Hour, func(at int64, out emit, _ *rand.Rand) { // the weekly copy
		c := dial(&historian.host, &backup.host, 443)
		at = c.connect(at, out)
		at = c.ask(at, out, tlsHello("odn-backup1"), tlsServerHello())
		c.close(at, out)
	})
	s.once(4*daily+3*time.Hour, rdp(gateway, station, "service")) // a technician, by the way that is meant for him
	s.once(4*daily+1*time.Hour, download(station, plcs[0], "0800001"))
	b.Planned = append(b.Planned, Work{Title: "New filler block on line 1", From: 4*daily + 2*time.Hour, To: 4 * daily})
	for i := range 40 { // panels restart, somebody looks at a trend: many questions in a minute
		p, plc := panels[i%len(panels)], plcs[(i%len(panels))/2*3+i%2]
		s.once(time.Duration(i)*4*time.Hour+20*time.Minute, func(at int64, out emit, _ *rand.Rand) {
			c := dial(&p.host, &plc.host, 102)
			at = c.connect(at, out)
			req, rsp := s7Connect()
			at = c.ask(at, out, req, rsp)
			req, rsp = s7Setup(1)
			at = c.ask(at, out, req, rsp)
			for n := range uint16(30) {
				req, rsp = s7Read(n, uint16(20+i%2), 0, 32)
				at = c.ask(at+int64(300*time.Millisecond), out, req, rsp)
			}
			c.close(at, out)
		})
	}
}

// story is what must be found.
func (b *Brewery) story(router, laptop, station2, historian *device, plcs, panels, valves, switches []*device) {
	s := b.Site
	attack := func(name string, before time.Duration, host *device, say func(int64, emit, *rand.Rand), rules ...string) {
		b.Attacks = append(b.Attacks, Attack{Name: name, Before: before, Host: host.ip.String(), Rules: rules})
		s.once(before, say)
	}
	far := s.internet(router, "update server", "93.184.216.34")
	attack("an engineering station asks the internet", 6*daily+9*time.Hour, station2, func(at int64, out emit, _ *rand.Rand) {
		c := dial(&station2.host, &far.host, 443)
		at = c.connect(at, out)
		at = c.ask(at, out, tlsHello("download.example.net"), tlsServerHello())
		c.close(at, out)
	}, "plant-to-internet")
	attack("a remote desktop from the office to a panel, past the gateway", 5*daily+4*time.Hour, laptop, rdp(laptop, panels[1], "service"), "remote-desktop-past-gateway", "office-into-plant")
	attack("a program download that nobody planned", 3*daily+7*time.Hour, station2, download(station2, plcs[4], "0800001", "0C00012"), "program-download")
	fresh := s.add(s.Zones[5], cheap, "")
	attack("an unknown device reads a controller", 2*daily+5*time.Hour, fresh, func(at int64, out emit, _ *rand.Rand) {
		out(at, arpRequest(&fresh.host, &plcs[3].host))
		out(at+rtt, arpReply(&plcs[3].host, &fresh.host))
		c := dial(&fresh.host, &plcs[3].host, 102)
		at = c.connect(at+2*rtt, out)
		req, rsp := s7Connect()
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Setup(1)
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Read(2, 1, 0, 200)
		at = c.ask(at, out, req, rsp)
		c.close(at, out)
	}, "baseline.new-device")
	attack("a scan of ports from the office", 2*daily-3*time.Hour, laptop, func(at int64, out emit, _ *rand.Rand) {
		for i := range 300 {
			c := dial(&laptop.host, &plcs[i%6].host, uint16(20+i))
			c.cport = c.client.ephemeral()
			out(at, c.segment(true, syn, nil))
			out(at+rtt, c.segment(false, rst|ack, nil))
			at += int64(50 * time.Millisecond)
		}
	}, "port-scan")
	attack("the historian writes to a valve block", daily+5*time.Hour, historian, func(at int64, out emit, _ *rand.Rand) {
		c := dial(&historian.host, &valves[2].host, 502)
		at = c.connect(at, out)
		req, rsp := modbusWrite(1, 1, 18, 9999)
		at = c.ask(at, out, req, rsp)
		c.close(at, out)
	}, "new-master")
	attack("a controller is stopped", daily-2*time.Hour, station2, func(at int64, out emit, _ *rand.Rand) {
		c := dial(&station2.host, &plcs[7].host, 102)
		at = c.connect(at, out)
		req, rsp := s7Connect()
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Setup(1)
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Stop(2)
		at = c.ask(at, out, req, rsp)
		c.close(at, out)
	}, "controller-stop")
	attack("a sign-in in clear text to a switch", 5*time.Hour, historian, telnet(historian, switches[0], "admin"), "clear-text-sign-in")
	s.arp(fresh)
}

// Source plays the nine days up to present.
func (b *Brewery) Source(ctx context.Context, present time.Time) *Source {
	return b.Site.NewSource(ctx, present.Add(-Learn-Week), present, present, false)
}
