package csaf

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

const small = `{"document":{"title":"Acme <script>alert(1)</script>","acknowledgments":[{"names":["A"]}],"publisher":{"name":"Acme"},
"tracking":{"id":"ACME-1","version":"2","status":"final","initial_release_date":"2026-01-02T03:04:05Z"}},
"product_tree":{"branches":[{"category":"vendor","name":"Acme","branches":[{"category":"product_name","name":"Armatron","branches":[
{"category":"product_version_range","name":"â‰¤1.5","product":{"name":"Armatron ≤1.5","product_id":"P1","product_identification_helper":{"model_numbers":["AC-1"]}}},
{"category":"product_version","name":"1.6","product":{"name":"Armatron 1.6","product_id":"P2"}}]}]}],
"relationships":[{"category":"installed_on","product_reference":"P1","relates_to_product_reference":"P2","full_product_name":{"name":"P1 on P2","product_id":"P3"}}]},
"vulnerabilities":[{"cve":"CVE-2026-1","product_status":{"known_affected":["P1"],"fixed":["P2"]},"scores":[{"cvss_v3":{"baseScore":9.8,"vectorString":"CVSS:3.1/AV:N"},"products":["P1"]}],
"remediations":[{"category":"vendor_fix","details":"Update to 1.6","product_ids":["P1"],"url":"https://example.org/KB5034441"}]}]}`

func TestRead(t *testing.T) {
	a, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != "ACME-1" || len(a.Leaves) != 3 || a.Leaves[0].Version != "<=1.5" || a.Leaves[0].Models[0] != "AC-1" || a.Leaves[2].On != "Armatron" {
		t.Errorf("%+v", a)
	}
	v := a.Vulns[0]
	if len(v.Affected) != 1 || len(v.Fixed) != 1 || v.Score != 9.8 || len(v.KBs) != 1 || v.KBs[0].Number != "KB5034441" {
		t.Errorf("%+v", v)
	}
	if !strings.Contains(a.Title, "<script>") {
		t.Error("a title is plain text; the page shows it, it never runs")
	}
}

func TestHostile(t *testing.T) {
	for name, b := range map[string][]byte{
		"deep":      bytes.Repeat([]byte(`{"document":`), 5000),
		"arrays":    append(bytes.Repeat([]byte("["), 200), bytes.Repeat([]byte("]"), 200)...),
		"cut":       []byte(small[:len(small)-4]),
		"no id":     []byte(`{"document":{"title":"x"}}`),
		"not JSON":  []byte("<html>"),
		"nothing":   nil,
		"big":       make([]byte, MaxBytes+1),
		"wrong way": []byte(`{"document":{"title":"x","tracking":{"id":"y"}},"product_tree":{"branches":7}}`),
	} {
		if a, err := Read(b); err == nil {
			t.Errorf("%s: taken as %+v", name, a)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"document":{"title":"a","tracking":{"id":"b"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(b)
		if err != nil {
			return
		}
		for _, s := range []string{a.ID, a.Title, a.Summary} {
			if strings.IndexFunc(s, unicode.IsControl) >= 0 {
				t.Fatalf("%q holds control signs", s)
			}
		}
		for _, v := range a.Vulns {
			for _, i := range v.Affected {
				if int(i) >= len(a.Leaves) {
					t.Fatal("a status names a product that is not there")
				}
			}
		}
	})
}
