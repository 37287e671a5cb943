package asset

import (
	"cmp"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Bounds of a batch, so that its transaction stays below 2,000 rows.
const (
	batchHosts = 150
	batchFacts = 400
)

// Batch is a part of a summary that one transaction takes.
type Batch struct {
	Sensor, Epoch string
	Seq           uint64
	No            int
	Live          bool
	hosts         []sensor.HostDelta
	facts         []sensor.Fact
	traffic       map[ot.Host]*Traffic
}

// Batches cuts a summary; the same summary always gives the same batches. A
// host's facts travel with it.
func Batches(sum *sensor.Summary) []*Batch {
	var out []*Batch
	add := func() *Batch {
		b := &Batch{Sensor: sum.Sensor, Epoch: sum.Epoch, Seq: sum.Seq, No: len(out), Live: sum.Live}
		out = append(out, b)
		return b
	}
	traffic := doings(sum)
	at := map[ot.Host]*Batch{}
	for lo := 0; lo < len(sum.Hosts); lo += batchHosts {
		b := add()
		b.hosts = sum.Hosts[lo:min(lo+batchHosts, len(sum.Hosts))]
		b.traffic = traffic
		for i := range b.hosts {
			at[ot.Host{Realm: b.hosts[i].Realm, MAC: b.hosts[i].MAC, IP: b.hosts[i].IP}] = b
		}
	}
	var rest *Batch
	for i := range sum.Facts {
		f := sum.Facts[i]
		b := at[ot.Host{Realm: f.About.Realm, MAC: f.About.MAC, IP: f.About.IP}]
		if b == nil || len(b.facts) >= batchFacts {
			if rest == nil || len(rest.facts) >= batchFacts {
				rest = add()
			}
			b = rest
		}
		b.facts = append(b.facts, f)
	}
	return out
}

// key is a host as the tables name it: no zone in the IP, no module.
func key(h ot.Host, realm string) ot.Host {
	h.Realm, h.Module = cmp.Or(realm, h.Realm), ""
	h.IP = h.IP.Unmap().WithZone("")
	if !h.IP.IsValid() || h.IP.IsUnspecified() {
		h.IP = noIP
	}
	return h
}
