package dnp3

import (
	"strconv"

	"github.com/skanse/skanse/internal/ot"
)

// outstations are the link addresses that answer in one conversation. The first
// is the host itself; every further one stands behind it (a data concentrator,
// a terminal server) and is a module of it.
type outstations struct {
	unit [64]uint16
	name [64]string // from the second on, made once
	n    int
}

// add remembers an outstation and says whether it is new. Beyond 64 none is.
func (o *outstations) add(unit uint16) bool {
	if o.find(unit) >= 0 || o.n == len(o.unit) {
		return false
	}
	o.unit[o.n], o.name[o.n] = unit, ""
	if o.n > 0 {
		o.name[o.n] = "outstation " + strconv.Itoa(int(unit))
	}
	o.n++
	return true
}

func (o *outstations) find(unit uint16) int {
	for i, u := range o.unit[:o.n] {
		if u == unit {
			return i
		}
	}
	return -1
}

// host is what speaks for an outstation's address.
func (o *outstations) host(unit uint16, src ot.Host) ot.Host {
	if i := o.find(unit); i >= 0 {
		src.Module = o.name[i]
	} else {
		src.Module = "outstation " + strconv.Itoa(int(unit)) // beyond the 64 that are remembered
	}
	return src
}
