package demo

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

func bcast(d *device) netip.Addr {
	a := d.ip.As4()
	a[3] = 255
	return netip.AddrFrom4(a)
}

// aarhus is the well-kept site: two identical filling cells behind address
// translation, everything remote through the gateway.
func aarhus() *Site {
	s := &Site{Name: "Aarhus", Country: "DK", TZ: "Europe/Copenhagen", Critical: true, Sensor: "aarhus-1"}
	office := s.zone(&Zone{Name: "Business IT", Level: "4", Prefix: "10.10.40.0/24", External: true})
	dmz := s.zone(&Zone{Name: "Remote access gateway", Level: "3.5", Prefix: "10.10.35.0/24", SLT: 3, Gateway: true})
	ops := s.zone(&Zone{Name: "Site operations", Level: "3", Prefix: "10.10.30.0/24", SLT: 2, OT: true})
	scada := s.zone(&Zone{Name: "Dairy SCADA", Level: "2", Prefix: "10.10.20.0/24", SLT: 2, OT: true, Critical: true})
	dairy := s.zone(&Zone{Name: "Pasteuriser", Level: "1", Prefix: "10.10.11.0/24", SLT: 2, OT: true, Critical: true})
	cellA := s.zone(&Zone{Name: "Filling cell A", Level: "1", Prefix: "192.168.0.0/24", VLAN: 201, Realm: "Filling cell A", SLT: 1, OT: true})
	cellB := s.zone(&Zone{Name: "Filling cell B", Level: "1", Prefix: "192.168.0.0/24", VLAN: 202, Realm: "Filling cell B", SLT: 1, OT: true})

	erp := s.add(office, linux, "ERP")
	s.add(office, windows, "AAR-OFFICE1")
	gateway := s.add(dmz, linux, "Remote gateway")
	historian := s.add(ops, windows, "AAR-HIST1")
	station := s.add(ops, windows, "AAR-ES1")
	servers := s.several(scada, windows, "AAR-SCADA%d", 2)
	panels := s.several(scada, tp1200, "HMI %d", 3)
	plcs := s.several(dairy, s71512, "PLC-P%d", 4)
	drives := s.several(dairy, pf525, "M1%02d", 4)
	rockwell := s.add(dairy, l83e, "CIP-1")
	valves := s.several(dairy, wago, "VB-%d", 3)
	switches := s.several(dairy, scalance, "SW-P%d", 2)

	for i, plc := range plcs {
		s.s7(servers[i%2], plc, uint16(10+i))
		s.s7(panels[i%3], plc, uint16(10+i))
	}
	s.s7Inventory(station, plcs...)
	s.cip(servers[0], rockwell, "Pump.Speed", "Tank1.Level", "Tank2.Level")
	for _, d := range drives {
		s.cip(rockwell, d, "OutputFreq")
	}
	for i, v := range valves {
		s.modbus(servers[1], v, 1, uint16(100*i), 10)
	}
	s.switches("Siemens, SIMATIC NET, %s, %s, FW: V%02d.%02d.00", switches...)
	s.windowsHosts(append(servers, historian, station)...)
	s.tls(historian, servers[0], 4840, "aar-scada1")
	s.tls(gateway, historian, 443, "aar-hist1")
	s.tls(erp, gateway, 443, "gateway.aarhus")
	s.habit(2*daily, ssh(gateway, servers[0]))
	for _, z := range []*Zone{cellA, cellB} { // ten like these stand in many plants: same addresses, other machines
		plc := s.add(z, s7315, "Filler PLC")
		hmi := s.add(z, tp1200, "Filler HMI")
		io := s.several(z, et200, "ET200-%d", 2)
		s.s7(hmi, plc, 1)
		s.s7Inventory(hmi, plc)
		for _, d := range io {
			s.s7(plc, d, 0)
		}
	}
	s.arp()
	return s
}

// esbjerg is where things go wrong.
func esbjerg() *Site {
	s := &Site{Name: "Esbjerg", Country: "DK", TZ: "Europe/Copenhagen", Critical: true, Sensor: "esbjerg-1"}
	office := s.zone(&Zone{Name: "Business IT", Level: "4", Prefix: "10.20.40.0/24", External: true})
	dmz := s.zone(&Zone{Name: "Remote access gateway", Level: "3.5", Prefix: "10.20.35.0/24", SLT: 3, Gateway: true})
	ops := s.zone(&Zone{Name: "Site operations", Level: "3", Prefix: "10.20.30.0/24", SLT: 2, OT: true})
	scada := s.zone(&Zone{Name: "Filling SCADA", Level: "2", Prefix: "10.20.20.0/24", SLT: 2, OT: true, Critical: true})
	line1 := s.zone(&Zone{Name: "Filling line 1", Level: "1", Prefix: "10.20.11.0/24", SLT: 2, OT: true, Critical: true})
	line2 := s.zone(&Zone{Name: "Filling line 2", Level: "1", Prefix: "10.20.12.0/24", SLT: 2, OT: true, Critical: true})
	util := s.zone(&Zone{Name: "Utilities", Level: "1", Prefix: "10.20.13.0/24", SLT: 1, OT: true})

	laptop := s.add(office, windows, "ESB-SERVICE7")
	erp := s.add(office, linux, "ERP")
	gateway := s.add(dmz, linux, "Remote gateway")
	router := s.add(ops, kind{oui: [3]byte{0x00, 0x1b, 0x54}, model: "Cisco ISR", ttl: 255}, "ESB-RTR1")
	station := s.add(ops, windows, "ESB-ES1")
	station2 := s.add(ops, windows, "ESB-ES2")
	historian := s.add(ops, windows, "ESB-HIST1")
	servers := s.several(scada, windows, "ESB-SCADA%d", 2)
	panels := s.several(scada, tp1200, "HMI %d", 4)
	fillers := s.several(line1, s71512, "FIL1-PLC%d", 3)
	io := s.several(line1, et200, "FIL1-IO%d", 4)
	filler := s.several(line2, s7315, "FIL2-PLC%d", 2)
	mgate := s.add(line2, weigher, "FIL2-GW1")
	scales := s.several(line2, wago, "FIL2-W%d", 3)
	logix := s.several(util, l83e, "UTL-PLC%d", 2)
	drives := s.several(util, pf525, "UTL-M%d", 4)
	switches := s.several(util, moxa, "UTL-SW%d", 2)
	cam := s.add(util, camera, "UTL-CAM1")

	for i, plc := range append(append([]*device{}, fillers...), filler...) {
		s.s7(servers[i%2], plc, uint16(20+i))
		s.s7(panels[i%4], plc, uint16(20+i))
	}
	for i, d := range io {
		s.s7(fillers[i%3], d, 1)
	}
	s.s7Inventory(station, append(append([]*device{}, fillers...), filler...)...)
	s.modbus(servers[0], mgate, 3, 0, 20)
	for _, w := range scales {
		s.modbus(filler[0], w, 1, 40, 4)
	}
	for _, l := range logix {
		s.cip(servers[1], l, "Compressor.Run", "Boiler.Pressure")
	}
	for i, d := range drives {
		s.cip(logix[i%2], d, "OutputFreq")
	}
	s.snmp(station, "public", "Moxa EtherDevice Switch EDS-408A V%d.%d", switches...)
	s.switches("Moxa %s %s V%d.%d", switches...)
	s.windowsHosts(append(servers, historian, station, station2)...)
	s.tls(historian, servers[0], 4840, "esb-scada1")
	s.tls(erp, gateway, 443, "gateway.esbjerg")
	s.habit(3*daily, ssh(gateway, servers[1]))
	s.habit(daily, basic(station, cam, "/view/index.shtml"))
	s.habit(5*daily, telnet(station2, switches[0], "admin"))

	// The story.
	s.once(11*time.Hour, func(int64, emit, *rand.Rand) { fillers[2].late = int64(60 * time.Millisecond) }) // it begins to answer late, and nobody knows why yet
	update := s.internet(router, "update server", "93.184.216.34")
	s.once(9*daily+5*time.Hour, func(at int64, out emit, rng *rand.Rand) { // a station that should not reach it
		c := dial(&station2.host, &update.host, 443)
		at = c.connect(at, out)
		at = c.ask(at, out, tlsHello("download.example.net"), tlsServerHello())
		c.close(at, out)
	})
	for _, before := range []time.Duration{3*daily + 2*time.Hour, daily + 90*time.Minute, 14 * time.Minute} {
		s.once(before, rdp(laptop, panels[1], "service")) // past the gateway
	}
	s.once(45*time.Hour, download(station, fillers[1], "0800003"))              // in an emergency, and explained since
	s.once(31*time.Minute, download(station2, filler[1], "0800001", "0C00012")) // nobody planned it
	fresh := s.add(line2, cheap, "")                                            // appears today
	s.once(6*time.Hour, func(at int64, out emit, _ *rand.Rand) {
		out(at, arpRequest(&fresh.host, &filler[0].host))
		out(at+rtt, arpReply(&filler[0].host, &fresh.host))
		c := dial(&fresh.host, &filler[0].host, 102)
		at = c.connect(at+2*rtt, out)
		req, rsp := s7Connect()
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Setup(1)
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Read(2, 1, 0, 200)
		at = c.ask(at, out, req, rsp)
		c.close(at, out)
	})
	s.arp(fresh)
	return s
}

// gdansk has devices on a list and no sensor: nothing of it is measured.
func gdansk() *Site {
	s := &Site{Name: "Gdańsk", Country: "PL", TZ: "Europe/Warsaw"}
	scada := s.zone(&Zone{Name: "SCADA", Level: "2", Prefix: "10.30.20.0/24", SLT: 2, OT: true, Critical: true})
	line := s.zone(&Zone{Name: "Powder line", Level: "1", Prefix: "10.30.11.0/24", SLT: 2, OT: true})
	s.several(scada, windows, "GDN-SCADA%d", 2)
	s.several(line, m340, "GDN-PLC%d", 6)
	s.several(line, wago, "GDN-IO%d", 4)
	return s
}

// malmo is a smaller site: pump stations by telecontrol, building automation.
func malmo() *Site {
	s := &Site{Name: "Malmö", Country: "SE", TZ: "Europe/Stockholm", Sensor: "malmo-1"}
	office := s.zone(&Zone{Name: "Business IT", Level: "4", Prefix: "10.40.40.0/24", External: true})
	ops := s.zone(&Zone{Name: "Control room", Level: "3", Prefix: "10.40.30.0/24", SLT: 2, OT: true})
	pumps := s.zone(&Zone{Name: "Waste water", Level: "1", Prefix: "10.40.11.0/24", SLT: 2, OT: true, Critical: true})
	hvac := s.zone(&Zone{Name: "Building automation", Level: "2", Prefix: "10.40.21.0/24", SLT: 1, OT: true})
	desk := s.add(office, windows, "MMA-DESK1")
	scada := s.several(ops, windows, "MMA-SCADA%d", 2)
	rtus := s.several(pumps, rtu560, "PS-%02d", 8)
	plcs := s.several(pumps, m340, "AER-%d", 3)
	controllers := s.several(hvac, bacnetB, "AHU-%d", 5)
	bms := s.add(hvac, windows, "MMA-BMS1")
	for i, r := range rtus {
		s.iec104(scada[i%2], r, uint16(100+i), 2)
	}
	for _, p := range plcs {
		s.modbus(scada[0], p, 1, 0, 30)
	}
	s.bacnet(bms, controllers...)
	s.windowsHosts(append(scada, bms)...)
	s.habit(4*time.Hour, func(at int64, out emit, rng *rand.Rand) { // the weekly figures, read straight from the control room
		c := dial(&desk.host, &scada[1].host, 443)
		at = c.connect(at, out)
		at = c.ask(at, out, tlsHello("mma-scada2"), tlsServerHello())
		c.close(at, out)
	})
	s.arp()
	return s
}

// arp lets every device of the site but the given ones state its address now and then.
func (s *Site) arp(but ...*device) {
	for i, d := range s.devices {
		if len(but) > 0 && d == but[0] {
			continue
		}
		peer := s.devices[(i+1)%len(s.devices)]
		if peer.zone != d.zone {
			peer = s.devices[max(i-1, 0)]
		}
		if peer == d || peer.zone != d.zone {
			peer = &device{host: host{ip: d.ip.Prev(), mac: broadcast, vlan: d.vlan}, zone: d.zone}
		}
		s.habit(6*time.Hour, func(at int64, out emit, _ *rand.Rand) {
			out(at, arpRequest(&d.host, &peer.host))
			if peer.mac != broadcast {
				out(at+rtt, arpReply(&peer.host, &d.host))
			}
		})
	}
}
