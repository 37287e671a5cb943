package app

import (
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// classesOf says what the sensors of this release recognise in a protocol. What
// travels inside another one (CIP in EtherNet/IP) is heard under the outer's name.
func classesOf(set *dissect.Set) comply.ProtocolClasses {
	inside := map[string][]string{}
	for _, e := range set.Entries {
		if names := e.Spec.Protocols; len(names) > 1 {
			for _, n := range names[1:] {
				inside[names[0].Name] = append(inside[names[0].Name], n.Name)
			}
		}
	}
	return func(protocol string) (ot.Class, bool) {
		p, ok := set.Lookup(protocol)
		if !ok {
			return 0, false
		}
		classes := set.Classes(p)
		for _, n := range inside[protocol] {
			if q, ok := set.Lookup(n); ok {
				classes |= set.Classes(q)
			}
		}
		return classes, true
	}
}
