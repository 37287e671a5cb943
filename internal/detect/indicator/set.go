package indicator

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

// Set finds indicators. It is immutable and shared by goroutines.
type Set struct {
	items   []Indicator
	single  map[netip.Addr]int
	wide    map[int]map[netip.Prefix]int // by length: few lengths, many prefixes
	bits    []int
	domains map[string]int
	files   map[string]int
}

// NewSet makes one of those that are in force.
func NewSet(items []Indicator) *Set {
	s := &Set{items: items, single: map[netip.Addr]int{}, wide: map[int]map[netip.Prefix]int{}, domains: map[string]int{}, files: map[string]int{}}
	for i, x := range items {
		switch x.Kind {
		case Domain:
			s.domains[x.Value] = i
		case File:
			s.files[x.Value] = i
		case Address:
			if a, err := netip.ParseAddr(x.Value); err == nil {
				s.single[a] = i
			} else if p, err := netip.ParsePrefix(x.Value); err == nil {
				if s.wide[p.Bits()] == nil {
					s.wide[p.Bits()] = map[netip.Prefix]int{}
					s.bits = append(s.bits, p.Bits())
				}
				s.wide[p.Bits()][p] = i
			}
		}
	}
	slices.Sort(s.bits)
	return s
}

// Len counts them.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.items)
}

// Files counts hashes.
func (s *Set) Files() int {
	if s == nil {
		return 0
	}
	return len(s.files)
}

// Address finds an address, or the narrowest prefix that holds it.
func (s *Set) Address(a netip.Addr) (Indicator, bool) {
	if s == nil || !a.IsValid() || len(s.single)+len(s.bits) == 0 {
		return Indicator{}, false
	}
	a = a.Unmap().WithZone("")
	if i, ok := s.single[a]; ok {
		return s.items[i], true
	}
	for _, bits := range slices.Backward(s.bits) {
		if bits > a.BitLen() {
			continue
		}
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if i, ok := s.wide[bits][p]; ok {
			return s.items[i], true
		}
	}
	return Indicator{}, false
}

// Domain finds a name, or what stands above it.
func (s *Set) Domain(name string) (Indicator, bool) {
	if s == nil || len(s.domains) == 0 || name == "" || len(name) > 300 {
		return Indicator{}, false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if host, _, ok := strings.Cut(name, ":"); ok { // as in http.host
		name = host
	}
	for strings.Contains(name, ".") {
		if i, ok := s.domains[name]; ok {
			return s.items[i], true
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return Indicator{}, false
}

// File finds a hash.
func (s *Set) File(hash string) (Indicator, bool) {
	if s == nil || hash == "" {
		return Indicator{}, false
	}
	i, ok := s.files[strings.ToLower(hash)]
	if !ok {
		return Indicator{}, false
	}
	return s.items[i], true
}

// OldHashes are the SHA-1 and the MD5 of a file, in hex: many lists know nothing newer.
func OldHashes(content []byte) []string {
	one, five := sha1.Sum(content), md5.Sum(content)
	return []string{hex.EncodeToString(one[:]), hex.EncodeToString(five[:])}
}
