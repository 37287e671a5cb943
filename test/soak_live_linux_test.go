package test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor/sensortest"
)

// modbusPair is a station that reads ten registers of a controller, over and over, with the frames of one round.
type modbusPair struct {
	ask, answer   []byte
	seqA, seqB    uint32
	transactionID uint16
}

func newModbusPair(i int) *modbusPair {
	frame := func(from, to byte, sport, dport uint16, payload []byte) []byte {
		f := []byte{2, 0, 0, 0, to, byte(i), 2, 0, 0, 0, from, byte(i), 8, 0, 0x45, 0}
		f = binary.BigEndian.AppendUint16(f, uint16(40+len(payload)))
		f = append(f, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, from, byte(i), 10, 0, to, byte(i))
		f = binary.BigEndian.AppendUint16(f, sport)
		f = binary.BigEndian.AppendUint16(f, dport)
		return append(append(f, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 16, 0, 0, 0, 0, 0), payload...)
	}
	return &modbusPair{
		ask:    frame(1, 2, 50000, 502, []byte{0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10}),
		answer: frame(2, 1, 502, 50000, append([]byte{0, 0, 0, 0, 0, 23, 1, 3, 20}, make([]byte, 20)...)),
	}
}

func (p *modbusPair) round(send func([]byte) error) (sent int) {
	p.transactionID++
	binary.BigEndian.PutUint32(p.ask[38:], p.seqA)
	binary.BigEndian.PutUint32(p.ask[42:], p.seqB)
	p.seqA += 12
	binary.BigEndian.PutUint32(p.answer[38:], p.seqB)
	binary.BigEndian.PutUint32(p.answer[42:], p.seqA)
	p.seqB += 29
	for _, f := range [][]byte{p.ask, p.answer} {
		binary.BigEndian.PutUint16(f[54:], p.transactionID)
		if send(f) == nil {
			sent++
		}
	}
	return sent
}

func cpuSeconds(t *testing.T, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')'):]))
	user, _ := strconv.ParseFloat(f[12], 64)
	system, _ := strconv.ParseFloat(f[13], 64)
	return (user + system) / 100
}

// TestSoakLive sends 100,000 packets a second of Modbus over a pair of virtual
// ports for ten seconds to a server that listens, and prints what docs/measured.md quotes.
func TestSoakLive(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link set lo up")
	sensortest.Wire(t)
	data := t.TempDir()
	p := start(t, data)
	site := makeSite(t, p)
	p.kill()
	p = start(t, data, "--sense", "mirror="+site)
	type source struct {
		Packets, Dropped, Transmitted int64
		OTBytes                       int64     `json:"ot_bytes"`
		ReceivedAt                    time.Time `json:"received_at"`
	}
	look := func() source {
		raw, err := p.get("/sources")
		if err != nil {
			t.Fatal(err)
		}
		var page struct{ Items []source }
		if err := json.Unmarshal(raw, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 0 {
			return source{}
		}
		return page.Items[0]
	}
	const perSecond, seconds, pairs = 100_000, 10, 100
	port := sensortest.NewSender(t, "plant")
	var all []*modbusPair
	for i := range pairs {
		all = append(all, newModbusPair(i))
	}
	for end := time.Now().Add(30 * time.Second); look().ReceivedAt.IsZero() && time.Now().Before(end); {
		time.Sleep(200 * time.Millisecond) // until it has listened for an interval
	}
	before, began, sent := cpuSeconds(t, p.cmd.Process.Pid), time.Now(), 0
	for tick := range 100 * seconds { // 1,000 packets every 10 ms
		for range perSecond / 100 / pairs / 2 {
			for _, m := range all {
				sent += m.round(port.Try)
			}
		}
		time.Sleep(time.Until(began.Add(time.Duration(tick+1) * 10 * time.Millisecond)))
	}
	took := time.Since(began)
	used := cpuSeconds(t, p.cmd.Process.Pid) - before
	s := look()
	for end := time.Now().Add(30 * time.Second); s.Packets+s.Dropped < int64(sent) && time.Now().Before(end); s = look() {
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("%d packets sent in %.1f s (%.0f/s): %d seen, %d dropped, %d transmitted, %d bytes of OT protocols; %.1f s of CPU (%.0f %% of one core), %d MiB resident",
		sent, took.Seconds(), float64(sent)/took.Seconds(), s.Packets, s.Dropped, s.Transmitted, s.OTBytes, used, 100*used/took.Seconds(), residentMiB(t, p.cmd.Process.Pid))
	if s.Packets+s.Dropped != int64(sent) {
		t.Errorf("%d sent, %d seen and %d dropped: the sum must be what was sent", sent, s.Packets, s.Dropped)
	}
	if s.Transmitted != 0 {
		t.Errorf("the listening interface sent %d frames", s.Transmitted)
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
			t.Log(strings.TrimSpace(line))
		}
	}
	p.kill()
	t.Logf("the whole run of the server: %s user, %s system", p.cmd.ProcessState.UserTime(), p.cmd.ProcessState.SystemTime())
}
