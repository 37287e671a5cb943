package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/vuln/csaf"
	"github.com/skanse/skanse/internal/vuln/feed"
	"github.com/skanse/skanse/internal/vuln/match"
)

// BundleCheckCmd matches assets of a file with advisories, so that anyone can measure the matching.
type BundleCheckCmd struct {
	Cases string `required:"" type:"existingfile" help:"Lines of JSON: {id, asset, advisory_id}." placeholder:"FILE"`
	CSAF  string `name:"csaf" required:"" type:"existingpath" help:"Advisories: a CSAF file, a folder, a .tar.gz or .zip." placeholder:"PATH"`
	JSON  bool   `help:"Print one JSON object a case."`
}

// Help shows the command at work.
func (c *BundleCheckCmd) Help() string {
	return `Example:
  skanse bundle check --cases cases.jsonl --csaf advisories.tar.gz --json

A case: {"id":"1","asset":{"vendor":"Siemens","order_code":"6ES7 512-1DK01-0AB0","version":"V2.9.7"},"advisory_id":"ICSA-24-284-01"}
An answer: {"id":"1","verdict":"affected","confidence":"A","missing":"","quote":"…"}; the verdict is affected, not_affected or unknown, and missing the fact that would decide.
An asset may have: vendor, vendor_id (CIP), product, product_name, model, order_code, product_code, version, hardware, series, serial.`
}

type checkAnswer struct {
	ID         string `json:"id"`
	Verdict    string `json:"verdict"`
	Confidence string `json:"confidence"`
	Missing    string `json:"missing"`
	Quote      string `json:"quote,omitempty"`
	Fix        string `json:"fix,omitempty"`
}

// Run matches and prints.
func (c *BundleCheckCmd) Run(env *Env) error {
	tables, err := match.Load(catalog.Files)
	if err != nil {
		return err
	}
	advisories := map[string]*match.Advisory{}
	refused := 0
	err = feed.Walk(c.CSAF, func(name string, b []byte) error {
		a, err := csaf.Read(b)
		if err != nil {
			refused++
			_, err = fmt.Fprintf(env.Stderr, "skanse: %s: %s\n", ot.Printable(name), ot.Printable(err.Error()))
			return err
		}
		advisories[strings.ToUpper(a.ID)] = tables.Compile(a)
		return env.Ctx.Err()
	})
	if err != nil {
		return err
	}
	if len(advisories) == 0 {
		return ot.Errorf(ot.Invalid, "%s holds no advisory that could be read: give CSAF documents, or a folder or archive of them", c.CSAF)
	}
	f, err := os.Open(c.Cases)
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s cannot be opened: %w", c.Cases, err)
	}
	defer func() { _ = f.Close() }() // only read
	out := bufio.NewWriter(env.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	counts := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var k struct {
			ID       string         `json:"id"`
			Asset    map[string]any `json:"asset"`
			Advisory string         `json:"advisory_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			return ot.Errorf(ot.Invalid, "%s, line %d is not a case: %w", c.Cases, n, err)
		}
		a := checkAnswer{ID: k.ID, Verdict: match.CannotTell.String(), Confidence: "E", Missing: "the advisory " + k.Advisory}
		if adv := advisories[strings.ToUpper(k.Advisory)]; adv != nil {
			r := adv.Match(tables.Identify(statedAsset(k.Asset)))
			a.Verdict, a.Confidence, a.Missing, a.Quote, a.Fix = r.Verdict.String(), string(rune(r.Confidence)), r.Missing, r.Quote, r.Fix
		}
		counts[a.Verdict]++
		if c.JSON {
			err = enc.Encode(a)
		} else {
			_, err = fmt.Fprintf(out, "%-12s %-13s %s  %s\n", ot.Printable(a.ID), a.Verdict, a.Confidence, ot.Printable(strings.TrimSpace(a.Missing+" "+a.Quote)))
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return ot.Errorf(ot.Invalid, "%s cannot be read: %w", c.Cases, err)
	}
	if !c.JSON {
		fmt.Fprintf(out, "%d advisories, %d refused; %d affected, %d not affected, %d cannot tell\n", len(advisories), refused, counts["affected"], counts["not_affected"], counts["unknown"])
	}
	return out.Flush()
}

// statedAsset reads what a case says of an asset, by the names that sources use.
func statedAsset(m map[string]any) match.Asset {
	text := func(keys ...string) string {
		for _, k := range keys {
			switch v := m[k].(type) {
			case string:
				if v != "" {
					return v
				}
			case float64:
				if k != "product_code" && k != "model" { // a CIP product code is a number that names nothing here
					return fmt.Sprintf("%v", v)
				}
			}
		}
		return ""
	}
	number := func(key string) int {
		switch v := m[key].(type) {
		case float64:
			if v > 0 && v < 1<<31 {
				return int(v)
			}
		case string:
			n := 0
			if _, err := fmt.Sscanf(v, "%d", &n); err == nil {
				return n
			}
		}
		return 0
	}
	return match.Asset{
		Vendor: text("vendor", "manufacturer", "vendor_name"), VendorID: number("vendor_id"), BACnetID: number("bacnet_vendor_id"),
		Product: text("product", "name", "family"), Model: text("product_name", "model", "model_name"),
		OrderCode: text("order_code", "order_number", "mlfb", "catalog_number", "product_code", "article_number", "part_number"),
		Version:   text("version", "firmware", "firmware_version", "revision"), Hardware: text("hardware", "series", "hardware_revision", "hardware_version", "hw_version"),
		Serial: text("serial", "serial_number"),
	}
}
