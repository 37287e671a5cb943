package live

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"github.com/skanse/skanse/internal/sensor/sensortest"
	"golang.org/x/sys/unix"
)

// A port as a machine's own network software leaves it becomes silent, sends
// nothing while it does, and is afterwards as it was.
func TestSilence(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link add mirror type veth peer name plant")
	sensortest.IP(t, "link set plant up")
	before, err := Inspect("mirror")
	if err != nil || before.Up || !before.ARP || !before.IPv6 {
		t.Fatalf("a new port: %+v, %v", before, err)
	}
	done, err := Silence("mirror", false)
	if err != nil || len(done) != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	i, err := Inspect("mirror")
	if err != nil || !i.Up || i.ARP || i.IPv6 || len(i.Warnings()) != 0 {
		t.Errorf("silenced: %+v, %v", i, err)
	}
	time.Sleep(1500 * time.Millisecond) // a kernel with IPv6 on would have asked for routers by now
	if n, ok := statistic("mirror", "tx_packets"); !ok || n != 0 {
		t.Errorf("it sent %d frames", n)
	}
	if again, err := Silence("mirror", false); err != nil || len(again) != 0 {
		t.Errorf("silenced twice: %+v, %v", again, err)
	}
	if err := Restore("mirror", done); err != nil {
		t.Fatal(err)
	}
	if after, err := Inspect("mirror"); err != nil || after.Up || !after.ARP || !after.IPv6 {
		t.Errorf("restored: %+v, %v", after, err)
	}

	sensortest.IP(t, "link set mirror up")
	sensortest.IP(t, "addr add 192.0.2.1/24 dev mirror")
	if _, err := Silence("mirror", false); ot.CodeOf(err) != ot.Conflict || !strings.Contains(err.Error(), "192.0.2.1/24") {
		t.Errorf("with an address: %v", err)
	}
	if i, _ := Inspect("mirror"); !i.ARP || !i.IPv6 {
		t.Errorf("it was refused and changed: %+v", i)
	}
	if done, err := Silence("mirror", true); err != nil || len(done) != 2 {
		t.Errorf("with an address, as was said: %+v, %v", done, err)
	}
	if _, err := Silence("nowhere", false); ot.CodeOf(err) != ot.NotFound {
		t.Error(err)
	}
}

// The kernel takes the same frames as the filter does here, though it keeps the outer tag apart.
func TestFilterInTheKernel(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	var frames [][]byte
	for _, vlan := range []uint16{0, 10, 20, 0x8000 | 20} {
		for _, port := range []uint16{502, 102, 80} {
			f := sensortest.UDP(vlan, 50000, port, []byte{byte(len(frames))})
			frames = append(frames, f)
			if vlan != 0 { // and with a second tag before it
				frames = append(frames, append(append(append([]byte{}, f[:12]...), 0x88, 0xa8, 0, 30), f[12:]...))
			}
		}
	}
	frames = append(frames, append([]byte{1, 0x0e, 0xcf, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x88, 0x92}, make([]byte, 46)...))
	for _, expr := range []string{
		"", "port 502", "vlan", "not vlan", "vlan 20", "vlan 30", "vlan 10 and port 102", "host 10.0.0.2 and not port 80", "ether proto 0x8892", "less 50", "greater 51 and not vlan 30",
		"src host 10.0.0.1 and udp dst portrange 100-600", "multicast or (vlan 30 and vlan 10)",
	} {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.Matcher(filter.Ethernet)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), "mirror", Options{Filter: f, After: 1000})
		if err != nil {
			t.Fatal(err)
		}
		port := sensortest.NewSender(t, "plant")
		var want [][]byte
		for _, b := range frames {
			port.Send(b)
			if m.Match(b) {
				want = append(want, b)
			}
		}
		src := s.(*source)
		got := hear(t, src, len(want))
		var p sensor.Packet
		if err := src.Next(&p); !errors.Is(err, sensor.ErrIdle) {
			t.Errorf("%q: more was heard: %+v, %v", expr, p, err)
		}
		if len(got) != len(want) || len(want) == 0 {
			t.Errorf("%q: %d frames heard, want %d", expr, len(got), len(want))
		}
		for i, p := range got {
			if i < len(want) && !bytes.Equal(p.Data, want[i]) || p.Number != 1001+uint64(i) {
				t.Errorf("%q: frame %d is %d: % x", expr, i, p.Number, p.Data)
			}
		}
		if st := src.Stats(); st.Packets != uint64(len(want)) || st.Dropped != 0 {
			t.Errorf("%q: %+v", expr, st)
		}
		if port := src.Port(); port.Name != "mirror" || port.Filter != expr || !port.Silent || !port.Up || port.MTU != 1500 {
			t.Errorf("%q: %+v", expr, port)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What a card does to frames before they are heard is told.
func TestOffloads(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	// veth has GRO off until somebody switches it on.
	if got := offloads("mirror"); slices.Contains(got, "LRO") {
		t.Errorf("veth has no LRO: %v", got)
	}
	set := ethtoolValue{cmd: 0x2c, data: 1} // ETHTOOL_SGRO
	if err := ioctlEthtool("mirror", &set); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatal(err)
	} else if err == nil && !slices.Contains(offloads("mirror"), "GRO") {
		t.Errorf("GRO is on and not seen: %v", offloads("mirror"))
	}
	if _, err := os.Stat("/run/lldpd.socket"); err != nil && lldp() != "" {
		t.Error(lldp())
	}
}
