package sensor_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/dissect/modbus"
	"github.com/skanse/skanse/internal/sensor"
)

// followed runs a capture with elements followed, and gives the values that came of
// them by protocol and place.
func followed(t *testing.T, path string, list ...sensor.Element) map[sensor.Element][]float64 {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.Protocols(), names)
	if err != nil {
		t.Fatal(err)
	}
	src, err := sensor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f := sensor.NewFollowed(set)
	f.Set(list)
	out := map[sensor.Element][]float64{}
	err = sensor.Run(t.Context(), src, sensor.Config{Sensor: "s", Epoch: "1", Protocols: set, Follow: f, Interval: 1e6}, func(sum *sensor.Summary) error {
		for _, x := range sum.Tuples {
			for _, v := range x.Values {
				e := sensor.Element{Protocol: x.Protocol, Space: x.Space, Area: x.Area, Item: v.Item, Name: v.Name}
				if v.Name != "" {
					e.Area = 0
				}
				out[e] = append(out[e], v.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Values in the middle of a request, as tshark reads them: two programs of pymodbus read
// registers 10 to 17 and write 50 to 52.
func TestFollowModbus(t *testing.T) {
	at := func(item uint32) sensor.Element {
		return sensor.Element{Protocol: "modbus", Space: modbus.SpaceHoldingRegister, Item: item}
	}
	const file = "../../test/peers/modbus_pymodbus.pcap"
	got := followed(t, file, at(14), at(17), at(52), at(18))
	for item, want := range map[uint32]float64{14: 15, 17: 18, 52: 3} {
		if v := got[at(item)]; len(v) == 0 || v[0] != want {
			t.Errorf("register %d: %v, want %v", item, v, want)
		}
	}
	if v := got[at(10)]; len(v) == 0 || v[0] != 11 {
		t.Errorf("the first element, as ever: %v", v)
	}
	if v := got[at(15)]; len(v) != 0 || len(got[at(18)]) != 0 {
		t.Errorf("what nobody follows, and what is not there: %v %v", v, got[at(18)])
	}
	if alone := followed(t, file); len(alone[at(14)]) != 0 {
		t.Errorf("nothing is followed: %v", alone[at(14)])
	}
}

// Recorded devices, as tshark reads them: bytes and words of several variables that an
// S7 client asks for at once (frames 387 and 399), and the last of four single points.
func TestFollowRecorded(t *testing.T) {
	for _, c := range []struct {
		file string
		at   sensor.Element
		want float64
	}{
		{"profinet/s7plusad__teb.pcapng", sensor.Element{Protocol: "s7comm", Space: 0x83, Item: 1, Width: 1}, 4},
		{"profinet/s7plusad__teb.pcapng", sensor.Element{Protocol: "s7comm", Space: 0x83, Item: 32, Width: 2}, 0x4645},
		{"iec104/zeek-iec104__iec104.pcap", sensor.Element{Protocol: "iec104", Item: 4}, 0},
		{"enip/emre__cip_cotp_proces.pcap", sensor.Element{Protocol: "cip", Name: "_io_em_DI_03"}, 1},
		{"enip/iti__cip_only.pcap", sensor.Element{Protocol: "cip", Name: "N7:0"}, 0},
	} {
		path := "../../../shared/corpus/captures/" + c.file
		if _, err := os.Stat(path); err != nil {
			t.Skip("the public captures are not here")
		}
		e := c.at
		e.Width = 0
		if v := followed(t, path, c.at)[e]; len(v) == 0 || v[0] != c.want {
			t.Errorf("%s %+v: %v, want %v", c.file, c.at, v, c.want)
		}
	}
}
