package enip

import (
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/dissecttest"
	"github.com/skanse/skanse/internal/ot"
)

func TestContract(t *testing.T) { dissecttest.Run(t, Protocol{}) }

func FuzzDecode(f *testing.F) { dissecttest.Fuzz(f, Protocol{}) }

func BenchmarkDecode(b *testing.B) { dissecttest.Bench(b, Protocol{}) }

func TestProbeRefuses(t *testing.T) {
	head := func(change func(b []byte)) []byte {
		b := make([]byte, header)
		b[0], b[2] = cmdRegister, 4
		change(b)
		return b
	}
	for name, b := range map[string][]byte{
		"command":      head(func(b []byte) { b[0] = 2 }),
		"command high": head(func(b []byte) { b[1] = 1 }),
		"options":      head(func(b []byte) { b[20] = 1 }),
		"length":       head(func(b []byte) { b[2] = 5 }),
		"status":       head(func(b []byte) { b[10] = 1 }),
		"zeros":        make([]byte, header),
		"text":         []byte("GET / HTTP/1.1\r\nHost: plc\r\n\r\n"),
	} {
		if v := (Protocol{}).Probe(ot.Request, b); v != dissect.No {
			t.Errorf("%s: Probe = %d, want No", name, v)
		}
	}
}

func TestPath(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		want target
		ok   bool
	}{
		"class and instance": {"\x20\x01\x24\x01", target{class: 1, instance: 1, hasClass: true}, true},
		"16 bits":            {"\x21\x00\x00\x03\x25\x00\x39\x30\x30\x02", target{class: 0x300, instance: 12345, attr: 2, hasClass: true}, true},
		"tag, odd":           {"\x91\x03Abc\x00\x28\x05", target{symbol: []byte("Abc"), member: 5}, true},
		"program tag":        {"\x91\x06Progra\x91\x02Ab", target{symbol: []byte("Progra"), more: []byte("Ab")}, true},
		"behind a key":       {"\x34\x04\x01\x00\x0c\x00\x01\x00\x01\x01\x20\x04\x24\x65", target{class: 4, instance: 101, hasClass: true}, true},
		"last class counts":  {"\x20\x68\x24\x01\x20\x6b\x24\x02", target{class: 0x6b, instance: 2, hasClass: true}, true},
		"cut":                {"\x21\x00\x00", target{}, false},
		"text too long":      {"\x91\x09Ab", target{}, false},
		"unknown segment":    {"\xe0\x00", target{}, false},
	} {
		var got target
		ok := got.parse([]byte(c.path))
		if ok != c.ok || string(got.symbol) != string(c.want.symbol) || string(got.more) != string(c.want.more) {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, ok, c.want, c.ok)
		}
		got.symbol, got.more, c.want.symbol, c.want.more = nil, nil, nil, nil
		if ok && (got.class != c.want.class || got.instance != c.want.instance || got.attr != c.want.attr || got.member != c.want.member || got.hasClass != c.want.hasClass) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestModuleNames(t *testing.T) {
	f := &flow{}
	for route, want := range map[string]string{
		"":                                 "",
		"\x01\x03":                         "slot 3",
		"\x01\x02\x12\x0810.0.0.7\x01\x00": "slot 2, 10.0.0.7, slot 0",
		"\x03\x05":                         "port 3 node 5",
	} {
		if got := f.module(makeWay([]byte(route))); got != want {
			t.Errorf("module(%q) = %q, want %q", route, got, want)
		}
	}
}
