package comply

// Catalogue is what NIS2 asks of OT: areas, requirements, checks and declared
// records, as catalog/requirements says. It is read once and never changes.
type Catalogue struct {
	Version    string // of its content: two catalogues with one version are equal
	Areas      []Area
	Profiles   []Profile
	References []Reference

	requirements map[string]*Requirement
	checks       map[string]*CheckSpec
	owner        map[string]*Requirement // check id → requirement
}

// Area is one of the eleven areas of OT security.
type Area struct {
	ID           int
	Name         string
	Requirements []*Requirement
}

// Profile sets the target levels of an entity.
type Profile struct {
	ID        string `yaml:"id"`
	Name      string `yaml:"name"`
	Target    int    `yaml:"target"`
	KeyTarget int    `yaml:"key_target"`
}

// TargetOf returns the level that the profile asks of r.
func (p Profile) TargetOf(r *Requirement) int {
	if r.Key {
		return p.KeyTarget
	}
	return p.Target
}

// Reference names a source that requirements refer to, by identifiers only.
type Reference struct {
	ID   string `yaml:"id" json:"id"`
	Name string `yaml:"name" json:"name"`
	Note string `yaml:"note" json:"note,omitempty"`
}

// Scope is the unit at which a requirement is scored.
type Scope string

// The scopes. What is scored for the entity is inherited by its sites.
const (
	ScopeEntity Scope = "entity"
	ScopeSite   Scope = "site"
	ScopeBoth   Scope = "entity+site" // one rule for the company, applied and scored at each site
)

// Mode says what a level may rest on.
type Mode string

// The modes.
const (
	Measured Mode = "measured" // mainly live data
	Mixed    Mode = "mixed"    // live data and attestation
	Declared Mode = "declared" // mainly attestation: stops at 2, at 3 with an independent check
	Alias    Mode = "alias"    // scored under another id
)

// Requirement is one thing NIS2 asks, with the checks and the declared records that answer it.
type Requirement struct {
	ID       string       `yaml:"id"`
	Area     int          `yaml:"-"`
	Title    string       `yaml:"title"`
	Text     string       `yaml:"text"`
	Scope    Scope        `yaml:"scope"`
	Mode     Mode         `yaml:"mode"`
	AliasOf  string       `yaml:"alias_of"`
	Key      bool         `yaml:"key"`
	Weight   float64      `yaml:"weight"`
	Refs     Refs         `yaml:"refs"`
	Checks   []*CheckSpec `yaml:"checks"`
	Declared []RecordSpec `yaml:"declared"`
	User     string       `yaml:"user"` // what a person needs to work on it
}

// Refs are identifiers in the sources that Catalogue.References names.
type Refs struct {
	NIS2       []string `yaml:"nis2"`
	CIR        []string `yaml:"cir"`
	IEC21      []string `yaml:"iec_2_1"`
	IEC33      []string `yaml:"iec_3_3"`
	ISO        []string `yaml:"iso27001"`
	CSF        []string `yaml:"csf2"`
	Confidence string   `yaml:"confidence"` // of the pairing: high or medium
	Note       string   `yaml:"note"`
}

// byID gives the identifiers by the id of their source, sources without any left out.
func (r Refs) byID() map[string][]string {
	out := map[string][]string{}
	for id, list := range map[string][]string{"nis2": r.NIS2, "cir": r.CIR, "iec_2_1": r.IEC21, "iec_3_3": r.IEC33, "iso27001": r.ISO, "csf2": r.CSF} {
		if len(list) > 0 {
			out[id] = list
		}
	}
	return out
}

// CheckSpec is what the catalogue says of a check. The SQL that answers it, where this
// release has one, is an ot.Check of the same id.
type CheckSpec struct {
	ID          string   `yaml:"id"`
	Title       string   `yaml:"title"`
	Measure     string   `yaml:"measure"`
	Target      string   `yaml:"target"` // for people
	Test        Test     `yaml:"test"`   // for the engine
	Window      Window   `yaml:"window"`
	Source      []string `yaml:"source"`
	TTL         Window   `yaml:"ttl"`         // how old its data may be
	Weight      float64  `yaml:"weight"`      // in E; 0 means 1
	Observed    float64  `yaml:"observed"`    // least share of the window a zone must be listened to before "none" counts
	Contradicts bool     `yaml:"contradicts"` // missing the target contradicts the requirement's declarations
	Wants       string   `yaml:"wants"`       // what would answer it
}

// RecordSpec is a record that a person with the right role must declare.
type RecordSpec struct {
	Record     string `yaml:"record"`
	AttestedBy string `yaml:"attested_by"`
	ValidFor   Window `yaml:"valid_for"`
	Note       string `yaml:"note"`
}

// Requirement returns the requirement of that id, following an alias.
func (c *Catalogue) Requirement(id string) (*Requirement, bool) {
	r, ok := c.requirements[id]
	if ok && r.Mode == Alias {
		r, ok = c.requirements[r.AliasOf]
	}
	return r, ok
}

// Check returns the check of that id and the requirement it belongs to.
func (c *Catalogue) Check(id string) (*CheckSpec, *Requirement, bool) {
	k, ok := c.checks[id]
	return k, c.owner[id], ok
}

// Profile returns the profile of that id, or the first one.
func (c *Catalogue) Profile(id string) Profile {
	for _, p := range c.Profiles {
		if p.ID == id {
			return p
		}
	}
	return c.Profiles[0]
}

// Scored yields every requirement that has a level of its own, in catalogue order.
func (c *Catalogue) Scored() []*Requirement {
	var out []*Requirement
	for _, a := range c.Areas {
		for _, r := range a.Requirements {
			if r.Mode != Alias {
				out = append(out, r)
			}
		}
	}
	return out
}
