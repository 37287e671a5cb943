package asset

import "slices"

// union is a disjoint set of sightings that respects what people pinned.
type union struct {
	parent []int
	pin    []string // of a root: the asset that a person gave the set
	keys   map[string]int
}

func newUnion(s []Sighting) *union {
	u := &union{parent: make([]int, len(s)), pin: make([]string, len(s)), keys: map[string]int{}}
	pinned := map[string]int{}
	for i := range s {
		u.parent[i], u.pin[i] = i, s[i].Pin
	}
	for i := range s {
		if s[i].Pin == "" {
			continue
		}
		if first, ok := pinned[s[i].Pin]; ok {
			u.join(first, i)
		} else {
			pinned[s[i].Pin] = i
		}
	}
	return u
}

func (u *union) find(i int) int {
	for u.parent[i] != i {
		u.parent[i] = u.parent[u.parent[i]]
		i = u.parent[i]
	}
	return i
}

// join makes one set of two, unless people gave them to different assets. The
// lower index becomes the root, so that the result does not depend on order.
func (u *union) join(a, b int) (root int, ok bool) {
	a, b = u.find(a), u.find(b)
	if a == b {
		return a, true
	}
	if u.pin[a] != "" && u.pin[b] != "" && u.pin[a] != u.pin[b] {
		return a, false
	}
	if b < a {
		a, b = b, a
	}
	if u.pin[a] == "" {
		u.pin[a] = u.pin[b]
	}
	u.parent[b] = a
	return a, true
}

// joinKey joins i with whatever came with the same key before.
func (u *union) joinKey(key string, i int) {
	if first, ok := u.keys[key]; ok {
		u.join(first, i)
		return
	}
	u.keys[key] = i
}

// same says whether all are in one set already.
func (u *union) same(list []int) bool {
	for _, i := range list {
		if u.find(i) != u.find(list[0]) {
			return false
		}
	}
	return true
}

// sets returns the members of each set, in order of their first member.
func (u *union) sets() [][]int {
	at := map[int]int{}
	var out [][]int
	for i := range u.parent {
		root := u.find(i)
		n, ok := at[root]
		if !ok {
			n = len(out)
			at[root] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	slices.SortFunc(out, func(a, b []int) int { return a[0] - b[0] })
	return out
}
