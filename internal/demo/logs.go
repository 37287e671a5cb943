package demo

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// LogSource is a device of the example that tells of itself.
type LogSource struct {
	Site      *Site
	Device    string // its name; of the inventory
	Address   string
	Kind      string
	Interval  time.Duration // a line is expected so often
	Retention int64         // days
	Expected  bool          // it stands in the register
	every     time.Duration
	until     time.Duration // before the present it fell silent; 0: it did not
	ahead     time.Duration // of its clock
	say       func(n int, at time.Time) string
}

// LogSources are those that speak. In Esbjerg the Moxa's clock is a minute and a half late, the second engineering
// station fell silent after the story's download, and a camera sends lines that nobody expects.
func (c *Company) LogSources() (out []LogSource) {
	add := func(site, device, kind string, x LogSource) {
		for _, s := range c.Sites {
			if s.Name != site {
				continue
			}
			for _, d := range s.devices {
				if d.name == device || d.station == device {
					x.Site, x.Device, x.Kind, x.Address = s, device, kind, d.ip.String()
					out = append(out, x)
					return
				}
			}
		}
	}
	day := 24 * time.Hour
	add("Aarhus", "Remote gateway", "firewall", LogSource{Expected: true, Interval: 4 * time.Hour, Retention: 30, every: 90 * time.Minute, say: gatewayLine})
	add("Aarhus", "AAR-SCADA1", "windows", LogSource{Expected: true, Interval: day, Retention: 30, every: 3 * time.Hour, say: windowsLine("AAR-SCADA1", "operator")})
	add("Aarhus", "AAR-HIST1", "windows", LogSource{Expected: true, Interval: day, Retention: 365, every: 5 * time.Hour, say: windowsLine("AAR-HIST1", "svc-historian")})
	add("Aarhus", "SW-P1", "switch", LogSource{Expected: true, Interval: 7 * day, Retention: 30, every: 11 * time.Hour, say: switchLine("SW-P1")})
	add("Esbjerg", "ESB-RTR1", "firewall", LogSource{Expected: true, Interval: 4 * time.Hour, Retention: 30, every: 70 * time.Minute, say: routerLine})
	add("Esbjerg", "UTL-SW1", "switch", LogSource{Expected: true, Interval: 7 * day, Retention: 30, every: 9 * time.Hour, ahead: -94 * time.Second, say: switchLine("UTL-SW1")})
	add("Esbjerg", "ESB-SCADA1", "windows", LogSource{Expected: true, Interval: day, Retention: 30, every: 3 * time.Hour, say: windowsLine("ESB-SCADA1", "operator")})
	add("Esbjerg", "ESB-ES2", "windows", LogSource{Expected: true, Interval: day, Retention: 30, every: 4 * time.Hour, until: 40 * time.Hour, say: lastWords("ESB-ES2")})
	add("Esbjerg", "UTL-CAM1", "other", LogSource{every: 6 * time.Hour, say: func(n int, at time.Time) string {
		return fmt.Sprintf("<14>%s cam1 motion: event %d on stream 1", at.Format("Jan _2 15:04:05"), n)
	}})
	return out
}

// Lines calls fn with what a source said between two times, as it came.
func (l *LogSource) Lines(from, to time.Time, fn func(at time.Time, line string)) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.Device)) // a hash does not fail
	at := from.Add(time.Duration(h.Sum32()%uint32(l.every/time.Second)) * time.Second)
	zone, err := time.LoadLocation(l.Site.TZ)
	if err != nil {
		zone = time.UTC
	}
	for n := 0; at.Before(to.Add(-l.until)); n++ {
		fn(at, l.say(n, at.Add(l.ahead).In(zone)))
		at = at.Add(l.every)
	}
}

// Next is a line that a source says now.
func (l *LogSource) Next(n int, at time.Time) string {
	zone, err := time.LoadLocation(l.Site.TZ)
	if err != nil {
		zone = time.UTC
	}
	return l.say(n, at.Add(l.ahead).In(zone))
}

// Quiet says whether it fell silent.
func (l *LogSource) Quiet() bool { return l.until > 0 }

func gatewayLine(n int, at time.Time) string {
	what := []string{
		"Accepted publickey for vendor.siemens from 10.10.40.10 port 50122 ssh2", "session opened: vendor.siemens to AAR-SCADA1 (ticket CHG)", "session closed: vendor.siemens, recorded",
		"denied tcp 10.10.40.10:49822 > 10.10.20.11:445 rule office-to-scada", "Failed password for admin from 10.10.40.10 port 50200 ssh2",
	}
	return fmt.Sprintf("<%d>1 %s gateway.aarhus sshd %d - - %s", 86-n%5/3*2, at.Format("2006-01-02T15:04:05.000Z07:00"), 700+n, what[n%len(what)])
}

func routerLine(n int, at time.Time) string {
	what := []string{
		"%SEC-6-IPACCESSLOGP: list OUT denied tcp 10.20.30.11(49877) -> 93.184.216.34(443), 1 packet", "%SEC-6-IPACCESSLOGP: list IN denied udp 198.51.100.7(5353) -> 10.20.30.1(161), 4 packets",
		"%SYS-5-CONFIG_I: Configured from console by admin on vty0 (10.20.30.10)", "%LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet0/2, changed state to up",
	}
	return fmt.Sprintf("<189>%d: ESB-RTR1: %s: %s", 4000+n, at.UTC().Format("Jan _2 2006 15:04:05.000 UTC"), what[n%len(what)])
}

func switchLine(name string) func(int, time.Time) string {
	return func(n int, at time.Time) string {
		what := []string{"Link up on port 3", "Link down on port 7", "Warm start", "Login of user admin by HTTPS", "Link up on port 7"}
		return fmt.Sprintf("<134>%s %s system: %s", at.Format("Jan _2 15:04:05"), name, what[n%len(what)])
	}
}

// windowsLine is an event as an agent forwards it, in XML within syslog.
func windowsLine(host, user string) func(int, time.Time) string {
	return func(n int, at time.Time) string {
		id, keywords, data := 4624, "0x8020000000000000", "<Data Name='TargetUserName'>"+user+"</Data><Data Name='LogonType'>2</Data>"
		switch n % 7 {
		case 2:
			id, keywords, data = 4625, "0x8010000000000000", "<Data Name='TargetUserName'>"+user+"</Data><Data Name='Status'>0xc000006d</Data>"
		case 4:
			id, data = 4688, "<Data Name='NewProcessName'>C:\\Program Files\\SCADA\\hmi.exe</Data><Data Name='SubjectUserName'>"+user+"</Data>"
		case 5:
			id, data = 4634, "<Data Name='TargetUserName'>"+user+"</Data>"
		}
		return windowsEvent(host, n, at, id, keywords, data)
	}
}

// lastWords are those of a machine that was given another service, and whose log was cleared before it fell silent.
func lastWords(host string) func(int, time.Time) string {
	usual := windowsLine(host, "engineer")
	return func(n int, at time.Time) string {
		if n%240 == 239 {
			return windowsEvent(host, n, at, 4697, "0x8020000000000000", "<Data Name='ServiceName'>updsvc</Data><Data Name='ServiceFileName'>C:\\Windows\\Temp\\upd.exe</Data>")
		}
		return usual(n, at)
	}
}

func windowsEvent(host string, n int, at time.Time, id int, keywords, data string) string {
	return "<14>1 " + at.Format(time.RFC3339) + " " + strings.ToLower(host) + " agent - - - <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>" +
		fmt.Sprintf("<EventID>%d</EventID><Level>0</Level><Keywords>%s</Keywords><TimeCreated SystemTime='%s'/><EventRecordID>%d</EventRecordID><Channel>Security</Channel><Computer>%s</Computer></System><EventData>%s</EventData></Event>",
			id, keywords, at.UTC().Format("2006-01-02T15:04:05.000Z"), 90000+n, host, data)
}
