package asset

import (
	"cmp"
	"slices"
)

// assign gives devices the assets that they are: pinned by a person, else the
// asset that holds most of a device's sightings. Each asset goes to one device.
// It returns an id or "" for each device, and for every other asset that a
// device held the id it goes into.
func assign(devices []Device) (ids []string, merged map[string]string) {
	type bid struct {
		device, weight int
		id             string
	}
	ids = make([]string, len(devices))
	var bids []bid
	for n := range devices {
		weight := map[string]int{}
		for _, s := range devices[n].Sightings {
			if s.Pin != "" {
				weight[s.Pin] += 1_000_000
			}
			if s.Asset == "" {
				continue
			}
			weight[s.Asset]++
			if !s.Behind {
				weight[s.Asset] += 3 // a card of its own says more than an address behind a router
			}
		}
		for id, w := range weight {
			bids = append(bids, bid{n, w, id})
		}
	}
	// UUIDv7 sorts by age: of two equals the older asset stays.
	slices.SortFunc(bids, func(a, b bid) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.id, b.id), cmp.Compare(a.device, b.device))
	})
	taken := map[string]bool{}
	for _, b := range bids {
		if ids[b.device] == "" && !taken[b.id] {
			ids[b.device], taken[b.id] = b.id, true
		}
	}
	merged = map[string]string{}
	for _, b := range bids {
		if !taken[b.id] && merged[b.id] == "" && ids[b.device] != "" {
			merged[b.id] = ids[b.device]
		}
	}
	return ids, merged
}
