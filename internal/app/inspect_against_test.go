package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

// packetsOf counts the packets of a capture by the sensor's own reader.
func packetsOf(t *testing.T, file string) (n int) {
	t.Helper()
	src, err := sensor.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var p sensor.Packet
	for src.Next(&p) == nil {
		n++
	}
	return n
}

func TestInspectPcapOut(t *testing.T) {
	frames := append(modbus(), segment(3, 2, 40001, 502, 1, []byte{0, 1, 0, 0, 0, 6, 1, 3, 0, 10, 0, 2}), segment(3, 4, 40002, 9999, 1, []byte("hello")))
	file := capture(t, frames...)
	out := filepath.Join(t.TempDir(), "out.pcapng")
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"a host":                 {[]string{"--host", "10.0.0.3"}, 2},
		"a host by its card":     {[]string{"--host", "02:00:00:00:00:02"}, 5},
		"two hosts":              {[]string{"--conversation", "10.0.0.2,10.0.0.1"}, 4},
		"a conversation":         {[]string{"--conversation", "10.0.0.3,10.0.0.2,502/tcp"}, 1},
		"another port":           {[]string{"--conversation", "10.0.0.3,10.0.0.2,503/tcp"}, 0},
		"an alert":               {[]string{"--alert", "communication-disabled"}, 4},
		"an alert by its packet": {[]string{"--alert", "@3"}, 4},
	} {
		code, said, errs := inspect(t, append([]string{file, "--pcap-out", out}, c.args...)...)
		if code != 0 || packetsOf(t, out) != c.want || !strings.Contains(said, "of 6") {
			t.Errorf("%s: exit %d, %d packets, want %d; %s%s", name, code, packetsOf(t, out), c.want, said, errs)
		}
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nothing asked":    {[]string{file, "--pcap-out", out}, "needs one of"},
		"no file":          {[]string{file, "--host", "10.0.0.1"}, "give it a file"},
		"onto itself":      {[]string{file, "--pcap-out", file, "--host", "10.0.0.1"}, "is the capture itself"},
		"no such alert":    {[]string{file, "--pcap-out", out, "--alert", "controller-stop"}, "communication-disabled"},
		"no such host":     {[]string{file, "--pcap-out", out, "--host", "PLC-1"}, "shows no host"},
		"no port":          {[]string{file, "--pcap-out", out, "--conversation", "10.0.0.1,10.0.0.2,x"}, "is no port"},
		"a report of none": {[]string{file, "--report", out}, "say with --against"},
	} {
		if code, _, errs := inspect(t, c.args...); code == 0 || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d, %q", name, code, errs)
		}
	}
	if packetsOf(t, file) != 6 {
		t.Error("the capture itself was changed")
	}
}

func TestInspectAgainst(t *testing.T) {
	dir := t.TempDir()
	good, project := capture(t, modbus()...), filepath.Join(dir, "project.yaml")
	if code, _, errs := inspect(t, good, "--project-out", project); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	// What was heard agrees with the plan that was drawn from it; without leave to
	// restart the controller, the restart is a finding, and an alarming one.
	if code, out, errs := inspect(t, good, "--against", project); code != 0 || !strings.Contains(out, "everything that was heard is as planned") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	raw, err := os.ReadFile(project)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(project, []byte(strings.Replace(string(raw), ", control", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := inspect(t, good, "--against", project)
	if code != exitDiffers || !strings.Contains(out, "Alarming messages (1)") || !strings.Contains(out, "More than the conduit allows (1)") || strings.Contains(out, "nobody planned") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	quiet := capture(t, modbus()[:2]...)
	if code, out, errs := inspect(t, quiet, "--against", project); code != 0 || !strings.Contains(out, "everything that was heard is as planned") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	other := capture(t, append(modbus()[:2], segment(3, 2, 40001, 502, 1, []byte{0, 1, 0, 0, 0, 6, 1, 3, 0, 10, 0, 2}))...)
	page := filepath.Join(dir, "fat.html")
	code, out, _ = inspect(t, quiet, other, "--against", project, "--json", "--report", page)
	var got struct {
		Verdict  string
		Sources  []struct{ SHA256 string }
		Findings []struct{ Kind, Verdict, Subject string }
		Baseline struct{ Devices []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitDiffers || got.Verdict != "differs" || len(got.Sources) != 2 || len(got.Sources[0].SHA256) != 64 || len(got.Baseline.Devices) != 3 {
		t.Errorf("exit %d, %v: %+v", code, err, got)
	}
	if raw, err := os.ReadFile(page); err != nil || !strings.Contains(string(raw), "10.0.0.3") {
		t.Errorf("the report: %v", err)
	}
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("project: x\ndevices:\n  - nam: A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := inspect(t, good, "--against", bad); code != 2 || !strings.Contains(errs, "bad.yaml:3:") {
		t.Errorf("a wrong plan: exit %d, %s", code, errs)
	}
	if code, _, errs := inspect(t, capture(t), "--against", project); code == 0 {
		t.Errorf("an empty capture is as planned: %s", errs)
	}
}

func TestProgressLine(t *testing.T) {
	got := progressLine("a\x1bb.pcap", sensor.SourceStats{Packets: 1234567, SizeBytes: 400, Read: 100}, 10*time.Second)
	if got != "a\ufffdb.pcap: 25 %, 1,234,567 packets, about 30s left" {
		t.Error(got)
	}
}

func TestInspectCutIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := &report{file: capture(t, modbus()...)}
	if _, _, err := r.cut(ctx, &cutting{}, os.Stderr); err == nil {
		t.Error("a cancelled cut goes on")
	}
}
