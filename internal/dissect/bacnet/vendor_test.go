package bacnet

import (
	"testing"
	"testing/fstest"
)

func TestVendors(t *testing.T) {
	if _, err := vendorNames(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[uint32]string{0: "ASHRAE", 5: "Johnson Controls", 260: "BACnet Stack", 1426: "Mitsubishi Electric", 65000: "", 12: ""} {
		if got := string(vendor(id)); got != want {
			t.Errorf("vendor %d is %q, want %q", id, got, want)
		}
	}
}

func TestReadVendorsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field":  "vendors: {1: x}\nmore: 1\n",
		"named number":   "vendors: {one: x}\n",
		"number too big": "vendors: {4294967296: x}\n",
		"twice":          "vendors:\n  1: x\n  1: y\n",
	} {
		if _, err := readVendors(fstest.MapFS{"vendors/bacnet.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
	if _, err := readVendors(fstest.MapFS{}); err == nil {
		t.Error("missing file: read without an error")
	}
}
