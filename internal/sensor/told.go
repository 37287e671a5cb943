package sensor

// The kinds of sensors that are not ours: what they tell comes as a log or as flow
// records, never as packets.
const (
	ToldZeek     = "zeek"
	ToldSuricata = "suricata"
	ToldNetFlow  = "netflow"
	ToldIPFIX    = "ipfix"
	ToldSFlow    = "sflow"
)

// Told marks a summary that another sensor's words were made of: no packet of ours
// stands behind it, and what it does not say was not looked at. Numbers of its
// references count lines or records of the source, not packets.
type Told struct {
	Kind     string    `json:"kind"`
	Records  uint64    `json:"records"`            // lines or records that were read (deltas, as all counters)
	Skipped  uint64    `json:"skipped,omitempty"`  // of these, not understood
	Why      string    `json:"why,omitempty"`      // of the first that was not
	Exporter *Exporter `json:"exporter,omitempty"` // of flow records that come over the network
}

// Exporter is how a device that sends flow records does.
type Exporter struct {
	Address   string `json:"address"`
	Version   string `json:"version"`             // "NetFlow v9", …: the newest datagram's
	Datagrams uint64 `json:"datagrams"`           // delta
	Repeated  uint64 `json:"repeated,omitempty"`  // delta: came a second time, not counted again
	Lost      uint64 `json:"lost,omitempty"`      // delta: missing by the sequence numbers, in Unit
	Unit      string `json:"unit,omitempty"`      // datagrams, records
	Untold    uint64 `json:"untold,omitempty"`    // delta: sets of records whose template was not there yet
	Damaged   uint64 `json:"damaged,omitempty"`   // delta: datagrams that could not be read to their end
	Templates int    `json:"templates,omitempty"` // known now
	Sampling  uint32 `json:"sampling,omitempty"`  // one packet of so many is counted; 0: not stated, 1: all
	Skew      int64  `json:"skew"`                // ns that its clock is ahead of ours, by its newest datagram
	Uptime    int64  `json:"uptime,omitempty"`    // ns since it started, where it says so
	Restarts  uint64 `json:"restarts,omitempty"`  // delta: its uptime went back
	Counters  uint64 `json:"counters,omitempty"`  // delta: samples of interface counters, which say nothing of conversations
	Cut       uint64 `json:"cut_short,omitempty"` // delta: samples whose header was too short to name both ends
}

// With adds what was told later.
func (t *Told) With(o *Told) *Told {
	if t == nil || o == nil {
		if o == nil {
			return t
		}
		c := *o
		return &c
	}
	c := *o
	c.Records += t.Records
	c.Skipped += t.Skipped
	if t.Why != "" {
		c.Why = t.Why
	}
	if t.Exporter != nil && o.Exporter != nil {
		x, was := *o.Exporter, t.Exporter
		x.Datagrams += was.Datagrams
		x.Repeated += was.Repeated
		x.Lost += was.Lost
		x.Untold += was.Untold
		x.Damaged += was.Damaged
		x.Restarts += was.Restarts
		x.Counters += was.Counters
		x.Cut += was.Cut
		c.Exporter = &x
	}
	return &c
}
