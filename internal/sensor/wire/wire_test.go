package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// fill gives every field a value of its own that is not zero, so that a field that
// the coder forgets is a difference.
type filler struct{ n int64 }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, byte(f.n >> 8), byte(f.n)})))
		return
	case ot.MAC:
		v.Set(reflect.ValueOf(ot.MAC{2, 0, 0, 0, byte(f.n >> 8), byte(f.n)}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(fmt.Appendf(nil, "bytes %d", f.n))
			return
		}
		s := reflect.MakeSlice(v.Type(), 3, 3)
		for i := range 3 {
			f.fill(s.Index(i))
		}
		v.Set(s)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]uint64{fmt.Sprint("a", f.n): 7, fmt.Sprint("b", f.n): 8}))
	case reflect.String:
		v.SetString(fmt.Sprint("text ", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1 + uint64(f.n)%250)
	case reflect.Int:
		v.SetInt(f.n)
	case reflect.Int64:
		v.SetInt(1_790_000_000_000_000_000 + f.n)
	case reflect.Float64:
		v.SetFloat(float64(f.n) / 7)
	default:
		panic("a field of a kind that no coder writes: " + v.Type().String())
	}
}

func full() *sensor.Summary {
	var sum sensor.Summary
	(&filler{}).fill(reflect.ValueOf(&sum).Elem())
	return &sum
}

// Every field of a summary comes back, also one that somebody adds tomorrow.
func TestEveryField(t *testing.T) {
	for name, sum := range map[string]*sensor.Summary{"full": full(), "empty": {}, "silence": {Sensor: "box-eth1-1", Epoch: "e", Seq: 1, From: 1e18, To: 1e18 + 1e10, Live: true}} {
		b := Encode(sum)
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, sum) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, sum)
		}
		t.Logf("%s: %d bytes", name, len(b))
	}
}

// An older summary is read, what it did not know stays empty.
func TestOlder(t *testing.T) {
	sum := full()
	got, err := Decode(encode(sum, 1))
	if err != nil {
		t.Fatal(err)
	}
	if got.Health.Repeated != 0 || got.Events[0].Repeats != 0 {
		t.Error("version 1 did not know these")
	}
	got.Health.Mirror, got.Health.Port, got.Health.Ring = sum.Health.Mirror, sum.Health.Port, sum.Health.Ring
	got.Health.Told = sum.Health.Told
	got.Health.Repeated = sum.Health.Repeated
	for i := range got.Events {
		if got.Events[i].Until != 0 || got.Events[i].Bytes != 0 || got.Events[i].Began != 0 {
			t.Error("version 1 did not know transfers")
		}
		got.Events[i].Repeats, got.Events[i].Until = sum.Events[i].Repeats, sum.Events[i].Until
		got.Events[i].Bytes, got.Events[i].Began = sum.Events[i].Bytes, sum.Events[i].Began
	}
	if got.Health.Copies != 0 || got.Flows[0].Print != nil || got.Programs != nil {
		t.Error("version 1 did not know copies, prints and programs")
	}
	got.Health.Pieces = sum.Health.Pieces
	got.Health.Copies, got.Programs = sum.Health.Copies, sum.Programs
	for i := range got.Flows {
		got.Flows[i].Print = sum.Flows[i].Print
		if got.Flows[i].Again != 0 || got.Flows[i].Resets != 0 {
			t.Error("version 1 did not know what came again")
		}
		got.Flows[i].Again, got.Flows[i].Resets = sum.Flows[i].Again, sum.Flows[i].Resets
	}
	for i := range got.Tuples {
		if got.Tuples[i].Values != nil {
			t.Error("version 1 did not know values")
		}
		got.Tuples[i].Values, got.Tuples[i].Pace = sum.Tuples[i].Values, sum.Tuples[i].Pace
	}
	if !reflect.DeepEqual(got, sum) {
		t.Errorf("got %+v\nwant %+v", got, sum)
	}
	for _, name := range []string{"summary-1.bin", "summary-2.bin", "summary-3.bin", "summary-4.bin", "summary-5.bin", "summary-6.bin", "summary-7.bin"} { // as they were once written
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(b); err != nil || len(got.Events) != 3 || got.Events[2].Rules[2] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newer takes a summary as the next version would write it: two fields more in each event and a section more.
func newer(sum *sensor.Summary, tag uint64) []byte {
	var out []byte
	b := Encode(sum)
	out = append(out, b[:3]...)
	out = append(out, Version+1)
	for rest := b[4:]; len(rest) > 0; {
		sec, n := binary.Uvarint(rest)
		rest = rest[n:]
		size, n := binary.Uvarint(rest)
		body := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		if sec == secEvents {
			count, n := binary.Uvarint(body)
			width, m := binary.Uvarint(body[n:])
			grown := append(binary.AppendUvarint(binary.AppendUvarint(nil, count), width+2), body[n+m:]...)
			for range 2 {
				grown = append(binary.AppendUvarint(grown, count), bytes.Repeat([]byte{1}, int(count))...)
			}
			body = grown
		}
		out = append(binary.AppendUvarint(binary.AppendUvarint(out, sec), uint64(len(body))), body...)
	}
	return append(binary.AppendUvarint(binary.AppendUvarint(out, tag), 3), 1, 2, 3)
}

func TestNewer(t *testing.T) {
	sum := full()
	got, err := Decode(newer(sum, 15))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sum) {
		t.Error("what is known of a newer summary differs")
	}
	if _, err := Decode(newer(sum, 16)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("section 16 of version %d", Version+1)) {
		t.Errorf("a section that must be understood: %v", err)
	}
	b := newer(sum, 15)
	b[3] = Version // the same in our own version is a mistake, not a future
	if _, err := Decode(b); err == nil {
		t.Error("our own version with more in it was read")
	}
}

// Every cut is refused, and so is every byte too many.
func TestTruncated(t *testing.T) {
	b := Encode(full())
	for n := range b {
		if _, err := Decode(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes were read", n, len(b))
		}
	}
	if _, err := Decode(append(b, 0)); err == nil {
		t.Error("a byte too many was read")
	}
}

// A count that is claimed takes no memory.
func TestClaims(t *testing.T) {
	sum := &sensor.Summary{Sensor: "s"}
	b := Encode(sum)
	at := strings.LastIndex(string(b), string([]byte{secFacts, 2, 0, 0}))
	lie := append(append([]byte{}, b[:at]...), secFacts, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, secColumns, 0, secPrograms, 2, 0, 0)
	if _, err := Decode(lie); err == nil || !strings.Contains(err.Error(), "records") {
		t.Errorf("four billion facts in nothing: %v", err)
	}
	lie = append(append([]byte{}, b[:at]...), secFacts, 4, 1, 0xff, 0xff, 0x0f, secColumns, 0, secPrograms, 2, 0, 0)
	if _, err := Decode(lie); err == nil || !strings.Contains(err.Error(), "fields") {
		t.Errorf("a fact of 262,143 fields in nothing: %v", err)
	}
	old := append([]byte{}, b...)
	old[3] = 0
	if _, err := Decode(old); err == nil || !strings.Contains(err.Error(), "oldest") {
		t.Errorf("version 0: %v", err)
	}
}

func TestSplit(t *testing.T) {
	sum := full()
	if p := Split(sum); len(p) != 1 || p[0] != sum {
		t.Fatal("a small summary was cut")
	}
	one := sum.Tuples[0]
	sum.Tuples = make([]sensor.TupleDelta, 2*splitAt+5)
	for i := range sum.Tuples {
		sum.Tuples[i] = one
		sum.Tuples[i].Code = uint32(i)
	}
	parts := Split(sum)
	epochs, tuples := map[string]bool{}, 0
	for i, p := range parts {
		if epochs[p.Epoch] {
			t.Errorf("two parts of epoch %s", p.Epoch)
		}
		epochs[p.Epoch] = true
		if p.Last != (i == len(parts)-1) || (p.Health.Packets != 0) != p.Last {
			t.Errorf("part %d: last %v, %d packets", i, p.Last, p.Health.Packets)
		}
		tuples += len(p.Tuples)
		if _, err := Decode(Encode(p)); err != nil {
			t.Errorf("part %d: %v", i, err)
		}
	}
	if tuples != len(sum.Tuples) || len(parts[0].Hosts) != 3 {
		t.Errorf("%d tuples in %d parts", tuples, len(parts))
	}
}

func TestCore(t *testing.T) {
	sum := full()
	sum.Flows[1].Protocol = "other"
	sum.Events[0].Flow = sensor.FlowKey{Realm: sum.Flows[0].Realm, Client: sum.Flows[0].Client, Server: sum.Flows[0].Server, Transport: sum.Flows[0].Transport, Port: sum.Flows[0].Port, Protocol: sum.Flows[0].Protocol}
	core, left := Core(sum)
	if len(core.Events) != 3 || len(core.Facts) != 3 || len(core.Programs) != 3 || len(core.Tuples) != 0 || len(core.Flows) != 1 || core.Health.Packets == 0 || left != 3+3+2 {
		t.Errorf("%d events, %d facts, %d flows, %d left out", len(core.Events), len(core.Facts), len(core.Flows), left)
	}
	if len(sum.Tuples) != 3 {
		t.Error("the summary itself was changed")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(full()))
	f.Add(Encode(&sensor.Summary{}))
	f.Add(encode(full(), 1))
	f.Add(encode(full(), 2))
	f.Add(encode(full(), 3))
	f.Add(encode(full(), 4))
	f.Add(encode(full(), 6))
	f.Add(newer(full(), 15))
	f.Fuzz(func(t *testing.T, b []byte) {
		sum, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(Encode(sum))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !bytes.Equal(Encode(again), Encode(sum)) {
			t.Fatalf("%+v\n%+v", again, sum)
		}
	})
}

// What records have of a number of their own (values, rules, pace) must not move the fields behind it, or an older
// program would take one field for another.
func TestColumnsStand(t *testing.T) {
	sum := full()
	sum.Tuples[0].Values, sum.Tuples[1].Pace = nil, nil
	sum.Tuples[2].Values = append(sum.Tuples[2].Values, sum.Tuples[2].Values...)
	sum.Events[0].Rules, sum.Flows[1].Print = nil, nil
	for i := range sum.Flows {
		sum.Flows[i].Print = nil
	}
	got, err := Decode(Encode(sum))
	if err != nil || !reflect.DeepEqual(got, sum) {
		t.Errorf("%v: got %+v\nwant %+v", err, got, sum)
	}
}

// Times and sums are written as what is to be expected, and come back also where they are not.
func TestExtremes(t *testing.T) {
	sum := &sensor.Summary{From: 1_790_000_000_000_000_123}
	for _, v := range []int64{0, 1, -1, math.MinInt64, math.MaxInt64, math.MinInt64 + 1, -1 << 62, 1 << 62, 1_790_000_000_000_000_123, 1_790_000_000_000_001_123, 999} {
		for _, sq := range []float64{0, 1, 0.5, -3, 1 << 51, 1 << 52, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64} {
			for _, n := range []uint64{0, 1, 3, math.MaxUint64} {
				s := sensor.Spread{N: n, Sum: uint64(v), Squares: sq, Most: uint64(v) - n}
				sum.Tuples = append(sum.Tuples, sensor.TupleDelta{
					First: v, Last: v, FirstRef: ot.PacketRef{Number: uint64(v), Seen: -v, Offset: v}, Pace: &sensor.Pace{Asked: s, Answered: s},
					Values: []sensor.Value{{Item: 7, Value: sq, Seen: v}},
				})
			}
		}
	}
	got, err := Decode(Encode(sum))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sum.Tuples {
		if !reflect.DeepEqual(got.Tuples[i], sum.Tuples[i]) {
			t.Fatalf("got %+v\nwant %+v", got.Tuples[i], sum.Tuples[i])
		}
	}
}
