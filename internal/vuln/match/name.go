package match

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/skanse/skanse/internal/vuln/version"
)

// A product's name is compared as a set of words. "EDS-508A" becomes eds 508a, so that
// spelling with blanks, dashes or neither is one.

// words cuts a name into lower-case words; a run of two or more letters in front of digits is a word of its own.
func words(s string) []string {
	s = strings.ToLower(s)
	var out []string
	start := -1
	flush := func(end int) {
		if start < 0 {
			return
		}
		w := s[start:end]
		start = -1
		i := 0
		for i < len(w) && w[i] >= 'a' && w[i] <= 'z' {
			i++
		}
		if i >= 2 && i < len(w) && w[i] >= '0' && w[i] <= '9' {
			out = append(out, w[:i], w[i:])
			return
		}
		out = append(out, w)
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 || c == '!' && start >= 0 {
			if start < 0 {
				start = i
			}
			continue
		}
		flush(i)
	}
	flush(len(s))
	return out
}

// empty are words that say nothing about which product it is.
func empty(w string) bool {
	switch w {
	case "series", "family", "families", "firmware", "fw", "software", "devices", "device", "all", "models", "model", "version", "versions", "product", "products", "including", "incl", "the", "of",
		"with", "for", "and", "in", "a", "an", "or", "using", "type", "types", "variants", "variant", "hardware", "hw", "line", "number", "numbers", "part", "no", "article", "order", "code", "system", "systems",
		"release", "based", "from", "by", "to", "installed", "on", "running", "prior", "v", "os", "mlfb", "operating":
		return true
	}
	return false
}

// describing are words that tell what a thing is, not which: they may be missing on either side.
func describing(w string) bool {
	switch w {
	case "ethernet", "switch", "switches", "module", "modules", "controller", "controllers", "plc", "plcs", "cpu", "cpus", "industrial", "managed", "unmanaged", "interface", "network", "communication",
		"communications", "adapter", "operator", "panel", "panels", "terminal", "terminals", "hmi", "hmis", "router", "routers", "relay", "relays", "protection", "transformer", "feeder", "motor", "drive", "drives", "unit", "units",
		"camera", "cameras", "station", "programmable", "logic", "automation", "application", "tool", "platform", "automatic", "machine", "processor", "processors", "eip", "ip", "core",
		"generator", "meter", "meters", "power", "management", "generation", "block", "service", "wireless", "access", "point", "points", "gateway", "gateways", "server", "servers", "office",
		"vfd", "safety", "head", "coupler", "fieldbus", "bus", "standard", "modular", "fixed", "compact", "image", "imag", "main", "smart", "utility", "program", "package", "programming", "desktop", "online", "digital", "scada", "touch", "io":
		return true
	}
	return false
}

// significant are the words of a name that tell products apart, sorted and each once.
func (m *maker) significant(ws []string) []string {
	out := make([]string, 0, len(ws))
	for _, w := range ws {
		if empty(w) || m != nil && m.drop[w] {
			continue
		}
		if len(w) > 4 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !hasDigit(w) {
			w = w[:len(w)-1]
		}
		out = append(out, w)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func hasDigit(w string) bool { return strings.ContainsAny(w, "0123456789") }

// modelLike: a word that names a model by itself.
func modelLike(w string) bool {
	return hasDigit(w) && (len(w) >= 4 || len(w) == 3 && !strings.HasPrefix(w, "v"))
}

// relation says how an advisory's name and an asset's stand to each other.
type relation uint8

const (
	apart  relation = iota
	maybe           // the asset has further words: perhaps another product
	vaguer          // the asset's name fits several products of the advisory
	covers          // the advisory names the family
	likely          // all but describing words agree
	sameAs          // word for word
	byCode          // order code
)

// relate compares the words of a leaf with those of an asset.
func relate(ln, an *name) relation {
	leaf, asset, wide := ln.words, an.words, ln.wide
	if len(leaf) == 0 || len(asset) == 0 {
		return apart
	}
	if slices.Equal(leaf, asset) {
		return sameAs
	}
	l, a := ln.core, an.core
	if len(l) == 0 || len(a) == 0 { // only describing words: they are then the name
		l, a = leaf, asset
	}
	if has(leaf, "siplus") != has(asset, "siplus") || has(leaf, "safety") != has(asset, "safety") && !subset(leaf, asset) && len(leaf) != 1 && slices.Equal(l, a) {
		return apart
	}
	if slices.Equal(l, a) {
		return likely
	}
	switch {
	case subset(l, a):
		if !named(l) {
			return apart
		}
		extra := minus(a, l)
		for _, w := range extra {
			if modelLike(w) || wide {
				return covers
			}
		}
		for _, w := range extra {
			if !hasDigit(w) && len(w) > 2 { // another word: perhaps another product of that name
				return maybe
			}
		}
		if strongest(l) {
			return covers // EDS-508A-MM-SC of EDS-508A
		}
		return maybe
	case subset(a, l):
		extra := minus(l, a)
		if strongest(a) {
			for _, w := range extra {
				if hasDigit(w) || len(w) < 5 {
					return vaguer
				}
			}
			return likely
		}
		if named(a) {
			return vaguer
		}
	}
	return apart
}

// strip leaves out the describing words.
func strip(ws []string) []string {
	out := make([]string, 0, len(ws))
	for _, w := range ws {
		if !describing(w) && !describing(w+"s") {
			out = append(out, w)
		}
	}
	return out
}

// named: at least one word that is more than a letter or a small number.
func named(ws []string) bool {
	for _, w := range ws {
		if len(w) >= 2 && !(hasDigit(w) && len(w) < 3 && w[0] >= '0' && w[0] <= '9') {
			return true
		}
	}
	return false
}

func strongest(ws []string) bool {
	for _, w := range ws {
		if modelLike(w) {
			return true
		}
	}
	return false
}

func has(ws []string, w string) bool {
	_, ok := slices.BinarySearch(ws, w)
	return ok
}

func subset(small, big []string) bool {
	i := 0
	for _, w := range small {
		for i < len(big) && big[i] < w {
			i++
		}
		if i >= len(big) || big[i] != w {
			return false
		}
	}
	return true
}

func minus(a, b []string) []string {
	out := make([]string, 0, len(a))
	for _, w := range a {
		if !has(b, w) {
			out = append(out, w)
		}
	}
	return out
}

var (
	seriesText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i:\b(?:series|ser\.|hardware series))\s+([A-Z](?:\s*(?:,|/|&|and|or)\s*[A-Z])*)(?:[^A-Za-z0-9-]|$)`)
	})
	seriesTail = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9A-Za-z] ?/?\s([A-F](?:/[A-F])+)$`) })
	widening   = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\((?:incl|including)[^)]*(?:\([^)]*\)[^)]*)*\)|\bincl(?:uding|\.) (?:siplus|related|all|f-)[^,;]*|\(all [a-z ]+\)`)
	})
	nameVersion = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:^|[\s(])(v\d{1,3}(?:\.(?:\d{1,3}|x))*)(?:[\s),]|$)`)
	})
	wideText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(?:series|family|families|all models|devices|controllers|cpus|panels|switches|modules|variants|products|line)\b`)
	})
	slashList = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b([A-Za-z]+-?)(\d+(?:/\d+)+)([A-Za-z]*)\b`) })
	hwText    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(?:hardware|hw)[ -]?(?:version|revision|rev\.?|release)\s*:?\s*v?([0-9][0-9A-Z.]*)`)
	})
)

// name is one way in which a leaf or an asset is called.
type name struct {
	words  []string
	core   []string // without the describing words
	series string   // the letters of hardware series it is limited to
	hw     string   // hardware revision
	line   *version.Version
	wide   bool
}

// names reads a product's text into the ways it may be called.
func (m *maker) names(text string) []name {
	text = version.Repair(text)
	var n name
	if widening().MatchString(text) {
		n.wide = true
		text = widening().ReplaceAllString(text, " ")
	}
	if x := seriesText().FindStringSubmatchIndex(text); x != nil {
		n.series = letters(text[x[2]:x[3]])
		text = text[:x[0]] + " " + text[x[3]:]
	} else if x := seriesTail().FindStringSubmatchIndex(text); x != nil {
		n.series = letters(text[x[2]:x[3]])
		text = text[:x[2]]
	}
	if x := hwText().FindStringSubmatchIndex(text); x != nil {
		n.hw = strings.ToLower(text[x[2]:x[3]])
		text = text[:x[0]] + " " + text[x[1]:]
	}
	if x := nameVersion().FindStringSubmatchIndex(text); x != nil {
		if v, ok := version.Parse(text[x[2]:x[3]]); ok {
			n.line = &v
			text = text[:x[2]] + " " + text[x[3]:]
		}
	}
	n.wide = n.wide || wideText().MatchString(text)
	texts := []string{text}
	if x := slashList().FindStringSubmatchIndex(text); x != nil { // R16/32/64MTCPU
		texts = texts[:0]
		for _, d := range strings.Split(text[x[4]:x[5]], "/") {
			texts = append(texts, text[:x[4]]+d+text[x[6]:])
		}
	}
	out := make([]name, 0, len(texts))
	for _, t := range texts {
		c := n
		c.words = m.significant(words(t))
		c.core = strip(c.words)
		out = append(out, c)
	}
	return out
}

func letters(s string) string {
	var b []byte
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' && r < 'a' || r > 'z' }) {
		if len(f) == 1 {
			b = append(b, f[0])
		}
	}
	return strings.ToUpper(string(b))
}
