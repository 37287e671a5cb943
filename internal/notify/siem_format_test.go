package notify

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/notify/syslog"
)

// hostile is an alert whose names try to break out of every format.
func hostile() told {
	return told{
		id: "inbox.open", level: 9, at: time.Date(2026, 11, 23, 12, 0, 0, 5e8, time.UTC), text: "A controller was told to stop | a=b\tc",
		params: []syslog.Param{{Name: "id", Value: "01a2"}, {Name: "kind", Value: "alert"}, {Name: "site", Value: "Aarhus = north"}, {Name: "detail", Value: `Ask the shift "now" \ ]`}},
		alert: map[string]string{
			"rule": "controller-stop", "title": "A controller was told to stop", "technique": "T0858", "severity": "critical", "client_ip": "10.20.3.9", "client_mac": "02:00:00:00:00:09",
			"client_name": "ES-1 dst=1.2.3.4", "server_ip": "10.20.3.1", "server_mac": "02:00:00:00:00:01", "server_name": "PLC|3\tcat=x", "port": "102", "transport": "tcp", "protocol": "s7comm", "count": "2",
			"first": "1795435200000", "last": "1795435200500", "first_at": "2026-11-23T12:00:00.000Z", "last_at": "2026-11-23T12:00:00.500Z",
		},
	}
}

// CEF is read by liblognorm's own parser of it.
func TestCEFIsReadByLiblognorm(t *testing.T) {
	program, err := exec.LookPath("lognormalizer")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "lognormalizer") {
			t.Fatalf("lognormalizer is required and not there: %v", err)
		}
		t.Skip("lognormalizer is not installed (Debian: liblognorm-utils)")
	}
	rules := filepath.Join(t.TempDir(), "cef.rulebase")
	if err := os.WriteFile(rules, []byte("version=2\nrule=:%f:cef%\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := hostile()
	line := syslog.CEF{Version: "1|2", ID: e.id, Name: e.text, Severity: e.level, Fields: e.cefFields()}.Encode()
	cmd := exec.Command(program, "-r", rules, "-e", "json")
	cmd.Stdin = strings.NewReader(line + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		F struct {
			Vendor  string            `json:"DeviceVendor"`
			Version string            `json:"DeviceVersion"`
			Name    string            `json:"Name"`
			Sev     string            `json:"Severity"`
			Ext     map[string]string `json:"Extensions"`
		} `json:"f"`
	}
	if err := json.Unmarshal(out, &got); err != nil || got.F.Vendor != "Skanse" {
		t.Fatalf("it reads %s of %s: %v", out, line, err)
	}
	for name, want := range map[string]string{
		"src": "10.20.3.9", "dst": "10.20.3.1", "dpt": "102", "app": "s7comm", "cnt": "2", "smac": "02:00:00:00:00:09", "cat": "controller-stop", "externalId": "01a2",
		"shost": "ES-1 dst=1.2.3.4", "cs2Label": "site", "cs2": "Aarhus = north", "cs4Label": "technique", "cs4": "T0858",
	} {
		if got.F.Ext[name] != want {
			t.Errorf("%s: %q, want %q", name, got.F.Ext[name], want)
		}
	}
	if got.F.Version != "1|2" || got.F.Sev != "9" || !strings.Contains(got.F.Name, "| a=b") {
		t.Errorf("%+v", got.F)
	}
}

// A line of ECS is one object, whose fields are those that Elastic publishes and nothing else.
func TestECS(t *testing.T) {
	published := []string{
		"@timestamp", "message", "ecs.version", "event.module", "event.dataset", "event.severity", "event.kind", "event.category", "event.type", "event.id", "event.start", "event.end",
		"event.action", "observer.vendor", "observer.product", "observer.version", "observer.hostname", "organization.name", "user.name", "rule.id", "rule.name", "source.ip", "source.mac", "source.address",
		"destination.ip", "destination.mac", "destination.address", "destination.port", "network.transport", "network.protocol", "threat.framework", "threat.technique.id",
	}
	e := hostile()
	line := e.ecs("1.0", "centre", syslog.MaxFrame)
	if bytes.ContainsAny(line, "\n\r") {
		t.Error("a line is more than one")
	}
	var doc map[string]any
	if err := json.Unmarshal(line, &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	seen := map[string]any{}
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok {
			for k, x := range m {
				walk(strings.TrimPrefix(path+"."+k, "."), x)
			}
			return
		}
		seen[path] = v
		if !slices.Contains(published, path) && !strings.HasPrefix(path, "labels.") {
			t.Errorf("%s is no field of ECS", path)
		}
	}
	walk("", doc)
	if seen["source.ip"] != "10.20.3.9" || seen["source.mac"] != "02-00-00-00-00-09" || seen["destination.port"] != 102.0 || seen["event.kind"] != "alert" || seen["rule.id"] != "controller-stop" || seen["labels.detail"] == nil {
		t.Errorf("%v", seen)
	}
	e.params = append(e.params, syslog.Param{Name: "more", Value: strings.Repeat("x", 4000)})
	if small := e.ecs("1.0", "centre", syslog.MaxDatagram); len(small) == 0 || len(small) > syslog.MaxDatagram || !json.Valid(small) {
		t.Errorf("%d bytes where %d fit", len(small), syslog.MaxDatagram)
	}
}

// No program that reads LEEF could be had: what is tested is the form that QRadar's guide describes.
func TestLEEF(t *testing.T) {
	e := hostile()
	line := syslog.LEEF{Version: "1|2", ID: e.id, Fields: e.leefFields()}.Encode()
	head := strings.SplitN(line, "|", 7)
	if len(head) != 7 || head[0] != "LEEF:2.0" || head[3] != "1/2" || head[5] != "x09" {
		t.Fatalf("%q", line)
	}
	got := map[string]string{}
	for field := range strings.SplitSeq(head[6], "\t") {
		k, v, ok := strings.Cut(field, "=")
		if _, twice := got[k]; twice || !ok {
			t.Errorf("%q is no attribute, or is there twice", field)
		}
		got[k] = v
	}
	if got["src"] != "10.20.3.9" || got["dstPort"] != "102" || got["sev"] != "9" || got["resource"] != "PLC|3 cat=x" || got["cat"] != "inbox.open" {
		t.Errorf("%v", got)
	}
}
