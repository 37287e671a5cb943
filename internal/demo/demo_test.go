package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

var present = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestCompanyHasTheSizeItPromises(t *testing.T) {
	c := NewCompany()
	if n := c.Assets(); len(c.Sites) != 4 || n < 70 || n > 150 {
		t.Fatalf("%d sites and %d devices; the demo promises four sites and 70 to 150", len(c.Sites), n)
	}
	for _, s := range c.Sites {
		seen := map[string]string{}
		for _, d := range s.devices {
			key := d.zone.Realm + " " + d.ip.String()
			if other, ok := seen[key]; ok {
				t.Errorf("%s: %s and %s share %s", s.Name, other, d.name, key)
			}
			seen[key] = d.name
		}
	}
}

// TestTrafficIsSound lets somebody else's dissectors judge the synthesised
// frames: tshark must find nothing malformed and the protocols of the story.
func TestTrafficIsSound(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if strings.Contains(os.Getenv("SKANSE_REQUIRE"), "tshark") {
			t.Fatal("tshark is required and not installed: apt-get install tshark")
		}
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	for _, s := range append(NewCompany().Sites, NewBrewery(3, 2*time.Hour).Site) {
		if s.Sensor == "" {
			continue
		}
		t.Run(s.Sensor, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "site.pcap")
			if n := writePcap(t, file, s.NewSource(context.Background(), present.Add(-10*24*time.Hour), present, present, false)); n < 5000 {
				t.Fatalf("only %d frames in ten days", n)
			}
			out, err := exec.Command(tshark, "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
				"-Y", "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0", "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info").CombinedOutput()
			if err != nil {
				t.Fatal(err, string(out))
			}
			var bad []string
			for line := range strings.Lines(string(out)) {
				if !strings.HasPrefix(line, "Running as") {
					bad = append(bad, line)
				}
			}
			if len(bad) > 0 {
				t.Errorf("%d frames are malformed, the first:\n%s", len(bad), strings.Join(bad[:min(8, len(bad))], ""))
			}
		})
	}
}

func TestSourceIsInOrderAndTheSameEveryTime(t *testing.T) {
	read := func() (n int, sum uint64) {
		src := NewCompany().Sites[1].NewSource(context.Background(), present.Add(-36*time.Hour), present, present, false)
		var p sensor.Packet
		last := int64(0)
		for {
			err := src.Next(&p)
			if errors.Is(err, io.EOF) {
				return n, sum
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.At < last {
				t.Fatalf("packet %d is %d ns before the one ahead of it", p.Number, last-p.At)
			}
			last = p.At
			n++
			for _, b := range p.Data {
				sum = sum*31 + uint64(b)
			}
		}
	}
	n1, sum1 := read()
	n2, sum2 := read()
	if n1 == 0 || n1 != n2 || sum1 != sum2 {
		t.Fatalf("two runs differ: %d frames %x, %d frames %x", n1, sum1, n2, sum2)
	}
}

func writePcap(t *testing.T, name string, src sensor.Source) (n int) {
	t.Helper()
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	var p sensor.Packet
	for {
		if err := src.Next(&p); err != nil {
			break
		}
		n++
		b = binary.LittleEndian.AppendUint32(b, uint32(p.At/1e9))
		b = binary.LittleEndian.AppendUint32(b, uint32(p.At%1e9/1000))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
		b = append(b, p.Data...)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWriteExample writes a month of one site as a capture, for the benchmark
// on machines without the public captures.
func TestWriteExample(t *testing.T) {
	name := os.Getenv("SKANSE_WRITE_EXAMPLE")
	if name == "" {
		t.Skip("make bench asks for it")
	}
	n := writePcap(t, name, NewCompany().Sites[1].NewSource(context.Background(), present.Add(-30*24*time.Hour), present, present, false))
	t.Logf("%d packets in %s", n, name)
}
