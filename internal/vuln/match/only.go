package match

// few is how many advisories are matched one by one rather than through the index.
const few = 64

// Since matches an asset with the advisories that have the numbers given, nil: with all of them.
// A handful of new advisories costs nothing but looking at their own products.
func (c *Corpus) Since(a Asset, numbers []int) []Match {
	if numbers == nil {
		return c.Of(a)
	}
	if len(numbers) > few {
		want := map[int]bool{}
		for _, n := range numbers {
			want[n] = true
		}
		all := c.Of(a)
		out := all[:0]
		for _, m := range all {
			if want[m.Advisory] {
				out = append(out, m)
			}
		}
		return out
	}
	var out []Match
	id := c.identity(a)
	for _, n := range numbers {
		if r := c.advs[n].Match(id); r.Named {
			out = append(out, Match{n, r})
		}
	}
	return out
}

// identity prepares an asset once; it does not depend on the advisories.
func (c *Corpus) identity(a Asset) *Identity {
	key := a
	key.Version, key.Serial = "", ""
	c.mu.Lock()
	id := c.known[key]
	c.mu.Unlock()
	if id == nil {
		id = c.t.Identify(key)
		c.mu.Lock()
		if len(c.known) < maxShapes {
			c.known[key] = id
		}
		c.mu.Unlock()
	}
	return id.With(a.Version, a.Serial)
}
