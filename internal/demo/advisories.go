package demo

import (
	"encoding/json"
	"fmt"
)

// notice is an advisory of the example company's own making. The products are
// real, the vulnerabilities are invented: nothing here is true of any product.
type notice struct {
	id, title, vendor, product, versions, cve, vector, fix, remedy string
	code                                                           string
	score                                                          float64
	day                                                            int
}

var notices = [...]notice{
	{
		id: "EXAMPLE-2026-01", title: "Invented: web server of the S7-1500 restarts it", vendor: "Siemens", product: "SIMATIC S7-1500 CPU family (incl. related ET200 CPUs and SIPLUS variants)", versions: "vers:intdot/<2.9.7",
		cve: "CVE-2026-99001", score: 9.8, vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", remedy: "vendor_fix", fix: "Update to V2.9.7 or later version", day: 3,
	},
	{
		id: "EXAMPLE-2026-02", title: "Invented: a forged CIP message stops a ControlLogix", vendor: "Rockwell Automation", product: "ControlLogix 5580", versions: "<= 33",
		cve: "CVE-2026-99002", score: 8.6, vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:H", remedy: "mitigation", fix: "Users should upgrade to versions 33.013, 34.011, or later.", day: 9,
	},
	{
		id: "EXAMPLE-2026-03", title: "Invented: the S7-300 keeps its password in the clear", vendor: "Siemens", product: "SIMATIC S7-300 CPU family (incl. SIPLUS variants)", versions: "vers:all/*",
		cve: "CVE-2026-99003", score: 6.5, vector: "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N", remedy: "no_fix_planned", fix: "Currently no fix is planned", day: 12,
	},
	{
		id: "EXAMPLE-2026-04", title: "Invented: IM 155-6 loses its I/O", vendor: "Siemens", product: "SIMATIC ET 200SP IM 155-6 PN HF", code: "6ES7155-6AU00-0CN0", versions: "<V4.2.0",
		cve: "CVE-2026-99004", score: 7.5, vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", remedy: "vendor_fix", fix: "Update to V4.2.0 or later version", day: 15,
	},
	{
		id: "EXAMPLE-2026-05", title: "Invented: certificate check of the S7-1500 OPC UA server", vendor: "Siemens", product: "SIMATIC S7-1500 CPU 1512C-1 PN", code: "6ES7512-1CK01-0AB0", versions: "All versions < V3.1 (only if the OPC UA server is activated)",
		cve: "CVE-2026-99005", score: 5.9, vector: "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:N", remedy: "vendor_fix", fix: "Update to V3.1 or later version", day: 18,
	},
}

// Advisories are the documents that the example company takes in: small advisories in the form
// CSAF, and a list that calls one of them exploited.
func Advisories() ([][]byte, error) {
	type m = map[string]any
	var out [][]byte
	for i := range notices {
		n := &notices[i]
		product := m{"product_id": "P1", "name": n.product}
		if n.code != "" {
			product["name"] = n.product + " (" + n.code + ")"
			product["product_identification_helper"] = m{"model_numbers": []string{n.code}}
		}
		released := fmt.Sprintf("2026-09-%02dT08:00:00Z", n.day)
		b, err := json.Marshal(m{
			"document": m{
				"category": "csaf_security_advisory", "csaf_version": "2.0", "title": n.title, "publisher": m{"category": "other", "name": "Example CERT", "namespace": "https://example.org"},
				"notes":    []m{{"category": "summary", "text": "Made up for the example plant. It is true of no product."}},
				"tracking": m{"id": n.id, "version": "1", "status": "final", "initial_release_date": released, "current_release_date": released},
			},
			"product_tree": m{"branches": []m{{"category": "vendor", "name": n.vendor, "branches": []m{{"category": "product_name", "name": product["name"], "branches": []m{{"category": "product_version_range", "name": n.versions, "product": product}}}}}}},
			"vulnerabilities": []m{{
				"cve": n.cve, "title": n.title, "product_status": m{"known_affected": []string{"P1"}}, "scores": []m{{"products": []string{"P1"}, "cvss_v3": m{"baseScore": n.score, "vectorString": n.vector}}},
				"remediations": []m{{"category": n.remedy, "details": n.fix, "product_ids": []string{"P1"}}},
			}},
		})
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	kev, err := json.Marshal(m{"catalogVersion": "example", "dateReleased": "2026-09-20T00:00:00Z", "vulnerabilities": []m{{"cveID": "CVE-2026-99001", "dateAdded": "2026-09-20", "knownRansomwareCampaignUse": "Unknown"}}})
	return append(out, kev), err
}
