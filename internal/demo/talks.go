package demo

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// talk is one habit of the plant: who speaks with whom, how, and how often.
type talk struct {
	every time.Duration
	say   func(at int64, out emit, rng *rand.Rand)
}

// episode is one thing that happens once, at a time before the demo's present.
type episode struct {
	before time.Duration
	say    func(at int64, out emit, rng *rand.Rand)
}

func (s *Site) habit(every time.Duration, say func(at int64, out emit, rng *rand.Rand)) {
	s.talks = append(s.talks, talk{every: every, say: say})
}

func (s *Site) once(before time.Duration, say func(at int64, out emit, rng *rand.Rand)) {
	s.story = append(s.story, episode{before: before, say: say})
}

// How often things speak. A real plant polls every second; the demo samples
// it, so that 30 days pass in seconds.
const (
	poll  = 30 * time.Minute
	daily = 24 * time.Hour
)

// polls is how often this site's devices are asked.
func (s *Site) polls() time.Duration {
	if s.every > 0 {
		return s.every
	}
	return poll
}

func (s *Site) s7(client, plc *device, db uint16) {
	c := dial(&client.host, &plc.host, 102)
	var ref uint16
	s.habit(s.polls(), func(at int64, out emit, _ *rand.Rand) {
		if !c.open {
			at = c.connect(at, out)
			req, rsp := s7Connect()
			at = c.ask(at, out, req, rsp)
			ref++
			req, rsp = s7Setup(ref)
			at = c.ask(at, out, req, rsp)
		}
		ref++
		req, rsp := s7Read(ref, db, 0, 32)
		c.ask(at, out, req, rsp)
	})
}

// s7Inventory is an engineering station that reads who the controllers are.
func (s *Site) s7Inventory(station *device, plcs ...*device) {
	for _, plc := range plcs {
		s.habit(3*daily, func(at int64, out emit, _ *rand.Rand) { inventory(station, plc, at, out) })
	}
}

func inventory(station, plc *device, at int64, out emit) {
	c := dial(&station.host, &plc.host, 102)
	at = c.connect(at, out)
	req, rsp := s7Connect()
	at = c.ask(at, out, req, rsp)
	req, rsp = s7Setup(1)
	at = c.ask(at, out, req, rsp)
	for _, p := range s7Identify(2, *plc) {
		at = c.ask(at, out, p[0], p[1])
	}
	c.close(at, out)
}

func (s *Site) modbus(client, server *device, unit byte, first, n uint16) {
	c := dial(&client.host, &server.host, 502)
	var tx uint16
	s.habit(s.polls(), func(at int64, out emit, rng *rand.Rand) {
		at = c.connect(at, out)
		if tx%40 == 0 && server.model != "" {
			req, rsp := modbusIdentify(tx, vendorOf(server), server.model, fmt.Sprintf("V%d.%d", server.version[0], server.version[1]))
			at = c.ask(at, out, req, rsp)
		}
		tx++
		req, rsp := modbusRead(tx, unit, first, n)
		at = c.ask(at, out, req, rsp)
		if rng.IntN(4) == 0 {
			tx++
			req, rsp = modbusWrite(tx, unit, first+n+2, uint16(400+rng.IntN(50)))
			c.ask(at, out, req, rsp)
		}
	})
}

func vendorOf(d *device) string {
	switch d.kind.oui {
	case m340.oui:
		return "Schneider Electric"
	case wago.oui:
		return "WAGO"
	case moxa.oui:
		return "MOXA"
	}
	return "Unknown"
}

func (s *Site) cip(client, plc *device, tags ...string) {
	c := dial(&client.host, &plc.host, 44818)
	i := 0
	s.habit(s.polls(), func(at int64, out emit, _ *rand.Rand) {
		if !c.open {
			at = c.connect(at, out)
			req, rsp := enipRegister(plc.serialNo)
			at = c.ask(at, out, req, rsp)
			req, rsp = listIdentity(*plc, &plc.host)
			at = c.ask(at, out, req, rsp)
		}
		req, rsp := cipRead(plc.serialNo, tags[i%len(tags)])
		i++
		c.ask(at, out, req, rsp)
	})
}

func (s *Site) iec104(scada, rtu *device, asdu uint16, objects int) {
	c := dial(&scada.host, &rtu.host, 2404)
	var n uint16
	s.habit(s.polls(), func(at int64, out emit, rng *rand.Rand) {
		if !c.open {
			at = c.connect(at, out)
			at = c.ask(at, out, iec104Start, iec104Started)
		}
		for i := range objects {
			at = c.ask(at, out, nil, iec104(n, 0, asdu, uint32(1000+i), 10+rng.Float32()))
			n++
		}
		c.ask(at, out, iec104Ack(n), nil)
	})
}

func (s *Site) bacnet(server *device, controllers ...*device) {
	for _, d := range controllers {
		var invoke byte
		s.habit(s.polls(), func(at int64, out emit, _ *rand.Rand) {
			props := []struct {
				id   byte
				text string
			}{{70, d.model}, {44, fmt.Sprintf("%d.%d", d.version[0], d.version[1])}, {77, d.name}, {121, "Siemens Building Technologies"}}
			p := props[int(invoke)%len(props)]
			invoke++
			if invoke%16 == 1 {
				out(at, udp(&d.host, &server.host, 47808, 47808, bacnetIAm(d.instance, byte(d.vendorID))))
			}
			req, rsp := bacnetRead(invoke, d.instance, p.id, p.text)
			out(at+rtt, udp(&server.host, &d.host, 47808, 47808, req))
			out(at+2*rtt, udp(&d.host, &server.host, 47808, 47808, rsp))
		})
	}
}

func (s *Site) snmp(manager *device, community, descr string, agents ...*device) {
	for _, a := range agents {
		s.habit(4*time.Hour, func(at int64, out emit, rng *rand.Rand) {
			req, rsp := snmpDescr(byte(rng.IntN(100)), community, fmt.Sprintf(descr, a.version[0], a.version[1]))
			port := manager.ephemeral()
			out(at, udp(&manager.host, &a.host, port, 161, req))
			out(at+rtt, udp(&a.host, &manager.host, 161, port, rsp))
		})
	}
}

// switches says what every switch sends by itself.
func (s *Site) switches(descr string, list ...*device) {
	for i, d := range list {
		s.habit(2*time.Hour, func(at int64, out emit, _ *rand.Rand) {
			out(at, lldp(&d.host, fmt.Sprintf("port-%03d", i+1), d.station, fmt.Sprintf(descr, d.model, d.order, d.version[0], d.version[1])))
		})
	}
}

// windowsHosts announce their names, as such hosts do.
func (s *Site) windowsHosts(list ...*device) {
	for _, d := range list {
		s.habit(12*time.Hour, func(at int64, out emit, _ *rand.Rand) {
			all := host{ip: bcast(d), mac: broadcast, vlan: d.vlan}
			out(at, udp(&d.host, &all, 138, 138, netbiosAnnounce(&d.host, d.name)))
			out(at+rtt, udp(&d.host, &all, 68, 67, dhcpRequest(&d.host, d.name, "MSFT 5.0")))
		})
	}
}

func (s *Site) tls(client, server *device, port uint16, name string) {
	s.habit(2*time.Hour, func(at int64, out emit, _ *rand.Rand) {
		c := dial(&client.host, &server.host, port)
		at = c.connect(at, out)
		at = c.ask(at, out, tlsHello(name), tlsServerHello())
		c.close(at, out)
	})
}

// rdp is a remote desktop session from client to server.
func rdp(client, server *device, user string) func(int64, emit, *rand.Rand) {
	return func(at int64, out emit, _ *rand.Rand) {
		c := dial(&client.host, &server.host, 3389)
		at = c.connect(at, out)
		req, rsp := rdpConnect(user)
		at = c.ask(at, out, req, rsp)
		at = c.ask(at, out, tlsHello(server.name), tlsServerHello())
		c.close(at+int64(20*time.Minute), out)
	}
}

// ssh is a terminal session.
func ssh(client, server *device) func(int64, emit, *rand.Rand) {
	return func(at int64, out emit, _ *rand.Rand) {
		c := dial(&client.host, &server.host, 22)
		at = c.connect(at, out)
		at = c.ask(at, out, []byte("SSH-2.0-OpenSSH_9.6\r\n"), []byte("SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3\r\n"))
		c.close(at+int64(5*time.Minute), out)
	}
}

func telnet(client, server *device, user string) func(int64, emit, *rand.Rand) {
	return func(at int64, out emit, _ *rand.Rand) {
		c := dial(&client.host, &server.host, 23)
		at = c.connect(at, out)
		for _, p := range telnetLogin(user) {
			at = c.ask(at, out, p[0], p[1])
		}
		c.close(at, out)
	}
}

func basic(client, server *device, path string) func(int64, emit, *rand.Rand) {
	return func(at int64, out emit, _ *rand.Rand) {
		c := dial(&client.host, &server.host, 80)
		at = c.connect(at, out)
		req, rsp := httpBasic(server.ip.String(), path, "admin")
		at = c.ask(at, out, req, rsp)
		c.close(at, out)
	}
}

// download loads blocks into a controller.
func download(station, plc *device, blocks ...string) func(int64, emit, *rand.Rand) {
	return func(at int64, out emit, _ *rand.Rand) {
		c := dial(&station.host, &plc.host, 102)
		at = c.connect(at, out)
		req, rsp := s7Connect()
		at = c.ask(at, out, req, rsp)
		req, rsp = s7Setup(1)
		at = c.ask(at, out, req, rsp)
		for i, block := range blocks {
			for _, p := range s7Download(uint16(10+10*i), block) {
				at = c.ask(at, out, p[0], p[1])
			}
		}
		c.close(at, out)
	}
}
