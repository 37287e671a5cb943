package vendorid

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/catalog"
)

func TestLists(t *testing.T) {
	for _, name := range []string{"bacnet", "snmp"} {
		all, err := read(catalog.Files, name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, e := range all {
			if s := string(e.name); s == "" || strings.TrimSpace(s) != s {
				t.Errorf("%s: number %d has the name %q", name, e.id, s)
			}
		}
	}
}

func TestName(t *testing.T) {
	bacnet, snmp := New("bacnet"), New("snmp")
	for _, c := range []struct {
		list *List
		id   uint32
		want string
	}{
		{bacnet, 0, "ASHRAE"},
		{bacnet, 5, "Johnson Controls"},
		{bacnet, 1426, "Mitsubishi Electric"},
		{bacnet, 12, ""},
		{bacnet, 1 << 31, ""},
		{snmp, 9, "Cisco"},
		{snmp, 8691, "Moxa"},
		{snmp, 8072, ""},
		{snmp, 0, ""},
		{New("nobody"), 1, ""},
	} {
		if got := string(c.list.Name(c.id)); got != c.want {
			t.Errorf("number %d is %q, want %q", c.id, got, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field":  "vendors: {1: x}\nmore: 1\n",
		"named number":   "vendors: {one: x}\n",
		"number too big": "vendors: {4294967296: x}\n",
		"twice":          "vendors:\n  1: x\n  1: y\n",
	} {
		if _, err := read(fstest.MapFS{"vendors/x.yaml": {Data: []byte(text)}}, "x"); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}
