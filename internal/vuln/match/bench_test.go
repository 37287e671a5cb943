package match_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/skanse/skanse/internal/vuln/match"
)

// plant makes n assets that copy the products of the corpus, kinds of them different, with random versions.
func plant(b *testing.B, n, kinds int) (*match.Corpus, []match.Asset) {
	b.Helper()
	all := read(b, shared(b, "cisa-csaf-ot-2024-10-24.tar.gz"))
	c := tables(b).NewCorpus()
	var products []match.Asset
	for _, a := range all {
		c.Add(a)
		for i := range a.Leaves {
			l := &a.Leaves[i]
			p := match.Asset{Vendor: l.Vendor, Product: l.Product}
			if len(l.Models) > 0 {
				p.OrderCode = l.Models[0]
			}
			products = append(products, p)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(products), func(i, j int) { products[i], products[j] = products[j], products[i] })
	assets := make([]match.Asset, n)
	for i := range assets {
		assets[i] = products[i%min(kinds, len(products))]
		assets[i].Version = fmt.Sprintf("%d.%d.%d", rng.IntN(9), rng.IntN(20), rng.IntN(30))
	}
	return c, assets
}

// BenchmarkPlant matches 10,000 assets of 1,500 products with the whole corpus; the index is warm after the first run.
func BenchmarkPlant(b *testing.B) {
	c, assets := plant(b, 10_000, 1500)
	for b.Loop() {
		found := 0
		for _, a := range assets {
			found += len(c.Of(a))
		}
		b.ReportMetric(float64(found), "matches")
	}
}

// BenchmarkNewAdvisory matches one new advisory with 10,000 assets.
func BenchmarkNewAdvisory(b *testing.B) {
	c, assets := plant(b, 10_000, 1500)
	for b.Loop() {
		for _, a := range assets {
			c.Since(a, []int{c.Len() - 1})
		}
	}
}
