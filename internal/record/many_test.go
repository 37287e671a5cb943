package record

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b := h.finding("engineer", "A"), h.finding("engineer", "B")
		far := h.create("malmo", m{"type": "finding", "title": "Far", "site": h.other.ID, "data": m{"text": "x", "severity": "low"}})
		ids := []string{a.ID, b.ID, far.ID, a.ID}
		var out struct{ Items []BulkResult }
		set := m{"owner": "u-lead", "due_at": "2026-12-24T00:00:00Z", "data": m{"severity": "low"}}
		h.want(200, "engineer", "POST", "/records/bulk", m{"ids": ids, "set": set, "dry_run": true}, &out)
		if len(out.Items) != 3 || !out.Items[0].OK || out.Items[2].OK || out.Items[2].WhyNot != "there is no such record" || out.Items[2].Ref != "" ||
			out.Items[0].What != "Owner: – → lead; Due: – → 2026-12-24T00:00:00Z; Severity: High → Low" {
			t.Errorf("%+v", out.Items)
		}
		if got := h.get("engineer", a.ID); got.Version != 1 {
			t.Error("the dry run changed something")
		}
		h.want(200, "engineer", "POST", "/records/bulk", m{"ids": ids, "set": set}, &out)
		if got := h.get("engineer", b.ID); got.Version != 2 || got.Data["severity"] != "low" {
			t.Errorf("%+v", got)
		}
		h.want(200, "engineer", "POST", "/records/bulk", m{"ids": ids[:2], "transition": "accept"}, &out)
		if got := h.get("engineer", b.ID); got.State != "accepted" || !strings.HasPrefix(out.Items[1].What, "State: Open → Accepted by the owner") {
			t.Errorf("%+v %+v", got, out.Items)
		}
	})
}

// upload sends a file as the raw body.
func (h *house) upload(status int, who, path, body string, out any) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.want(status, who, "POST", path, body, out)
}

func TestImportAndExport(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old := h.finding("engineer", "Telnet on the scale")
		h.finding("engineer", "=HYPERLINK(\"http://x\",\"pay\")")
		file := "\ufeffref;title;site;owner;severity;What was found;due\n" +
			";First from the list;Aarhus;lead;Critical;Seen in March;2026-12-24\n" +
			old.Ref + ";Telnet on the scale;;lead2;high;Seen on the wire.;\n" +
			";No such site;Oslo;;low;x;\n" +
			";;Aarhus;;low;x;\n" +
			"FND-2020-0001;Not there;;;low;x;\n" +
			";Wrong severity;Aarhus;;terrible;x;\n" +
			";;;;;;\n"
		var out ImportResult
		for _, dry := range []string{"&dry_run=true", ""} {
			h.upload(200, "engineer", "/records/import?type=finding&format=csv&site="+h.home.ID+dry, file, &out)
			got := ""
			for _, r := range out.Rows {
				got += fmt.Sprintf("%d %s; ", r.Line, r.Effect)
			}
			if got != "2 create; 3 change; 4 refuse; 5 refuse; 6 refuse; 7 refuse; " || out.Created != 1 || out.Changed != 1 || out.Refused != 4 {
				t.Errorf("%s %+v", got, out)
			}
			if c := out.Rows[1].Changes; len(c) != 1 || c[0].Field != "owner" || c[0].AfterText != "lead2" {
				t.Errorf("%+v", c)
			}
			if !strings.Contains(out.Rows[5].Why, "terrible") || out.Rows[0].Ref == "" == (dry == "") {
				t.Errorf("%+v", out.Rows)
			}
		}
		h.upload(200, "engineer", "/records/import?type=finding&site="+h.home.ID, "ref,title\n"+old.Ref+",Telnet on the scale\n", &out)
		if out.Same != 1 {
			t.Errorf("%+v", out)
		}
		for _, bad := range []string{"", "nonsense", "title,title\n", "title,colour\nx,red\n", "title,\"x\ny", "severity\nlow\n"} {
			if w := h.do("engineer", "POST", "/records/import?type=finding", bad); w.Code != 422 {
				t.Errorf("%q: %d %s", bad, w.Code, w.Body)
			}
		}
		if w := h.do("engineer", "POST", "/records/import?type=finding", "title\n"+strings.Repeat("x\n", maxRows+1)); w.Code != 429 {
			t.Errorf("too many rows: %d", w.Code)
		}

		w := h.want(200, "engineer", "GET", "/records/export?type=finding&sort=ref", nil, nil)
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(w.Body.Bytes(), []byte("\ufeff")))).ReadAll()
		if err != nil || len(rows) != 4 || rows[2][1] != `'=HYPERLINK("http://x","pay")` || !strings.Contains(w.Header().Get("Content-Disposition"), "finding-2026-11-23.csv") {
			t.Errorf("%v %q %s", err, rows, w.Header())
		}
		// What was exported is the same when it is taken in again.
		h.upload(200, "engineer", "/records/import?type=finding", w.Body.String(), &out)
		if out.Same != 3 || out.Refused != 0 {
			t.Errorf("%+v", out)
		}
		w = h.want(200, "engineer", "GET", "/records/export?type=finding&format=xlsx&sort=ref", nil, nil)
		h.upload(200, "engineer", "/records/import?type=finding&format=xlsx", w.Body.String(), &out)
		if out.Same != 3 || out.Refused != 0 {
			t.Errorf("%+v", out)
		}
		if w := h.do("malmo", "GET", "/records/export?type=finding", ""); strings.Contains(w.Body.String(), "Telnet") {
			t.Error("an export tells of another site")
		}
	})
}

func TestXLSXIsNotCalculated(t *testing.T) {
	f := excelize.NewFile()
	for cell, v := range map[string]any{"A1": "title", "B1": "text", "A2": "One", "B2": "x"} {
		if err := f.SetCellValue("Sheet1", cell, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetCellFormula("Sheet1", "B2", `WEBSERVICE("http://x")`); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := readXLSX(b.Bytes())
	if err != nil || len(rows) != 2 || rows[1][1] != `=WEBSERVICE("http://x")` {
		t.Errorf("%q %v", rows, err)
	}
}

func TestXLSXBomb(t *testing.T) {
	for name, b := range map[string][]byte{
		"unpacks to 200 MiB": bomb(t, bytes.Repeat([]byte(" "), 200<<20)),
		"a row at the end":   bomb(t, []byte(`<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>`)),
		"not a zip":          []byte("PK\x03\x04 nonsense"),
	} {
		began := time.Now()
		rows, err := readXLSX(b)
		if err == nil {
			t.Errorf("%s: %d rows", name, len(rows))
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// bomb is an XLSX whose first sheet holds this text as rows.
func bomb(t testing.TB, rows []byte) []byte {
	t.Helper()
	f := excelize.NewFile()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return rezip(t, b.Bytes(), "xl/worksheets/sheet1.xml", []byte(`<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`+string(rows)+`</sheetData></worksheet>`))
}

func TestCalendar(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.create("lead", m{
			"type": "maintenance-window", "title": "Weekly", "site": h.home.ID, "valid_from": "2026-10-01T00:00:00Z", "valid_until": "2027-10-01T00:00:00Z",
			"data": m{"recurring": true, "weekdays": []string{"sat"}, "at": "22:00", "lasts": 4},
		})
		h.create("lead", m{"type": "maintenance-window", "title": "Once", "site": h.home.ID, "valid_from": "2026-12-05T20:00:00Z", "valid_until": "2026-12-06T02:00:00Z"})
		h.create("lead", m{"type": "asset-event", "title": "Scrapped", "site": h.home.ID, "data": m{"kind": "disposal", "on": "2026-12-05"}})
		var out struct{ Items []Entry }
		h.want(200, "engineer", "GET", "/records/calendar?from=2026-12-01T00:00:00Z&to=2026-12-15T00:00:00Z", nil, &out)
		var got []string
		for _, e := range out.Items {
			got = append(got, fmt.Sprint(e.Title, " ", e.From.Format("02T15:04"), " ", e.Again, " ", e.AllDay))
		}
		if fmt.Sprint(got) != "[Scrapped 05T00:00 false true Once 05T20:00 false false Weekly 05T21:00 true false Weekly 12T21:00 true false]" {
			t.Error(got)
		}
		h.want(200, "malmo", "GET", "/records/calendar?from=2026-12-01T00:00:00Z&to=2026-12-15T00:00:00Z", nil, &out)
		if len(out.Items) != 0 {
			t.Errorf("%+v", out.Items)
		}
		if w := h.do("lead", "POST", "/records", `{"type":"maintenance-window","title":"x","site":"`+h.home.ID+`","data":{"recurring":true,"at":"25:00"}}`); w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestViews(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var v, w View
		h.want(201, "lead", "POST", "/views", m{"page": "/assets", "name": "Old firmware", "search": m{"site": h.home.ID, "q": "V1"}, "shared": true}, &v)
		h.want(201, "lead", "POST", "/views", m{"page": "/assets", "name": "Mine", "search": m{}}, &w)
		list := func(who string) string {
			var out struct{ Items []View }
			h.want(200, who, "GET", "/views?page=/assets", nil, &out)
			s := ""
			for _, x := range out.Items {
				s += fmt.Sprint(x.Name, x.Mine, x.Owner, ";")
			}
			return s
		}
		if got := list("lead"); got != "Minetruelead;Old firmwaretruelead;" {
			t.Error(got)
		}
		if got := list("engineer"); got != "Old firmwarefalselead;" {
			t.Error(got)
		}
		if got := list("malmo"); got != "" {
			t.Error("a view of a site that the person does not see:", got)
		}
		h.want(409, "lead", "POST", "/views", m{"page": "/assets", "name": "Mine"}, nil)
		h.want(404, "engineer", "PATCH", "/views/"+v.ID, m{"name": "x"}, nil)
		h.want(200, "lead", "PATCH", "/views/"+v.ID, m{"shared": false}, nil)
		if got := list("engineer"); got != "" {
			t.Error(got)
		}
		h.want(404, "engineer", "DELETE", "/views/"+v.ID, nil, nil)
		h.want(204, "lead", "DELETE", "/views/"+v.ID, nil, nil)
		h.want(422, "lead", "POST", "/views", m{"page": "javascript:x", "name": "x"}, nil)
	})
}
