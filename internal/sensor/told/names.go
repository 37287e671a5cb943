package told

import (
	"strings"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Names finds what the catalogue says of codes, also by the words that others use.
type Names struct {
	set   *dissect.Set
	words map[[2]string]map[string]uint32 // protocol and kind → plain word → code
}

// NewNames reads the names of a set.
func NewNames(set *dissect.Set) *Names {
	return &Names{set: set, words: map[[2]string]map[string]uint32{}}
}

// Code is what the catalogue says of a code.
type Code struct {
	Known    bool // the protocol and kind are in the catalogue
	Protocol ot.Protocol
	Kind     ot.Kind
	Name     string
	Class    ot.Class
}

// Code looks a code up: a number, or a text where text is not empty.
func (n *Names) Code(protocol, kind string, code uint32, text string) Code {
	p, ok := n.set.Lookup(protocol)
	if !ok {
		return Code{Class: ot.Other}
	}
	k, ok := n.set.Kind(p, kind)
	if !ok {
		return Code{Class: ot.Other}
	}
	var word []byte
	if text != "" {
		word = []byte(text)
	}
	c := n.set.Class(p, k, code, word)
	if c == 0 {
		c = ot.Other
	}
	return Code{true, p, k, n.set.CodeName(p, k, code, word), c}
}

// Has says whether the catalogue has a protocol.
func (n *Names) Has(protocol string) bool {
	_, ok := n.set.Lookup(protocol)
	return ok
}

// Find looks for the code that a word means, whatever its case and punctuation.
func (n *Names) Find(protocol, kind, word string) (uint32, bool) {
	key := [2]string{protocol, kind}
	words, ok := n.words[key]
	if !ok {
		words = map[string]uint32{}
		if p, known := n.set.Lookup(protocol); known {
			if k, known := n.set.Kind(p, kind); known {
				for code, name := range n.set.Codes(p, k) {
					if w := plain(name); w != "" {
						if _, have := words[w]; !have {
							words[w] = code
						}
					}
				}
			}
		}
		n.words[key] = words
	}
	code, ok := words[plain(word)]
	return code, ok
}

// plain leaves letters and digits: READ_COILS and "Read Coils" are one word.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		}
	}
	return b.String()
}
