package sensor

import "time"

// Delivery says where a summary came from and when the centre got it. Slices
// apply a summary with it; the sensor itself knows none of this.
type Delivery struct {
	SiteNo   int64
	RealmNo  int64            // the realm of hosts that name none
	Realms   map[string]int64 // by the name that the summary uses
	Source   string           // sensor id, or the capture's SHA-256
	Name     string           // of the source, for people
	Received time.Time
}

// Realm returns the number of the named realm; the default one for a name that nobody knows.
func (d Delivery) Realm(name string) int64 {
	if no, ok := d.Realms[name]; ok && name != "" {
		return no
	}
	return d.RealmNo
}
