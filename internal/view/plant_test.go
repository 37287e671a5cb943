package view

import (
	"slices"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	month = noon.Add(-30 * 24 * time.Hour).UnixMicro()
	zones = []zoneRow{
		{No: 1, ID: "office", Name: "Business IT", Level: "4", External: true},
		{No: 2, ID: "dmz", Name: "Gateway", Level: "3.5", Gateway: true},
		{No: 3, ID: "scada", Name: "SCADA", Level: "2", OT: true},
		{No: 4, ID: "line", Name: "Line 1", Level: "1", OT: true},
	}
)

func talk(from, to int64, protocol string) talkRow {
	return talkRow{ClientZone: from, ServerZone: to, Protocol: protocol, N: 1, Packets: 10, Bytes: 900, First: month, Last: noon.UnixMicro()}
}

func TestConduitFlags(t *testing.T) {
	late := talk(3, 4, "modbus")
	late.First = noon.Add(-time.Hour).UnixMicro()
	for _, c := range []struct {
		name string
		talk talkRow
		want string
	}{
		{"SCADA polls the line", talk(3, 4, "s7comm"), ""},
		{"a remote desktop from the office past the gateway", talk(1, 4, "rdp"), "remote"},
		{"a remote desktop from the gateway", talk(2, 4, "rdp"), ""},
		{"the office reads from SCADA", talk(1, 3, "tls"), "it_ot"},
		{"SCADA speaks to the office", talk(3, 1, "tls"), "it_ot"},
		{"a line reaches the internet", talkRow{ClientZone: 4, ServerInternet: true, Protocol: "tls", N: 1, First: month, Last: month}, "internet"},
		{"the office surfs", talkRow{ClientZone: 1, ServerInternet: true, Protocol: "tls", N: 1, First: month, Last: month}, ""},
		{"seen for the first time an hour ago", late, "new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, conduits := drawPlant(zones, nil, []talkRow{c.talk, talk(1, 2, "tls")}, noon)
			i := slices.IndexFunc(conduits, func(d Conduit) bool { return !(d.From == "office" && d.To == "dmz") })
			if i < 0 || conduits[i].Flag != c.want {
				t.Fatalf("flag %q, want %q: %+v", conduits[max(i, 0)].Flag, c.want, conduits)
			}
		})
	}
}

func TestTheGravestFlagStays(t *testing.T) {
	_, conduits := drawPlant(zones, nil, []talkRow{talk(1, 4, "tls"), talk(1, 4, "rdp"), talk(1, 4, "http")}, noon)
	if len(conduits) != 1 || conduits[0].Flag != "remote" || conduits[0].Conversations != 3 || conduits[0].Packets != 30 {
		t.Fatalf("%+v", conduits)
	}
}

func TestAssetsWithoutZoneStandInProposedOnes(t *testing.T) {
	groups := []groupRow{
		{Level: "1", Role: "plc", Label: "CPU 315-2 PN/DP", Count: 2, New: 2},
		{Level: "3.5", Role: "gateway", Label: "", Count: 1},
		{Level: "", Role: "unknown", Label: "", Count: 4, New: 4},
		{Level: "5", Role: "it", Outside: true, Count: 1},
	}
	zs, _ := drawPlant(nil, groups, []talkRow{{ClientLevel: "2", ServerLevel: "1", Protocol: "modbus", N: 3, First: month, Last: month}}, noon)
	got := map[string]Zone{}
	for _, z := range zs {
		got[z.ID] = z
	}
	if z := got["level-1"]; !z.Proposed || !z.OT || z.Assets != 2 || z.New != 2 || z.Name != "Level 1" {
		t.Errorf("level 1: %+v", z)
	}
	if z := got["level-3.5"]; !z.Proposed || !z.OT {
		t.Errorf("level 3.5: %+v", z)
	}
	if z := got["unknown"]; z.OT || z.Assets != 4 {
		t.Errorf("not placed: %+v", z)
	}
	if z := got["internet"]; !z.External || z.Proposed {
		t.Errorf("internet: %+v", z)
	}
	if _, ok := got["level-2"]; !ok {
		t.Error("a level that is only known from a conversation is missing")
	}
	if zs[0].ID != "internet" || zs[len(zs)-1].Level != "" {
		t.Errorf("zones are not in the order of their levels: %v, …, %v", zs[0].ID, zs[len(zs)-1].ID)
	}
}
