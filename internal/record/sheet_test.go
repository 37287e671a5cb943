package record

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/xuri/excelize/v2"
)

// nothingFor is a file of n zeros.
func nothingFor(n int64) io.Reader { return io.LimitReader(nothing{}, n) }

func TestNothingIsCalculated(t *testing.T) {
	for _, s := range []string{"=1+1", "+45 86 12", "-x", "@SUM(A1)", "\t=1", "plain", "'quoted", "", "a=b", "\x1b[2J=1"} {
		out := safeCell(s)
		if out != "" && strings.IndexByte(injecting, out[0]) >= 0 || strings.ContainsRune(out, '\x1b') {
			t.Errorf("%q is written as %q", s, out)
		}
		if back := uninjected(out); back != multiline(s) {
			t.Errorf("%q comes back as %q", s, back)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("title,severity\nOne,high\n"))
	f.Add([]byte("\xef\xbb\xbfref;title;due\n;\"a;b\";2026-12-24\n"))
	f.Add([]byte("title\n\"x\ny\"\n"))
	types, err := ReadTypes(catalog.Files, guardsOf(Own()))
	if err != nil {
		f.Fatal(err)
	}
	finding := types.Type("finding")
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := readCSV(b)
		if err != nil {
			return
		}
		tab, err := finding.readTable(rows)
		if err != nil {
			return
		}
		for _, row := range tab.rows {
			for i, c := range row.cells {
				if i >= len(tab.columns) {
					break
				}
				if field, ok := finding.Field(tab.columns[i]); ok {
					if v, err := field.parse(c); err == nil && v != nil {
						if again, err := field.check(v); err != nil || field.text(again) != field.text(v) {
							t.Errorf("%s: %q is read as %v, and refused when it is checked: %v", field.ID, c, v, err)
						}
					}
				}
			}
		}
	})
}

func FuzzXLSX(f *testing.F) {
	x := excelize.NewFile()
	for cell, v := range map[string]any{"A1": "title", "B1": "text", "A2": "One", "B2": 2.5} {
		if err := x.SetCellValue("Sheet1", cell, v); err != nil {
			f.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := x.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), []byte(`<row r="1"><c r="A1" t="inlineStr"><is><t>title</t></is></c></row>`))
	f.Add([]byte("PK"), []byte(`<row r="1048576"><c r="XFD1"><f>1+1</f><v>2</v></c></row>`))
	f.Fuzz(func(t *testing.T, file, rows []byte) {
		for _, b := range [][]byte{file, bomb(t, rows)} {
			out, err := readXLSX(b)
			if err == nil && len(out) > maxRows+1 {
				t.Errorf("%d rows", len(out))
			}
		}
	})
}
