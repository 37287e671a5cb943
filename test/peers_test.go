// Package test holds the tests that run the whole program: captures of real
// peers, crashes, upgrades. What a package can test alone stands beside it.
package test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/app"
)

type report struct {
	Packets   int
	Malformed int
	Messages  []struct {
		Protocol, Kind, Direction, Name, Class string
		Code                                   any
		Count                                  int
	}
	Hosts []struct {
		MAC      string
		IPs      []string
		Vendor   string
		Firmware string
		Name     string
		Identity []struct{ Attribute, Value string }
	}
	Conversations []struct {
		Client, Server, Transport, Protocol string
		Port                                int
	}
	Alerts []struct{ Rule string }
}

func inspect(t *testing.T, file string) (r report, raw string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := app.Run(context.Background(), []string{"inspect", "--json", file}, &out, &errs); code != 0 {
		t.Fatalf("inspect %s: exit %d: %s", file, code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("inspect %s: %v", file, err)
	}
	return r, out.String()
}

func (r report) count(protocol, kind, direction string, code float64) (n int) {
	for _, m := range r.Messages {
		if c, ok := m.Code.(float64); ok && c == code && m.Protocol == protocol && m.Kind == kind && m.Direction == direction {
			n += m.Count
		}
	}
	return n
}

func (r report) says(ip, attribute, value string) bool {
	for _, h := range r.Hosts {
		for _, a := range h.IPs {
			if a != ip {
				continue
			}
			for _, f := range h.Identity {
				if f.Attribute == attribute && strings.Contains(f.Value, value) {
					return true
				}
			}
		}
	}
	return false
}

// The captures in peers/ were recorded by test/record between programs of other
// projects; the numbers below are what those programs were told to do.

func TestPymodbus(t *testing.T) {
	r, _ := inspect(t, "peers/modbus_pymodbus.pcap")
	for code, want := range map[float64]int{1: 1, 2: 1, 3: 4, 4: 1, 5: 1, 6: 1, 16: 1, 43: 1} {
		for _, dir := range []string{"request", "response"} {
			if got := r.count("modbus", "function", dir, code); got != want {
				t.Errorf("function %v, %s: %d, pymodbus sent %d", code, dir, got, want)
			}
		}
	}
	if got := r.count("modbus", "exception", "response", 2); got != 1 {
		t.Errorf("%d answers with exception 2, pymodbus gave 1", got)
	}
	if !r.says("10.99.0.2", "modbus.vendor_name", "Pymodbus") {
		t.Error("the server's vendor name is not among its facts")
	}
	if len(r.Conversations) == 0 || r.Conversations[0].Port == 0 {
		t.Fatal("no conversation")
	}
	for _, c := range r.Conversations {
		if c.Protocol == "modbus" && (c.Client != "10.99.0.1" || c.Server != "10.99.0.2") {
			t.Errorf("modbus from %s to %s; the client was 10.99.0.1", c.Client, c.Server)
		}
	}
}

func TestNetSNMP(t *testing.T) {
	r, raw := inspect(t, "peers/snmp_netsnmp.pcap")
	if !r.says("10.99.0.2", "snmp.sysdescr", "firmware V4.11") {
		t.Error("sysDescr is not among the agent's facts")
	}
	if !r.says("10.99.0.2", "credential.default", "snmp") {
		t.Error("nobody says that the default community was used")
	}
	if strings.Contains(raw, "wrong") {
		t.Error("a community string left the sensor; it is a password")
	}
}

func TestOpenSSH(t *testing.T) {
	r, _ := inspect(t, "peers/ssh_openssh.pcap")
	if !r.says("10.99.0.2", "ssh.banner", "OpenSSH") {
		t.Error("the server's banner is not among its facts")
	}
	if r.Malformed != 0 {
		t.Errorf("%d frames of OpenSSH called malformed", r.Malformed)
	}
}
