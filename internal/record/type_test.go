package record

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func guardsOf(bs []Behaviour) map[string][]string {
	out := map[string][]string{}
	for _, b := range bs {
		for name := range b.Guards() {
			out[b.Type()] = append(out[b.Type()], name)
		}
	}
	return out
}

func TestShippedTypes(t *testing.T) {
	ts, err := ReadTypes(catalog.Files, guardsOf(Own()))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"declaration", "finding", "action", "exception", "maintenance-window", "change", "plant-state", "asset-event", "transient-device"} {
		x := ts.Type(id)
		if x == nil {
			t.Errorf("there is no type %s", id)
			continue
		}
		if len(x.Groups) == 0 || len(x.Print) == 0 || x.Texts["new"] == "" || x.Texts["empty"] == "" || len(x.List.Columns) < 4 || len(x.Links) == 0 {
			t.Errorf("%s does not read as if made for it", id)
		}
		for _, f := range x.Fields {
			if f.Group == "" {
				t.Errorf("%s: field %s is in no group", id, f.ID)
			}
		}
	}
}

// The structs with logic and the YAML name the same fields of the same kinds.
func TestTypedAccess(t *testing.T) {
	ts, err := ReadTypes(catalog.Files, guardsOf(Own()))
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range map[string]any{
		"plant-state": PlantState{}, "maintenance-window": MaintenanceWindow{}, "asset-event": AssetEvent{}, "transient-device": TransientDevice{},
		"change": Change{}, "exception": Exception{}, "declaration": Declaration{},
	} {
		x, goType := ts.Type(id), reflect.TypeOf(v)
		var tags []string
		for i := range goType.NumField() {
			gf := goType.Field(i)
			tag := gf.Tag.Get("json")
			tags = append(tags, tag)
			f, ok := x.Field(tag)
			if !ok {
				t.Errorf("%s.%s: the type has no field %s", goType.Name(), gf.Name, tag)
				continue
			}
			want := map[Kind]string{Bool: "bool", Number: "float64", Money: "float64", Duration: "float64", SomeOf: "[]string"}[f.Kind]
			if want == "" {
				want = "string"
			}
			if got := strings.TrimPrefix(gf.Type.String(), "*"); got != want {
				t.Errorf("%s.%s is %s, the field holds %s", goType.Name(), gf.Name, got, want)
			}
		}
		for _, f := range x.Fields {
			if !slices.Contains(tags, f.ID) {
				t.Errorf("%s lacks field %s", goType.Name(), f.ID)
			}
		}
	}
}

const small = `id: pump
title: Pump
plural: Pumps
prefix: PMP
about: A pump that somebody looks after.
scope: [site]
fields:
  - {id: kind, title: Kind, kind: choice, required: true, choices: [{id: wet, title: Wet}, {id: dry, title: Dry}]}
  - {id: depth, title: Depth, kind: number, unit: m, visible_when: {field: kind, in: [wet]}}
states:
  - {id: idle, title: Idle, kind: draft}
  - {id: runs, title: Runs, kind: active}
  - {id: scrapped, title: Scrapped, kind: done}
initial: idle
transitions:
  - {id: start, title: Start it, from: [idle], to: runs, needs: [depth], primary: true}
  - {id: scrap, title: Scrap it, from: [idle, runs], to: scrapped, reason: true}
links:
  - {rel: feeds, title: Feeds, inverse: Fed by, to: [pump, finding], many: true}
list: {columns: [ref, title, kind, depth, state], sort: title}
texts: {new: Add a pump, empty: No pumps.}
`

// with is the shipped catalogue and one more type.
func with(name, text string) fs.FS {
	out := fstest.MapFS{}
	names, err := fs.Glob(catalog.Files, "records/*.yaml")
	if err != nil {
		panic(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(catalog.Files, n)
		if err != nil {
			panic(err)
		}
		out[n] = &fstest.MapFile{Data: b}
	}
	out["records/"+name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
	return out
}

// A type is added by YAML alone, and everything works for it.
func TestTypeByYAMLAlone(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, with("pump", small))
		var types struct{ Items []Type }
		h.want(200, "reader", "GET", "/record-types", nil, &types)
		if i := slices.IndexFunc(types.Items, func(x Type) bool { return x.ID == "pump" }); i < 0 || types.Items[i].Texts["new"] != "Add a pump" || len(types.Items[i].Fields) != 2 {
			t.Errorf("%+v", types.Items)
		}
		p := h.create("engineer", m{"type": "pump", "title": "P-101", "site": h.home.ID, "data": m{"kind": "wet"}})
		f := h.finding("engineer", "It leaks")
		h.want(201, "engineer", "POST", "/records/"+p.ID+"/links", m{"rel": "feeds", "kind": "record", "id": f.ID}, nil)
		if got := h.get("engineer", f.ID); len(got.Links) != 1 || got.Links[0].Title != "Fed by" || !got.Links[0].Inverse || got.Links[0].To.Label != "PMP-2026-0001 P-101" {
			t.Errorf("%+v", got.Links)
		}
		h.move(422, "engineer", p.ID, "start", nil)
		if got := h.move(200, "engineer", p.ID, "start", m{"data": m{"depth": 12.5}}); got.State != "runs" {
			t.Errorf("%+v", got)
		}
		var page struct{ Items []row }
		h.want(200, "engineer", "GET", "/records?type=pump&filter=kind:wet&sort=-depth", nil, &page)
		if len(page.Items) != 1 || page.Items[0].Ref != "PMP-2026-0001" || page.Items[0].Links != 1 {
			t.Errorf("%+v", page.Items)
		}
		if w := h.want(200, "engineer", "GET", "/records/export?type=pump", nil, nil); !strings.Contains(w.Body.String(), "PMP-2026-0001,P-101,Runs,Aarhus") || !strings.Contains(w.Body.String(), "Wet,12.5") {
			t.Errorf("%s", w.Body)
		}
		h.move(422, "engineer", p.ID, "scrap", nil)
		h.move(200, "engineer", p.ID, "scrap", m{"reason": "Worn out."})
	})
}

// What a type may not say, and what the error names.
func TestWrongTypes(t *testing.T) {
	change := func(old, now string) string {
		if !strings.Contains(small, old) {
			t.Fatalf("%q is not in the type", old)
		}
		return strings.Replace(small, old, now, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"an unknown word":               {change("about:", "abuot:"), "records/pump.yaml: line 5"},
		"fields that wait in a circle":  {change("required: true, choices", "visible_when: {field: ok, in: [\"true\"]}, choices") + "\n", "there is no field \"ok\""},
		"a circle of visible_when":      {change("  - {id: depth", "  - {id: a, title: A, kind: bool, visible_when: {field: b, in: [\"true\"]}}\n  - {id: b, title: B, kind: bool, visible_when: {field: a, in: [\"true\"]}}\n  - {id: depth"), "records/pump.yaml:9: fields wait for each other and would never be shown: a → b → a"},
		"a field that waits for itself": {change("visible_when: {field: kind, in: [wet]}", "visible_when: {field: depth, in: [wet]}"), "records/pump.yaml:9"},
		"an unknown choice":             {change("in: [wet]", "in: [damp]"), "cannot be \"damp\""},
		"a state that is not reached":   {change("  - {id: scrapped", "  - {id: lost, title: Lost, kind: bad}\n  - {id: scrapped"), "records/pump.yaml:13: state lost cannot be reached from idle"},
		"a state that is not left":      {change("from: [idle, runs], to: scrapped", "from: [idle], to: scrapped"), "records/pump.yaml:12: state runs cannot be left"},
		"a circle of states":            {change("from: [idle, runs], to: scrapped", "from: [runs], to: idle"), "records/pump.yaml:11: state idle cannot be left"},
		"a transition from nowhere":     {change("from: [idle], to: runs", "from: [idel], to: runs"), "records/pump.yaml:16: transition start: there is no state \"idel\""},
		"a need that is no field":       {change("needs: [depth]", "needs: [width]"), "needs \"width\""},
		"a link to nothing":             {change("to: [pump, finding]", "to: [pmup]"), "records/pump.yaml:19: link feeds leads to \"pmup\""},
		"a parent of itself":            {change("to: [pump, finding], many: true", "to: [pump], parent: true"), "records/pump.yaml:19: types belong to each other in a circle: pump → pump"},
		"a prefix that is taken":        {change("prefix: PMP", "prefix: FND"), "records/pump.yaml:4: the prefix FND belongs to finding"},
		"another name than its file":    {change("id: pump", "id: pomp"), "the file is called pump.yaml"},
		"a kind that there is not":      {change("kind: number", "kind: numbr"), "records/pump.yaml:9: field depth: there is no kind \"numbr\""},
		"an unknown guard":              {change("primary: true}", "primary: true, guard: nobody}"), "records/pump.yaml:16: transition start: nothing in the program is called guard \"nobody\""},
		"an unknown column":             {change("depth, state]", "width, state]"), "there is no column \"width\""},
		"a need after approval":         {change("needs: [depth], primary: true}", "approval: true}\n  - {id: dig, title: Dig, from: [runs], to: runs, needs: [depth]}"), "filling it in would undo the approval"},
		"an alias":                      {"id: &a pump\ntitle: *a\n", "anchors, aliases"},
		"a billion laughs":              {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "anchors, aliases"},
		"nesting":                       {"id: " + strings.Repeat("[", 60) + strings.Repeat("]", 60), "nesting deeper"},
		"a large file":                  {small + strings.Repeat("# padding\n", 30_000), "more than 262144"},
		"no YAML":                       {"\x00", "is not YAML"},
		"an upgrade that is missing":    {small + "data_version: 2\n", "needs 1 upgrades, there are 0"},
		"an upgrade to nothing":         {small + "data_version: 2\nupgrades: [{to: 2, rename: {deep: width}}]\n", "width is no field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadTypes(with("pump", c.text), guardsOf(Own()))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "records/pump.yaml") {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := ReadTypes(with("pump", small), guardsOf(Own())); err != nil {
		t.Error(err)
	}
}

// Records that were written before a type changed read as it is now, and are written
// anew with their next change; the history compares like with like.
func TestUpgrade(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db, with("pump", small))
		p := h.create("engineer", m{"type": "pump", "title": "P-101", "site": h.home.ID, "data": m{"kind": "wet", "depth": 3}})
		newer := strings.NewReplacer("{id: kind,", "{id: variety,", "{id: wet, title: Wet}", "{id: submersed, title: Submersed}", "field: kind, in: [wet]", "field: variety, in: [submersed]", "title, kind, depth", "title, variety, depth").Replace(small) + `data_version: 3
upgrades:
  - {to: 2, rename: {kind: variety}, map: {variety: {wet: submersed}}}
  - {to: 3, default: {seals: 2}, drop: [colour]}
`
		newer = strings.Replace(newer, "  - {id: depth", "  - {id: seals, title: Seals, kind: number}\n  - {id: depth", 1)
		var err error
		if h.s, err = New(db, Config{Files: with("pump", newer), Behaviours: Own(), Clock: h.s.cfg.Clock}); err != nil {
			t.Fatal(err)
		}
		h.mount()
		want := "map[depth:3 seals:2 variety:submersed]"
		if got := h.get("engineer", p.ID); fmt.Sprint(got.Data) != want {
			t.Errorf("%v", got.Data)
		}
		var page struct{ Items []row }
		h.want(200, "engineer", "GET", "/records?type=pump", nil, &page)
		if fmt.Sprint(page.Items[0].Data) != want {
			t.Errorf("%v", page.Items[0].Data)
		}
		if err := h.s.Upgrade(t.Context()); err != nil { // filters look at what is stored
			t.Fatal(err)
		}
		h.want(200, "engineer", "GET", "/records?type=pump&filter=variety:submersed", nil, &page)
		if len(page.Items) != 1 {
			t.Error("a renamed field is not found")
		}
		h.want(200, "engineer", "PATCH", "/records/"+p.ID, m{"data": m{"depth": 4}}, nil, "If-Match", "*")
		var past struct{ Items []Version }
		h.want(200, "engineer", "GET", "/records/"+p.ID+"/history", nil, &past)
		if c := past.Items[0].Changes; len(c) != 1 || c[0].Field != "depth" {
			t.Errorf("%+v", c)
		}
		if err := db.View(t.Context(), func(r store.Reader) error { _, err := Verify(t.Context(), r); return err }); err != nil {
			t.Error(err)
		}
	})
}

func TestUpgradeSwaps(t *testing.T) {
	u := Upgrade{To: 2, Rename: map[string]string{"a": "b", "b": "a"}, Map: map[string]map[string]string{"list": {"x": "y"}}}
	data := map[string]any{"a": "1", "b": "2", "list": []any{"x", "y", "z"}}
	u.apply(data)
	if fmt.Sprint(data) != "map[a:2 b:1 list:[y z]]" {
		t.Error(data)
	}
}

func FuzzType(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("id: pump\nstates: [{id: a, title: A, kind: done}]\n"))
	f.Add([]byte("fields: [{id: a, visible_when: {field: a}}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := readType("records/pump.yaml", b)
		if err != nil {
			return
		}
		if _, err := d.t.merge(nil, d.t.withDefaults(nil)); err != nil {
			t.Errorf("its own defaults are refused: %v", err)
		}
	})
}
