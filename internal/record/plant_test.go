package record

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestParseTag(t *testing.T) {
	for _, c := range []struct {
		protocol, address string
		want              Tag
	}{
		{"modbus", "holding 40112", Tag{Space: 4, Item: 111}},
		{"modbus", "40112", Tag{Space: 4, Item: 111}},
		{"modbus", "Holding 111", Tag{Space: 4, Item: 111}},
		{"modbus", "holding 400112", Tag{Space: 4, Item: 111}},
		{"modbus", "holding 12345", Tag{Space: 4, Item: 12345}},
		{"modbus", "holding 0x9cb0", Tag{Space: 4, Item: 40112}},
		{"modbus", "input 30005", Tag{Space: 3, Item: 4}},
		{"modbus", "discrete 10001", Tag{Space: 2, Item: 0}},
		{"modbus", "coil 00017", Tag{Space: 1, Item: 16}},
		{"modbus", "00017", Tag{Space: 1, Item: 16}},
		{"modbus", "coil 17", Tag{Space: 1, Item: 17}},
		{"modbus", "unit 3 input 30005", Tag{Space: 3, Item: 4, Unit: 3, HasUnit: true}},
		{"s7comm", "DB10.DBW4", Tag{Space: 0x84, Area: 10, Item: 4, Width: 2}},
		{"s7comm", "db 10.dbd8", Tag{Space: 0x84, Area: 10, Item: 8, Width: 4}},
		{"s7comm", "MW20", Tag{Space: 0x83, Item: 20, Width: 2}},
		{"s7comm", "EB0", Tag{Space: 0x81, Item: 0, Width: 1}},
		{"s7comm", "QB4", Tag{Space: 0x82, Item: 4, Width: 1}},
		{"iec104", "IOA 4711", Tag{Item: 4711}},
		{"iec104", "station 10 ioa 4711", Tag{Item: 4711, Unit: 10, HasUnit: true}},
		{"enip", "Line1.State", Tag{Name: "Line1.State"}},
	} {
		if got, err := ParseTag(c.protocol, c.address); err != nil || got != c.want {
			t.Errorf("%s %q: %+v, %v; want %+v", c.protocol, c.address, got, err, c.want)
		}
	}
	for _, c := range [][2]string{
		{"modbus", ""},
		{"modbus", "holding"},
		{"modbus", "holding 40000"},
		{"modbus", "holding 65536"},
		{"modbus", "register 4"},
		{"modbus", "20001"},
		{"modbus", "holding -1"},
		{"modbus", "unit 300 holding 1"},
		{"modbus", "unit 1"},
		{"s7comm", "DB10.DBX4.3"},
		{"s7comm", "DB10"},
		{"s7comm", "M"},
		{"s7comm", "DB99999.DBW0"},
		{"s7comm", " "},
		{"iec104", "IOA"},
		{"iec104", "16777216"},
		{"iec104", "IOA x"},
		{"opcua", "ns=2;s=State"},
		{"dnp3", "1"},
		{"enip", "a\x00b"},
	} {
		if got, err := ParseTag(c[0], c[1]); err == nil {
			t.Errorf("%s %q was read as %+v", c[0], c[1], got)
		}
	}
}

func FuzzParseTag(f *testing.F) {
	for _, s := range []string{"holding 40112", "unit 3 coil 0x10", "DB10.DBW4", "IOA 4711", "Line1.State", "é"} {
		f.Add("modbus", s)
		f.Add("s7comm", s)
		f.Add("iec104", s)
		f.Add("enip", s)
	}
	f.Fuzz(func(t *testing.T, protocol, address string) {
		tag, err := ParseTag(protocol, address)
		if err == nil && (tag.Item > 1<<24 || tag.Area > 0xffff || (tag.Name != "") != (protocol == "enip") || !tag.HasUnit && tag.Unit != 0) {
			t.Fatalf("%s %q: %+v", protocol, address, tag)
		}
	})
}

func TestTagMet(t *testing.T) {
	for _, c := range []struct {
		op        string
		of, value float64
		want      bool
	}{
		{"eq", 2, 2, true},
		{"", 2, 2, true},
		{"eq", 2, 3, false},
		{"ne", 2, 3, true},
		{"ne", 2, 2, false},
		{"lt", 2, 1.5, true},
		{"lt", 2, 2, false},
		{"gt", 2, 2.5, true},
		{"gt", 2, 2, false},
		{"bit", 3, 8, true},
		{"bit", 3, 7, false},
		{"bit", 15, -1, true},
		{"bit", 40, 1, false},
		{"bit", 0, 1.5, false},
	} {
		if got := (&TagRule{Op: c.op, Value: c.of}).met(c.value); got != c.want {
			t.Errorf("%v %s %v: %v", c.value, c.op, c.of, got)
		}
	}
}

// The state changes only when the tag has said so for the whole time, without a
// contradiction and without a silence in it.
func TestTagHold(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, nil)
		begin := h.now
		tag := h.create("lead", m{"type": "plant-state", "title": "CIP", "site": h.home.ID, "data": m{"mode": "cleaning", "source": "hand"}})
		h.exec("UPDATE record_record SET state = 'active', valid_from = ?, data = ? WHERE record_id = ?", store.At(begin), store.AsJSON(m{
			"mode": "cleaning", "source": "tag", "tag_asset": "a1", "tag_protocol": "modbus", "tag_address": "holding 40041", "tag_op": "eq", "tag_value": 2, "tag_hold": 5,
		}), tag.ID)
		var rule TagRule
		if err := db.View(t.Context(), func(r store.Reader) error {
			rules, err := TagRules(t.Context(), r)
			if err != nil || len(rules) != 1 {
				t.Fatalf("%d rules, %v", len(rules), err)
			}
			rule = rules[0]
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		hear := func(minute int, value float64) {
			t.Helper()
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				return rule.Hear(t.Context(), tx, []Sample{{value, begin.Add(time.Duration(minute) * time.Minute)}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		mode := func(minute int) string {
			t.Helper()
			var p Plant
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				p, err = PlantAt(t.Context(), r, h.home.No, h.zone.No, begin.Add(time.Duration(minute)*time.Minute))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return p.Mode + " " + p.Source
		}
		want := func(minute int, want string) {
			t.Helper()
			if got := mode(minute); got != want {
				t.Errorf("minute %d: %q, want %q", minute, got, want)
			}
		}
		hear(1, 2)
		hear(4, 2)
		want(4, "production ")
		hear(5, 1) // a contradiction: it begins anew
		hear(6, 2)
		hear(10, 2)
		want(10, "production ")
		hear(11, 2)
		want(11, "cleaning tag")
		want(10, "production ") // as it was
		hear(12, 1)             // a flicker
		hear(13, 2)
		hear(19, 2)
		hear(3, 1) // late: older than what is known
		want(19, "cleaning tag")
		hear(20, 1)
		hear(25, 1)
		want(25, "production ")
		want(24, "cleaning tag")
		hear(30, 2)
		hear(90, 2) // nobody heard what it said for an hour
		want(90, "production ")
		hear(95, 2)
		want(95, "cleaning tag")
		var told TagTold
		h.want(200, "reader", "GET", "/records/"+tag.ID+"/tag", nil, &told)
		if at := begin.Add(95 * time.Minute); told.Address != "holding 40041" || told.Value == nil || *told.Value != 2 || !told.Met || !told.SeenAt.Equal(at) || !told.Since.Equal(at) || !told.MetAt.Equal(begin.Add(90*time.Minute)) {
			t.Errorf("its page says %+v", told)
		}
		if w := h.do("malmo", "GET", "/records/"+tag.ID+"/tag", ""); w.Code != 404 {
			t.Errorf("a foreign one: %d", w.Code)
		}

		hand := h.create("lead", m{"type": "plant-state", "title": "Stop", "site": h.home.ID, "data": m{"mode": "standstill", "source": "hand"}})
		if w := h.do("reader", "GET", "/records/"+hand.ID+"/tag", ""); w.Code != 404 {
			t.Errorf("one that follows no tag: %d", w.Code)
		}
		h.exec("UPDATE record_record SET state = 'active', valid_from = ?, valid_until = ? WHERE record_id = ?", store.At(begin.Add(96*time.Minute)), store.At(begin.Add(100*time.Minute)), hand.ID)
		calendar := h.create("lead", m{"type": "plant-state", "title": "Mondays", "site": h.home.ID, "data": m{"mode": "turnaround", "source": "calendar", "rule": "cron", "cron": "0 * * * *", "lasts": 1}})
		h.exec("UPDATE record_record SET state = 'active', valid_from = ? WHERE record_id = ?", store.At(begin), calendar.ID)
		want(95, "cleaning tag")
		want(97, "standstill hand")
		want(101, "cleaning tag")
		want(10, "turnaround calendar")

		rule.key, rule.Mode = "another question", "commissioning"
		hear(110, 2)
		want(111, "turnaround calendar")
		hear(115, 2)
		want(116, "commissioning tag")
	})
}
