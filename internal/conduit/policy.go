package conduit

import (
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// policy is conduit_policy.
type policy struct {
	ID        string     `db:"policy_id"`
	SiteNo    int64      `db:"site_no"`
	From      int64      `db:"from_zone_no"`
	To        int64      `db:"to_zone_no"`
	Either    bool       `db:"either"`
	Transport string     `db:"transport"`
	Port      int64      `db:"port"`
	Protocol  string     `db:"protocol"`
	Classes   int64      `db:"classes"`
	Beyond    int64      `db:"beyond"`
	Allow     bool       `db:"allow"`
	Reason    string     `db:"reason"`
	Owner     string     `db:"owner"`
	Until     store.Time `db:"until_at"`
	By        string     `db:"decided_by"`
	At        store.Time `db:"decided_at"`
	Retired   store.Time `db:"retired_at"`
	Version   int64      `db:"version"`
}

const policyColumns = "p.policy_id, p.site_no, p.from_zone_no, p.to_zone_no, p.either, p.transport, p.port, p.protocol, p.classes, p.beyond, p.allow, p.reason, p.owner, p.until_at, p.decided_by, p.decided_at, p.retired_at, p.version"

func policySet() []string {
	return []string{"from_zone_no", "to_zone_no", "either", "transport", "port", "protocol", "classes", "beyond", "allow", "reason", "owner", "until_at", "decided_by", "decided_at", "retired_at", "version"}
}

// everyClass has the bit of each class.
const everyClass = int64(1)<<14 - 1

func (p *policy) etag() string { return rest.ETag(p.ID, strconv.FormatInt(p.Version, 10)) }

// inForce says whether a policy counts at a moment.
func (p *policy) inForce(now time.Time) bool {
	return p.Retired.IsZero() && (p.Until.IsZero() || now.Before(p.Until.Time))
}

// covers says whether a policy speaks of a crossing.
func (p *policy) covers(c *Crossing) bool {
	ends := p.From == c.FromZone && p.To == c.ToZone || p.Either && p.From == c.ToZone && p.To == c.FromZone
	switch {
	case !ends, p.Transport != "" && p.Transport != c.Transport, p.Port != 0 && p.Port != c.Port, p.Protocol != "" && p.Protocol != c.Protocol:
		return false
	case p.Allow:
		return c.Classes&p.Beyond == 0
	}
	return p.Classes == 0 || c.Classes&p.Classes != 0 // a denied class denies what holds it
}

// The verdicts on a crossing.
const (
	Approved  = "approved"
	Denied    = "denied"
	Undecided = "undecided" // no policy speaks of it
	Beyond    = "beyond"    // its zones have a conduit that does not allow this
)

// judge says what the policies in force say of a crossing; by is the one that decided.
func judge(policies []policy, c *Crossing, now time.Time) (verdict string, by *policy) {
	verdict = Undecided
	for i := range policies {
		p := &policies[i]
		if !p.inForce(now) {
			continue
		}
		switch {
		case p.covers(c) && !p.Allow:
			return Denied, p
		case p.covers(c) && verdict != Approved:
			verdict, by = Approved, p
		case verdict == Undecided && p.Allow && (p.From == c.FromZone && p.To == c.ToZone || p.Either && p.From == c.ToZone && p.To == c.FromZone):
			verdict = Beyond
		}
	}
	return verdict, by
}

func classNames(c int64) []string {
	out := []string{}
	for i, name := range ot.ClassNames {
		if c&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// classBits reads names back.
func classBits(names []string) (bits int64, err error) {
	for _, n := range names {
		c := ot.ParseClass(n)
		if c == 0 {
			return 0, ot.Errorf(ot.Invalid, "classes: there is no class %s", ot.Printable(n))
		}
		bits |= int64(c)
	}
	return bits, nil
}
