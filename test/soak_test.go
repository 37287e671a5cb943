package test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// bigPlant is a capture of n controllers, each with a network card of its own,
// polled by one of fifty SCADA servers.
func bigPlant(n int) []byte {
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC).UnixMicro()
	frame := func(f []byte) {
		at += 20
		b = binary.LittleEndian.AppendUint32(b, uint32(at/1e6))
		b = binary.LittleEndian.AppendUint32(b, uint32(at%1e6))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	mac := func(i int, vendor ...byte) []byte {
		return append(append([]byte{}, vendor...), byte(i>>16), byte(i>>8), byte(i))
	}
	tcp := func(dst, src []byte, from, to [4]byte, sport, dport uint16, seq uint32, payload []byte) {
		f := append(append(append([]byte{}, dst...), src...), 8, 0, 0x45, 0)
		f = binary.BigEndian.AppendUint16(f, uint16(40+len(payload)))
		f = append(f, 0, 1, 0, 0, 64, 6, 0, 0)
		f = append(append(f, from[:]...), to[:]...)
		f = binary.BigEndian.AppendUint16(f, sport)
		f = binary.BigEndian.AppendUint16(f, dport)
		f = binary.BigEndian.AppendUint32(f, seq)
		frame(append(append(f, 0, 0, 0, 1, 0x50, 0x18, 16, 0, 0, 0, 0, 0), payload...))
	}
	for i := range n {
		plc, server := mac(i, 0x00, 0x80, 0xf4), mac(i%50, 0xb4, 0x45, 0x06)
		ip, sip := [4]byte{10, 1 + byte(i/60000), byte(i / 250), 1 + byte(i%250)}, [4]byte{10, 200, 0, 1 + byte(i%50)}
		arp := append(append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, plc...), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
		arp = append(append(append(arp, plc...), ip[:]...), 0, 0, 0, 0, 0, 0)
		frame(append(append(arp, sip[:]...), make([]byte, 18)...))
		name := fmt.Sprintf("BMX P34 %04d", i)
		tcp(plc, server, sip, ip, 50000, 502, 1000, []byte{0, 1, 0, 0, 0, 5, 1, 0x2b, 0x0e, 1, 0})
		id := append([]byte{1, 0x2b, 0x0e, 1, 1, 0, 0, 2, 0, 18}, "Schneider Electric"...)
		id = append(append(id, 1, byte(len(name))), name...)
		tcp(server, plc, ip, sip, 502, 50000, 2000, append([]byte{0, 1, 0, 0, byte(len(id) >> 8), byte(len(id))}, id...))
	}
	return b
}

func residentMiB(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var kb int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb >> 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// TestSoakTenThousandAssets prints what docs/measured.md quotes: how long a
// server with 10,000 assets takes to start, what it holds idle, how long the
// pages' questions take. It judges nothing by a clock.
func TestSoakTenThousandAssets(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	data := t.TempDir()
	p := start(t, data)
	site := makeSite(t, p)
	began := time.Now()
	if _, err := upload(p, site, "10,000 controllers", bigPlant(10_000)); err != nil {
		t.Fatal(err)
	}
	settle(t, p)
	t.Logf("import of 10,000 controllers: %.1f s, then %d MiB resident", time.Since(began).Seconds(), residentMiB(t, p.cmd.Process.Pid))
	p.kill()
	p = start(t, data)
	t.Logf("start: %s", strings.TrimSpace(strings.SplitN(p.output.String(), "\n", 2)[0]))
	time.Sleep(30 * time.Second)
	t.Logf("idle for 30 s: %d MiB resident", residentMiB(t, p.cmd.Process.Pid))
	for _, path := range []string{"/posture", "/assets?limit=200", "/assets?limit=200&q=p34+99", "/assets/facets", "/plant?site=" + site, "/conversations?limit=100", "/requirements", "/sites"} {
		began := time.Now()
		raw, err := p.get(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if !json.Valid(raw) {
			t.Errorf("%s answers no JSON", path)
		}
		t.Logf("GET %-32s %4d ms  %4d KiB", strings.Split(path, "=01")[0], time.Since(began).Milliseconds(), len(raw)>>10)
	}
	t.Logf("after the questions: %d MiB resident", residentMiB(t, p.cmd.Process.Pid))
}
