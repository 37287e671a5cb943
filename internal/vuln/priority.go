package vuln

import "strings"

// What is done about a vulnerability follows CERT/CC's SSVC, the deployer's
// tree "Deployer Patch Application Priority" 1.0.0: 72 rows of exploitation,
// exposure, automatable and human impact. CVSS and EPSS stand beside it and
// decide nothing.

// Inputs are what a priority was made from, and which of them were assumed.
type Inputs struct {
	CVE          string   `json:"cve" doc:"The vulnerability that decides"`
	Exploitation string   `json:"exploitation" enum:"none,poc,active"`
	Exposure     string   `json:"exposure" enum:"small,controlled,open"`
	Automatable  string   `json:"automatable" enum:"no,yes"`
	Impact       string   `json:"impact" enum:"low,medium,high,very high"`
	Assumed      []string `json:"assumed" nullable:"false" doc:"Inputs that nobody stated: taken for the worse or by the CVSS vector"`
	ExposureWhy  string   `json:"exposure_why" say:"true"`
}

// The urgencies, the least first.
var urgencies = [...]string{"defer", "scheduled", "out-of-cycle", "immediate"}

// deployer is the tree: for each exploitation (none, poc, active), exposure (small, controlled,
// open), automatable (no, yes) and impact (low to very high) the number of an urgency.
const deployer = "0011" + "0111" + "0111" + "1111" + "0111" + "1112" + // none
	"0111" + "1111" + "0111" + "1112" + "1112" + "1122" + // a proof of concept is public
	"1122" + "1222" + "1122" + "2222" + "1223" + "2233" // it is exploited

// urgency looks the four points up.
func urgency(in *Inputs) int {
	at := index(in.Exploitation, "none", "poc", "active")
	at = at*3 + index(in.Exposure, "small", "controlled", "open")
	at = at*2 + index(in.Automatable, "no", "yes")
	at = at*4 + index(in.Impact, "low", "medium", "high", "very high")
	return int(deployer[at] - '0')
}

func index(s string, of ...string) int {
	for i, x := range of {
		if s == x {
			return i
		}
	}
	return 0
}

// decisionOf is the urgency in three words: now, at the next window, never as it is.
func decisionOf(u int) string {
	switch urgencies[u] {
	case "immediate", "out-of-cycle":
		return "now"
	case "scheduled":
		return "next"
	}
	return "never"
}

// known is what is known of one vulnerability.
type known struct {
	kev                       bool
	exploitation, automatable string
	epss                      float64
	score                     float64
	vector                    string
}

// inputs puts the four points of one vulnerability on one asset together.
func inputs(cve string, k known, vector string, a *Asset, reach Reach) Inputs {
	in := Inputs{CVE: cve, Exposure: reach.Level, ExposureWhy: reach.Why, Assumed: []string{}}
	switch {
	case k.kev:
		in.Exploitation = "active"
	case k.exploitation != "":
		in.Exploitation = k.exploitation
	default:
		in.Exploitation = "none"
		in.Assumed = append(in.Assumed, "exploitation")
	}
	if in.Exposure == "" {
		in.Exposure, in.ExposureWhy = "controlled", "no conversation with it was seen"
		in.Assumed = append(in.Assumed, "exposure")
	}
	if in.Automatable = k.automatable; in.Automatable == "" {
		if vector == "" {
			vector = k.vector
		}
		in.Automatable = "no"
		if strings.Contains(vector, "AV:N") && strings.Contains(vector, "AC:L") && strings.Contains(vector, "PR:N") && strings.Contains(vector, "UI:N") {
			in.Automatable = "yes"
		}
		in.Assumed = append(in.Assumed, "automatable")
	}
	switch a.Criticality {
	case 1:
		in.Impact = "low"
	case 2:
		in.Impact = "medium"
	case 3:
		in.Impact = "high"
	case 4:
		in.Impact = "very high"
	default:
		in.Impact = "medium"
		in.Assumed = append(in.Assumed, "impact")
	}
	return in
}
