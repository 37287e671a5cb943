package match

import (
	"slices"
	"strings"
	"sync"

	"github.com/skanse/skanse/internal/vuln/csaf"
)

// Corpus is many advisories with an index over their products. It is safe for
// concurrent matching once it is built; adding is for one goroutine.
type Corpus struct {
	t     *Tables
	advs  []*Advisory
	byID  map[string]int
	words map[string][]ref // every significant word of every name
	rare  map[string][]ref // a leaf under the rarest word of each of its names; built on first use
	codes map[string][]ref
	masks map[*maker][]ref // leaves with patterns
	once  *sync.Once

	mu     sync.Mutex
	shapes map[Asset]*shape
	known  map[Asset]*Identity
}

type ref struct{ adv, leaf int32 }

// found is an advisory that may be about an asset, with the leaves that may be it.
type found struct {
	adv    int32
	leaves []candidate
	choice choice
	fixed  bool // the choice does not depend on the version
}

// Match is an advisory's result for an asset.
type Match struct {
	Advisory int
	Result   Result
}

// maxShapes bounds the memory of what was found for one product.
const maxShapes = 50_000

// NewCorpus returns an empty corpus.
func (t *Tables) NewCorpus() *Corpus {
	return &Corpus{t: t, byID: map[string]int{}, words: map[string][]ref{}, codes: map[string][]ref{}, masks: map[*maker][]ref{}, once: &sync.Once{}, shapes: map[Asset]*shape{}, known: map[Asset]*Identity{}}
}

// Add puts an advisory in, in place of an older one of the same id, and returns its number.
func (c *Corpus) Add(a *csaf.Advisory) int {
	compiled := c.t.Compile(a)
	n, again := c.byID[a.ID]
	if again {
		c.drop(int32(n))
		c.advs[n] = compiled
	} else {
		n = len(c.advs)
		c.byID[a.ID] = n
		c.advs = append(c.advs, compiled)
	}
	for i := range compiled.leaves {
		l := &compiled.leaves[i]
		r := ref{int32(n), int32(i)}
		for _, code := range l.codes {
			c.codes[code] = append(c.codes[code], r)
			if b := base(code); b != code {
				c.codes[b] = append(c.codes[b], r)
			}
			if l.siplus && len(code) >= 11 {
				c.codes["~"+code[4:11]] = append(c.codes["~"+code[4:11]], r)
			}
		}
		if len(l.patterns) > 0 {
			c.masks[l.vendor.m] = append(c.masks[l.vendor.m], r)
		}
		for _, w := range l.indexed() {
			c.words[w] = append(c.words[w], r)
		}
	}
	c.once = &sync.Once{}
	c.shapes = map[Asset]*shape{}
	return n
}

// drop takes an advisory out of the index.
func (c *Corpus) drop(n int32) {
	gone := func(r ref) bool { return r.adv == n }
	a := c.advs[n]
	for i := range a.leaves {
		l := &a.leaves[i]
		for _, code := range l.codes {
			c.codes[code] = slices.DeleteFunc(c.codes[code], gone)
			c.codes[base(code)] = slices.DeleteFunc(c.codes[base(code)], gone)
			if l.siplus && len(code) >= 11 {
				c.codes["~"+code[4:11]] = slices.DeleteFunc(c.codes["~"+code[4:11]], gone)
			}
		}
		for _, w := range l.indexed() {
			c.words[w] = slices.DeleteFunc(c.words[w], gone)
		}
	}
	for m := range c.masks {
		c.masks[m] = slices.DeleteFunc(c.masks[m], gone)
	}
}

// Len is the number of advisories.
func (c *Corpus) Len() int { return len(c.advs) }

// Advisory returns a compiled advisory by its number.
func (c *Corpus) Advisory(n int) *Advisory { return c.advs[n] }

// Find returns an advisory's number by its id.
func (c *Corpus) Find(id string) (int, bool) {
	n, ok := c.byID[id]
	return n, ok
}

// indexed are the words under which a leaf is found.
func (l *leaf) indexed() []string {
	var out []string
	for _, names := range [][]name{l.names, l.platform} {
		for _, n := range names {
			ws := strip(n.words)
			if len(ws) == 0 {
				ws = n.words
			}
			out = append(out, ws...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// build puts every name of every leaf under its rarest word.
func (c *Corpus) build() {
	c.rare = map[string][]ref{}
	for n, a := range c.advs {
		for i := range a.leaves {
			l := &a.leaves[i]
			for _, names := range [][]name{l.names, l.platform} {
				for _, nm := range names {
					if w := c.rarest(nm.words); w != "" {
						c.rare[w] = append(c.rare[w], ref{int32(n), int32(i)})
					}
				}
			}
		}
	}
}

func (c *Corpus) rarest(ws []string) string {
	s := strip(ws)
	if len(s) == 0 {
		s = ws
	}
	best, at := "", 1<<30
	for _, w := range s {
		if n := len(c.words[w]); n < at {
			best, at = w, n
		}
	}
	return best
}

// shape is what was found for one product, whatever its version.
type shape struct {
	id   *Identity
	list []found
}

// Of matches an asset with every advisory that may be about it.
func (c *Corpus) Of(a Asset) []Match {
	id, list := c.shape(a)
	out := make([]Match, 0, len(list))
	for i := range list {
		out = append(out, c.one(id, &list[i]))
	}
	return out
}

func (c *Corpus) shape(a Asset) (*Identity, []found) {
	c.once.Do(c.build)
	key := a
	key.Version, key.Serial = "", ""
	c.mu.Lock()
	sh := c.shapes[key]
	c.mu.Unlock()
	if sh == nil {
		sh = &shape{id: c.identity(key)}
		sh.list = c.search(sh.id)
		c.mu.Lock()
		if len(c.shapes) < maxShapes {
			c.shapes[key] = sh
		}
		c.mu.Unlock()
	}
	return sh.id.With(a.Version, a.Serial), sh.list
}

func (c *Corpus) one(id *Identity, f *found) Match {
	adv := c.advs[f.adv]
	if f.fixed {
		return Match{int(f.adv), adv.conclude(id, f.choice)}
	}
	return Match{int(f.adv), adv.decide(id, slices.Clone(f.leaves))}
}

func (c *Corpus) search(id *Identity) []found {
	var refs []ref
	for _, code := range id.codes {
		refs = append(refs, c.codes[code]...)
		if b := base(code); b != code {
			refs = append(refs, c.codes[b]...)
		}
		if strings.HasPrefix(code, "6AG") && len(code) >= 11 {
			refs = append(refs, c.codes["~"+code[4:11]]...)
		}
	}
	if m := id.vendor.m; m != nil {
		refs = append(refs, c.masks[m]...)
	} else {
		refs = append(refs, c.masks[nil]...)
	}
	for _, n := range append(slices.Clone(id.names), id.family...) {
		for _, w := range n.words {
			refs = append(refs, c.rare[w]...)
		}
		if w := c.rarest(n.words); w != "" {
			refs = append(refs, c.words[w]...)
		}
	}
	slices.SortFunc(refs, func(a, b ref) int {
		if a.adv != b.adv {
			return int(a.adv) - int(b.adv)
		}
		return int(a.leaf) - int(b.leaf)
	})
	refs = slices.Compact(refs)
	var out []found
	for i := 0; i < len(refs); {
		adv := refs[i].adv
		var cs []candidate
		for ; i < len(refs) && refs[i].adv == adv; i++ {
			if cd, ok := c.advs[adv].leaves[refs[i].leaf].relate(id); ok {
				cd.leaf = int(refs[i].leaf)
				cs = append(cs, cd)
			}
		}
		if len(cs) > 0 {
			f := found{adv: adv, leaves: cs, fixed: true}
			for _, cd := range cs {
				f.fixed = f.fixed && (cd.n == nil || cd.n.line == nil)
			}
			if f.fixed {
				f.choice = c.advs[adv].choose(id, slices.Clone(cs))
			}
			out = append(out, f)
		}
	}
	return out
}
